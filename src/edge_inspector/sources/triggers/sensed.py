"""Parts of a free-running camera whose pictures tell when one is there: the best picture of each becomes its frame."""

import threading
import time
from collections.abc import Callable

from edge_inspector.alarms import TRIGGER_UNAVAILABLE
from edge_inspector.frame import DropCause
from edge_inspector.sources.framing import FrameMaker, PartTag
from edge_inspector.sources.free_running import FreeRunning
from edge_inspector.sources.freshness import Freshness
from edge_inspector.sources.grabbing import Picture
from edge_inspector.sources.outlet import Outlet
from edge_inspector.sources.triggers.part_sensor import PartSensor, Seen, SensorOptions

_BLIND_NS = 60_000_000_000


class SensedParts(FreeRunning):
    """Passes on the pictures that show a part in its place; the others are looked at and are no frames."""

    def __init__(  # noqa: PLR0913 - as of FreeRunning, and what parts take
        self,
        outlet: Outlet,
        frames: FrameMaker,
        freshness: Freshness,
        *,
        sensor: SensorOptions,
        name: Callable[[int], PartTag],
        staleness_s: float,
        patience_s: float,
        frozen_after_s: float | None,
    ) -> None:
        """Know nothing of the line yet.

        Args:
            outlet: Takes the frames.
            frames: Makes them.
            freshness: Judges how old pictures are that carry no time of their own.
            sensor: What a part looks like.
            name: Says which part comes, by the time at which it was captured.
            staleness_s: A picture that may be older than this is passed over.
            patience_s: A camera without a picture that can be trusted for so long is opened again.
            frozen_after_s: Pictures that are the same for longer are frozen; never when None.
        """
        super().__init__(
            outlet, frames, freshness, staleness_s=staleness_s, patience_s=patience_s, frozen_after_s=frozen_after_s
        )
        self._sensor, self._name = PartSensor(sensor), name
        self._best: tuple[Picture, int] | None = None
        self._taking = threading.Lock()  # the reader takes it where the driver is stuck, and at the stop
        self._free_ns: int | None = None
        self._sees: bool | None = None  # nobody knows at first: an alarm of an earlier source may stand

    def opened(self) -> None:
        """Begin with a camera that was opened just now."""
        super().opened()
        self._free_ns = None

    def deliver(self, picture: Picture, captured_ns: int, now_ns: int) -> None:
        """Look at a picture, and pass on the one before where it was the best of its part."""
        self._outlet.waits()
        match self._sensor.see(picture.image):
            case Seen.COVERS:
                self._best = picture, captured_ns
            case Seen.PASSES:
                self._pass_on()
            case Seen.NOTHING:
                pass
        self._watch(now_ns)

    def away(self, reason: str) -> None:  # noqa: ARG002 - why does not matter
        """Pass on the part that was in its place: there will be no better picture."""
        self._pass_on()

    def leave(self, cause: DropCause, problem: str) -> None:  # noqa: ARG002 - the part has its picture
        """Pass on the part that is in its place."""
        self._pass_on()

    def changed_over(self, *, sees_otherwise: bool) -> None:
        """Pass on what is of before, and learn the empty line anew where it looks otherwise now."""
        super().changed_over(sees_otherwise=sees_otherwise)
        self._pass_on()
        if sees_otherwise:
            self._sensor.forget()

    def _watch(self, now_ns: int) -> None:
        """Tell where the region is not free for so long that no part can be told from another."""
        if self._free_ns is None or self._sensor.is_free:
            self._free_ns = now_ns
            if self._sensor.is_free and not self._sees:
                self._sees = True
                self._outlet.well(TRIGGER_UNAVAILABLE, "part sensor", "the part sensor sees the line free")
        elif self._sees is not False and now_ns - self._free_ns > _BLIND_NS:
            self._sees = False
            text = (
                f"the part sensor has not seen its region free for {_BLIND_NS / 1e9:.0f} s: is the light another one?"
            )
            self._outlet.trouble(TRIGGER_UNAVAILABLE, "part sensor", text)

    def _pass_on(self) -> None:
        with self._taking:
            best, self._best = self._best, None
        if best is not None:
            picture, captured_ns = best
            self._outlet.put(self._frames.frame(picture, captured_ns, time.monotonic_ns(), self._name(captured_ns)))
