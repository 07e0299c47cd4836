"""The commands that say that a part is there, what the next one is, and that a roll has ended."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future

from edge_inspector.app.live import LineSide
from edge_inspector.app.web import web_of
from edge_inspector.commands import CommandName
from edge_inspector.errors import RefusedError, SourceError
from edge_inspector.events import Json
from edge_inspector.settings import CommandTrigger, LiveCamera, SourceSettings
from edge_inspector.sources.rolls import EndedRoll
from edge_inspector.sources.triggers.signal import Trigger

_ROLL_PATIENCE_S = 2.0

LineFunction = Callable[[Mapping[str, object]], Mapping[str, Json]]


def line_commands(source: SourceSettings, line: LineSide) -> dict[str, LineFunction]:
    """Return the commands by name; each is refused with the reason where the source has no use for it.

    Args:
        source: Which source is configured.
        line: What its parts come with.
    """
    trigger = source.trigger if isinstance(source, LiveCamera) else None

    def fire(arguments: Mapping[str, object]) -> Mapping[str, Json]:
        if not isinstance(trigger, CommandTrigger):
            found = "none" if trigger is None else f"by = {trigger.by!r}"
            msg = f"source.trigger: expected by = 'command' of a camera, found {found}"
            raise RefusedError(msg)
        line.command.bring(Trigger(time.monotonic_ns(), *_of_part(arguments)))
        return {}

    def announce(arguments: Mapping[str, object]) -> Mapping[str, Json]:
        if trigger is None:
            msg = "source.trigger: expected a camera with a trigger, found none: no parts come"
            raise RefusedError(msg)
        if not any(told := _of_part(arguments)):
            msg = "expected one of part_id, lot and product, found none"
            raise RefusedError(msg)
        return {"announced": line.announced.announce(*told)}

    def end_roll(arguments: Mapping[str, object]) -> Mapping[str, Json]:
        if web_of(source) is None:
            msg = "source.web: expected a line-scan camera over a web, found none: there are no rolls"
            raise RefusedError(msg)
        wanted = arguments.get("roll")
        return _ended(line.rolls.end_roll(wanted if isinstance(wanted, str) else None))

    return {CommandName.TRIGGER: fire, CommandName.PART: announce, CommandName.ROLL: end_roll}


def _ended(done: Future[EndedRoll]) -> Mapping[str, Json]:
    """Wait until the roll has ended where its lines are read, and return what a person wants to know of it."""
    try:
        ended = done.result(_ROLL_PATIENCE_S)
    except TimeoutError:
        if not done.cancel():
            ended = done.result()
        else:
            msg = f"the source was not read for {_ROLL_PATIENCE_S:g} s: the roll goes on"
            raise SourceError(msg) from None
    return {"ended": ended.roll, "lines": ended.lines, "roll": ended.next_roll}


def _of_part(arguments: Mapping[str, object]) -> tuple[str | None, str | None, str | None]:
    part_id, lot, product = (
        value if isinstance(value := arguments.get(name), str) else None for name in ("part_id", "lot", "product")
    )
    return part_id, lot, product
