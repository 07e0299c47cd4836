"""Entries: messages on record, each in the lane of its importance."""

from dataclasses import dataclass
from typing import Final

from edge_inspector.topics import Message, Priority

MOST_IMPORTANT_FIRST: Final = (Priority.ALERT, Priority.RESULT, Priority.STATS)
HISTORY: Final = len(MOST_IMPORTANT_FIRST)  # a lane that no sink reads: retained topics reach sinks as the present
ALERTS, RESULTS = MOST_IMPORTANT_FIRST.index(Priority.ALERT), MOST_IMPORTANT_FIRST.index(Priority.RESULT)
LANES: Final = (*range(len(MOST_IMPORTANT_FIRST)), HISTORY)
LEAST_IMPORTANT_FIRST: Final = (2, HISTORY, 1, 0)
_LANE_OF: Final = {priority: lane for lane, priority in enumerate(MOST_IMPORTANT_FIRST)}


@dataclass(frozen=True, slots=True)
class Entry:
    """A message on record.

    Attributes:
        seq: Its number; later ones are higher, and some numbers may be missing.
        message: What was recorded.
    """

    seq: int
    message: Message


def lane_of(message: Message) -> int | None:
    """Return the lane of a message; None for one that is not recorded.

    A retained topic carries the present, of which the broker keeps the last: only its events go on record, as history.
    """
    delivery = message.delivery
    if not delivery.retain:
        return _LANE_OF[delivery.priority]
    return HISTORY if message.id and message.payload else None


def size_of(message: Message) -> int:
    """Return how many bytes a message counts for in quotas."""
    return len(message.payload) + len(message.topic) + len(message.id)
