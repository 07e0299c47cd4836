"""Names and ARNs of SageMaker's things, and the errors that their absence makes."""

import getpass
import os
import re
from datetime import datetime
from typing import Any

from cloud_side.local.home import ACCOUNT
from cloud_side.local.jobs.kinds import arn
from cloud_side.local.wiring import RefusedRequest

NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"


def bare(kind: str, name_or_arn: str) -> str:
    """Return the name where a name or an ARN may be given."""
    return name_or_arn.removeprefix(arn(kind, ""))


def checked(value: str, member: str, pattern: str = NAME) -> str:
    """Return a name that the client, which knows no patterns, let through.

    Raises:
        RefusedRequest: If it is none.
    """
    if not re.fullmatch(pattern, value):
        msg = (
            f"1 validation error detected: Value '{value}' at '{member[0].lower()}{member[1:]}' failed to satisfy "
            f"constraint: Member must satisfy regular expression pattern: {pattern}"
        )
        raise RefusedRequest("ValidationException", msg)
    return value


def refused(message: str) -> RefusedRequest:
    """Return the error of a request that asks for what cannot be."""
    return RefusedRequest("ValidationException", message)


def stamp(moment: datetime) -> str:
    """Return a time as it is kept: as text, it sorts as the time does."""
    return moment.isoformat(timespec="microseconds")


def whoever_calls() -> dict[str, Any]:
    """Return the UserContext of the caller: the user of this machine, in place of an identity of AWS."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # no name for the number
        user = str(os.getuid())
    return {"IamIdentity": {"Arn": f"arn:aws:iam::{ACCOUNT}:user/{user}", "PrincipalId": user}}
