"""The variables that the program of a host finds."""

import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cloud_side.engines import ENGINE_VARIABLE, local_engine
from cloud_side.local.calling import TOKEN_VARIABLE, Caller, as_variable
from cloud_side.local.home import Home
from cloud_side.local.jobs.places import placed
from cloud_side.local.jobs.plan import Plan


def base(home: Home, caller: Caller | None) -> dict[str, str]:
    """Return what every program of a job has: the supervisor's own variables, without those that lead to AWS.

    Args:
        home: The engine whose services the program finds.
        caller: In whose name it calls them.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_") and name != TOKEN_VARIABLE}
    return {
        "PYTHONUNBUFFERED": "1",  # what was printed before the end is in the log, however it ends
        **own,
        ENGINE_VARIABLE: local_engine(home.folder),
        **({} if caller is None else as_variable(caller)),
    }


def of_host(base: Mapping[str, str], told: Mapping[str, Any], root: Path) -> dict[str, str]:
    """Return the variables of one host: what the base has, and what the request and SageMaker tell it."""
    return dict(base) | {name: _text(placed(value, root)) for name, value in told.items()}


def command(plan: Plan, root: Path) -> list[str]:
    """Return the command of one host."""
    return [str(placed(word, root)) for word in plan.command]


def meeting_place(plan: Plan) -> dict[str, str]:
    """Return where the hosts of a job find each other: their names lead nowhere on one machine.

    The variables are those of torch's `env://`, which SageMaker's PyTorch containers set as well.
    """
    if len(plan.hosts) == 1:
        return {}
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(found.getsockname()[1])}


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON
    return value if isinstance(value, str) else json.dumps(value)
