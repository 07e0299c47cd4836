"""Which part it is: by its trigger, by who announced it, by the PLC, or by counting."""

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from edge_inspector.errors import RefusedError
from edge_inspector.sources.framing import PartTag
from edge_inspector.sources.triggers.signal import Trigger

_log = logging.getLogger(__name__)

MOST_ANNOUNCED = 100
_REMEMBERED = 1000
_AGAIN_NS = 10_000_000_000  # a part that was taken off the line and comes again takes longer


@dataclass(frozen=True, slots=True)
class PartIdentity:
    """What is known of a part; each is None where it is not."""

    part_id: str | None = None
    lot: str | None = None
    product: str | None = None


Identify = Callable[[int], PartIdentity]


class Announcements:
    """Parts that are announced before they come, first come first served; for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[PartIdentity] = deque()
        self._lot: str | None = None
        self._product: str | None = None

    def announce(self, part_id: str | None, lot: str | None, product: str | None) -> int:
        """Announce the next part; lot and product are those of all that follow, until told otherwise.

        Returns:
            How many parts are announced and have not come.

        Raises:
            RefusedError: If too many are.
        """
        with self._lock:
            if part_id is not None and len(self._waiting) >= MOST_ANNOUNCED:
                msg = f"{MOST_ANNOUNCED} parts are announced already, and none of them has come"
                raise RefusedError(msg)
            self._lot, self._product = lot or self._lot, product or self._product
            if part_id is not None:
                self._waiting.append(PartIdentity(part_id, self._lot, self._product))
            return len(self._waiting)

    def next(self, *, by_name: bool) -> PartIdentity:
        """Return what is known of the part that comes now.

        Args:
            by_name: It is the one that was announced first, if any; else it has its name from elsewhere.
        """
        with self._lock:
            if by_name and self._waiting:
                return self._waiting.popleft()
            return PartIdentity(None, self._lot, self._product)


class PartNames:
    """Gives each part of a session its name; for all threads, and for one source after another."""

    def __init__(self, session_started_at: datetime, announced: Announcements, *, deadline_ms: float | None) -> None:
        """Start with part 0.

        Args:
            session_started_at: Start of this run of the daemon.
            announced: Parts that were announced.
            deadline_ms: A part closes so long after the capture of its first frame; never when None.
        """
        self._prefix = f"{session_started_at:%Y%m%dT%H%M%S}"
        self._announced = announced
        self._again_ns = max(_AGAIN_NS, int(2e6 * (deadline_ms or 0)))
        self._lock = threading.Lock()
        self._counted = 0
        self._recent: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def name(self, captured_ns: int, *, trigger: Trigger | None = None, identify: Identify | None = None) -> PartTag:
        """Return which part comes now; each call is another part.

        Args:
            captured_ns: When it was captured, or should have been, on the monotonic clock.
            trigger: What its trigger told.
            identify: Asks the PLC.
        """
        own = PartIdentity() if trigger is None else PartIdentity(trigger.part_id, trigger.lot, trigger.product)
        told = self._announced.next(by_name=own.part_id is None)
        read = PartIdentity() if identify is None else identify(captured_ns)
        part_id = own.part_id or told.part_id or read.part_id
        with self._lock:
            if part_id is None:
                part_id, self._counted = f"{self._prefix}-{self._counted:06d}", self._counted + 1
            else:
                part_id = self._told_apart(part_id, captured_ns)
        return PartTag(part_id, own.lot or told.lot or read.lot, own.product or told.product or read.product)

    def _told_apart(self, part_id: str, captured_ns: int) -> str:
        """Return the name, with a number where its namesake is hardly gone: each trigger has a result of its own."""
        last_ns, times = self._recent.get(part_id, (-self._again_ns, 0))
        times = times + 1 if captured_ns - last_ns < self._again_ns else 1
        if times == 2:  # told once, however often it comes now
            _log.warning("part %s has come twice within %.0f s: told apart by a number", part_id, self._again_ns / 1e9)
        self._recent[part_id] = captured_ns, times
        self._recent.move_to_end(part_id)
        if len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)
        return part_id if times == 1 else f"{part_id}~{times}"
