"""What people are told of stations: one message for all that is new, however much that is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cloud_side.monitoring.looking import Look
from cloud_side.monitoring.silence import Presence
from cloud_side.monitoring.stations import Heard, Station

_LONGEST_SUBJECT: Final = 100  # letters of ASCII: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
_MOST: Final = 50  # of a kind in a message


@dataclass(frozen=True)
class Message:
    """A mail."""

    subject: str
    text: str


def told(look: Look, installation: str) -> Message | None:
    """Return what people are told of it; None: nothing is new.

    Args:
        look: What was found.
        installation: Whose stations they are.
    """
    raised = [(name, heard) for name, heard in look.alarms if heard.stands]
    cleared = [(name, heard) for name, heard in look.alarms if not heard.stands]
    news = [
        *(f"{each.name} is silent" for each in look.fell_silent),
        *(f"{name}: {heard.name}" for name, heard in raised),
        *(f"{each.name} is {_how(look, each)}" for each in look.came_back),
        *(f"{name}: {heard.name} is over" for name, heard in cleared),
    ]
    if not news:
        return None
    more = f" and {len(news) - 1} more" if len(news) > 1 else ""
    room = _LONGEST_SUBJECT - len(installation) - len(more) - 2
    subject = f"{installation}: {news[0][:room]}{more}".encode("ascii", "replace").decode()
    kinds = (
        _silent(look),
        [_raised(name, heard) for name, heard in raised],
        [f"{each.name} is {_how(look, each)}." for each in look.came_back],
        [f"{name}: {heard.name} is over. {heard.text}".rstrip() for name, heard in cleared],
    )
    return Message(subject, "\n\n".join("\n".join(_cut(lines)) for lines in kinds if lines))


def _silent(look: Look) -> list[str]:
    lines = [_last_word(each) for each in look.fell_silent]
    if lines and len(look.stations) > 1 and set(look.stations.values()) == {Presence.SILENT}:
        lines.insert(0, "All stations are silent: look at what they have in common first, the network or the rules.")
    return lines


def _last_word(station: Station) -> str:
    at = datetime.fromtimestamp(station.seen_ms / 1000, UTC)
    lost = " The broker lost its connection." if station.status == "offline" else ""
    return f"{station.name} has said nothing since {at:%Y-%m-%d %H:%M} UTC.{lost}"


def _how(look: Look, station: Station) -> str:
    return "back" if look.stations[station.name] is Presence.HEARD else "stopped, on purpose"


def _raised(name: str, heard: Heard) -> str:
    return f"{name}: {heard.name} ({heard.severity}). {heard.text} What to do: {heard.what_to_do}"


def _cut(lines: list[str]) -> Iterator[str]:
    yield from lines[:_MOST]
    if len(lines) > _MOST:
        yield f"and {len(lines) - _MOST} more"
