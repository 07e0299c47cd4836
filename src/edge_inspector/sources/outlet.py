"""What a live source has to say, from any of its threads: frames, reports of its camera, troubles beside it."""

import logging
import math
import threading
import time
from datetime import UTC, datetime
from typing import Protocol

from edge_inspector.camera import CameraFault, CameraReport, CameraStatus, SourceTrouble
from edge_inspector.ports import Delivered
from edge_inspector.sources.mailbox import Mailbox
from edge_inspector.sources.standing import Standing

_log = logging.getLogger(__name__)


class Companion(Protocol):
    """What runs beside a camera, on a thread of its own."""

    def start(self) -> None:
        """Begin."""

    def close(self) -> None:
        """End; returns soon."""


class Outlet:
    """Where the threads of a live source put what its reader takes; for all threads.

    Attributes:
        name: What the camera is called in events and logs.
        closing: Set once the source is being closed: nothing waits any more.
        companions: Run beside the camera from its first opening to the close.
    """

    def __init__(self, name: str, mailbox: Mailbox, *, stuck_after_s: float) -> None:
        """Start with a camera of which nothing is known.

        Args:
            name: What to call it; without secrets.
            mailbox: Where the reader takes from.
            stuck_after_s: A driver that has not returned for so long is stuck.
        """
        self.name = name
        self.closing = threading.Event()
        self.companions: list[Companion] = []
        self.put = mailbox.put
        self.wait_for_room = mailbox.wait_for_room
        self._mailbox = mailbox
        self._stuck_after_s = stuck_after_s
        self._standing = Standing(time.monotonic())
        self._telling = threading.Lock()  # a reader that sees a stuck driver reports it in the thread's stead
        self._due_s, self._allowed_s = math.inf, stuck_after_s
        self._troubled: dict[str, set[str]] = {}

    def take(self, timeout_s: float) -> Delivered | None:
        """Return the oldest item, waiting up to `timeout_s` seconds for one; None if none came."""
        return self._mailbox.take(timeout_s)

    def close(self) -> None:
        """Hold nobody up any more."""
        self.closing.set()
        self._mailbox.close()

    def beat(self, within_s: float = math.inf) -> None:
        """Note that the driver is asked for something now, which is urgent where it must return within some seconds."""
        self._allowed_s = min(within_s, self._stuck_after_s)
        self._due_s = time.monotonic() + self._allowed_s

    def rest(self) -> None:
        """Note that the driver is asked for nothing."""
        self._due_s = math.inf

    @property
    def is_stuck(self) -> bool:
        """Whether the driver has not returned for too long."""
        return time.monotonic() > self._due_s

    @property
    def stuck_words(self) -> str:
        """The same in words."""
        return f"its driver has not returned for {self._allowed_s:g} s"

    def delivers(self) -> None:
        """Note that a frame came that can be trusted."""
        with self._telling:
            self._tell(self._standing.delivers(time.monotonic()))

    def waits(self) -> None:
        """Note that the camera answers, and waits for its trigger."""
        with self._telling:
            self._tell(self._standing.waits(time.monotonic()))

    def fails(self, fault: CameraFault, reason: str, status: CameraStatus = CameraStatus.OFFLINE) -> None:
        """Note that the camera is not online."""
        with self._telling:
            if not self.closing.is_set():
                self._tell(self._standing.fails(fault, reason, time.monotonic(), status=status))

    def trouble(self, alarm: str, who: str, text: str) -> None:
        """Raise an alarm that lasts until it is well with everyone who told of it; the first to tell says why."""
        with self._telling:
            troubled = self._troubled.setdefault(alarm, set())
            if who not in troubled:
                _log.warning("%s, %s: %s", alarm, who, text)
            if not troubled:
                self.put(SourceTrouble(alarm, datetime.now(UTC), text))
            troubled.add(who)

    def well(self, alarm: str, who: str, text: str) -> None:
        """Clear an alarm, unless somebody else still has reason for it; also what an earlier source has left."""
        with self._telling:
            others = self._troubled.setdefault(alarm, set())
            others.discard(who)
            if not others:
                self.put(SourceTrouble(alarm, datetime.now(UTC), text, is_over=True))

    def happened(self, alarm: str, text: str) -> None:
        """Raise an alarm that is over when it is quiet."""
        self.put(SourceTrouble(alarm, datetime.now(UTC), text, lasts=False))

    def _tell(self, report: CameraReport | None) -> None:
        if report is not None:
            _log.log(
                logging.INFO if report.fault is None else logging.WARNING,
                "camera %s is %s: %s", self.name, report.status.value, report.reason,
            )  # fmt: skip
            self.put(report)
