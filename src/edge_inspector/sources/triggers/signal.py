"""A signal that a part is in front of the camera: where it comes from is for each kind to say."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Trigger:
    """A part is in front of the camera.

    Attributes:
        at_ns: When, on this machine's monotonic clock.
        part_id, lot, product: What the part is, where the signal itself tells.
    """

    at_ns: int
    part_id: str | None = None
    lot: str | None = None
    product: str | None = None


class TriggerDesk(Protocol):
    """Who takes triggers; for all threads."""

    def take(self, trigger: Trigger) -> bool:
        """Take a trigger, which becomes a part whatever the camera does; return False where none is taken any more."""

    def trouble(self, alarm: str, text: str) -> None:
        """Note that no trigger can come, and why; an alarm tells of it until it is well."""

    def well(self, alarm: str, text: str) -> None:
        """Note that triggers can come, for the first time or again."""

    def happened(self, alarm: str, text: str) -> None:
        """Note what happens now and then; the alarm is over when it is quiet."""


class Signal(Protocol):
    """Where triggers come from."""

    def start(self, desk: TriggerDesk) -> None:
        """Bring triggers from now on, on a thread of its own."""

    def close(self) -> None:
        """Bring no more; waits a moment for its thread."""
