"""Which machine or execution a person means by an ARN, a name, or the beginning of a name."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from botocore.exceptions import ClientError

from cloud_side.local.cli.errors import CommandError

Client: TypeAlias = Any  # boto3's clients have no type
Listed: TypeAlias = Mapping[str, Any]

_LOOKED_AT = 10_000  # executions of a machine, the latest ones
_SHOWN = 5
_PAGE = 1000


def machines(client: Client) -> list[Listed]:
    """Return all state machines, by name."""
    pages = client.get_paginator("list_state_machines").paginate()
    return sorted((machine for page in pages for machine in page["stateMachines"]), key=lambda each: str(each["name"]))


def executions(
    client: Client, machine_arn: str, *, status: str | None = None, limit: int = _LOOKED_AT
) -> Iterator[Listed]:
    """Yield the executions of a machine, the latest first, at most so many."""
    asked = {"stateMachineArn": machine_arn} | ({"statusFilter": status} if status else {})
    paging = {"PageSize": min(_PAGE, limit), "MaxItems": limit}
    for page in client.get_paginator("list_executions").paginate(**asked, PaginationConfig=paging):
        yield from page["executions"]


def machine_of(client: Client, said: str) -> str:
    """Return the ARN of the machine that is meant.

    Raises:
        CommandError: If none is meant, or more than one.
    """
    if said.startswith("arn:"):
        return said
    _check_said(said, "a machine")
    found = {str(each["name"]): str(each["stateMachineArn"]) for each in machines(client)}
    meant = [said] if said in found else [name for name in found if name.startswith(said)]
    if not meant:
        msg = f"{said}: no machine has this name, found {', '.join(sorted(found)) or 'none at all'}"
        raise CommandError(msg)
    return found[_only(said, meant, "machines")]


def execution_of(client: Client, said: str) -> str:
    """Return the ARN of the execution that is meant.

    Raises:
        CommandError: If none is meant, or more than one.
    """
    if said.startswith("arn:"):
        return said
    _check_said(said, "an execution")
    known = [str(each["stateMachineArn"]) for each in machines(client)]
    exact = [arn for machine in known if (arn := _execution(client, machine, said)) is not None]
    if exact:
        return _only(said, exact, "executions")
    meant = [
        str(each["executionArn"])
        for machine in known
        for each in executions(client, machine)
        if str(each["name"]).startswith(said)
    ]
    if not meant:
        msg = f"{said}: no execution has this name or one that begins so; `executions` lists them"
        raise CommandError(msg)
    return _only(said, meant, "executions")


def _check_said(said: str, what: str) -> None:
    if not said:  # every name begins with nothing
        msg = f"found an empty name, expected the name of {what}, or how it begins"
        raise CommandError(msg)


def _execution(client: Client, machine: str, name: str) -> str | None:
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
    try:
        client.describe_execution(executionArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"ExecutionDoesNotExist", "InvalidArn", "ValidationException"}:
            return None
        raise
    return arn


def _only(said: str, meant: Sequence[str], what: str) -> str:
    if len(meant) > 1:
        more = f" and {len(meant) - _SHOWN:,} more" if len(meant) > _SHOWN else ""
        msg = f"{said}: {len(meant):,} {what} are meant: {', '.join(meant[:_SHOWN])}{more}; expected one"
        raise CommandError(msg)
    return meant[0]
