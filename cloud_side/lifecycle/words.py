"""A plan of deletion, and how an installation is, as lines for a person."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from cloud_side import __version__
from cloud_side.lifecycle.holdings import STAYING, Holding, Kind
from cloud_side.lifecycle.looking import Seen
from cloud_side.lifecycle.stacks import Content, Stack


def lines_of_plan(
    contents: Mapping[Stack, Content], holdings: Sequence[Holding], *, is_data_meant: bool
) -> Iterator[str]:
    """Yield what a deletion deletes and what it leaves.

    Args:
        contents: Of each stack, in the order of deletion.
        holdings: The data that is there.
        is_data_meant: Whether it is deleted too.
    """
    if contents:
        yield "Deleted with their stacks:"
    for stack, content in contents.items():
        yield f"  {stack.name}{' (protected from deletion)' if stack.is_protected else ''}"
        yield from (f"    {count:4} {kind}" for kind, count in content.deleted.items())
    retained = [each for content in contents.values() for each in content.retained]
    if retained:
        yield "Left by their stacks:"
        yield from (f"  {kind} {name}" for kind, name in retained)
    data = [each for each in holdings if each.kind not in STAYING]
    if data:
        yield "Data, deleted for good:" if is_data_meant else "Data, which stays (--and-data would delete it):"
        yield from (f"  {each}" for each in data)
    staying = [each for each in holdings if each.kind in STAYING]
    if staying:
        yield "These stay in any case, as copies of data may be elsewhere and people have passwords; to delete them:"
        yield from (f"  {_BY_HAND[each.kind]}{each.name}" for each in staying)


_BY_HAND: Final = {
    Kind.KEY: "aws kms schedule-key-deletion --pending-window-in-days 30 --key-id ",
    Kind.PEOPLE: "aws cognito-idp delete-user-pool --user-pool-id ",  # refused while it is protected from deletion
}


def lines_of_seen(seen: Seen) -> Iterator[str]:
    """Yield how an installation is."""
    yield f"{seen.installation} in account {seen.account}, region {seen.region}"
    yield from _part("Stacks", [_line_of(each) for each in seen.stacks])
    yield from _part("Not deployed", seen.missing)
    yield from _part(
        "Last executions",
        [f"{each.started}  {each.state:10}  {each.workflow}  {each.name}" for each in seen.executions],
    )
    yield from _part("In alarm", [f"{name}: {why}" for name, why in seen.alarms])
    yield from _part("Parameters", [f"{name} = {value}" for name, value in seen.parameters])


def _line_of(stack: Stack) -> str:
    line = f"{stack.name}  {stack.state}"
    if stack.version != __version__:
        line += f"  deployed from {stack.version or 'no version that it says'}, here is {__version__}"
    if stack.drifted:
        line += "  changed by hand (drift)"
    return f"{line}  {stack.why}" if stack.why and not stack.is_well else line


def _part(title: str, lines: Sequence[str]) -> Iterator[str]:
    yield f"{title}: {'' if lines else 'none'}".rstrip()
    yield from (f"  {each}" for each in lines)
