"""A live camera as a source: any camera that blocks, opened again and again, on a thread of its own.

The reader never waits longer than it asked for, and a stop never waits for a driver: a thread that is stuck in one is
left behind and closes its camera itself when it wakes.
"""

import logging
import math
import random
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_inspector import backoff
from edge_inspector.camera import CameraFault, CameraReport, CameraStatus, Skipped
from edge_inspector.errors import FrameError, InspectorError
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.ports import Delivered
from edge_inspector.sources.freshness import SETTLING_NS, Freshness
from edge_inspector.sources.frozen import FrozenWatch
from edge_inspector.sources.mailbox import Mailbox
from edge_inspector.sources.standing import Standing

_log = logging.getLogger(__name__)
_WAITING_FRAMES = 2  # the flow has its own queue; here is only room for a reader that was held up
_CLOSE_S = 0.2  # a stop waits so long for the driver


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What a camera delivered.

    Attributes:
        image: (h, w, 3) uint8 BGR or (h, w) uint8 grey, never changed afterwards.
        captured_monotonic_ns: When its exposure began, on this machine's monotonic clock; None if nobody said so.
        captured_at_source: Who said so: `camera` or `driver`.
        stream_ns: Its time on the stream's own clock, which starts anywhere; None without one.
        damaged_before: Pictures just before it that could not be decoded.
    """

    image: NDArray[np.uint8]
    captured_monotonic_ns: int | None = None
    captured_at_source: str = "host"
    stream_ns: int | None = None
    damaged_before: int = 0


class Camera(Protocol):
    """An open camera; used and closed by one thread alone."""

    def grab(self) -> Picture:
        """Return the next picture, waiting for it as long as its read time-out allows.

        Raises:
            SourceError: If it does not deliver; it is closed and opened again.
        """

    def close(self) -> None:
        """Let go of the device."""


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How a live camera is treated.

    Attributes:
        staleness_s: A frame that may be older than this is passed over.
        patience_s: A camera without a frame that can be trusted for so long is opened again.
        stuck_after_s: A driver that has not returned for so long is reported.
        reopen_min_s: First pause before it is opened again, in seconds.
        reopen_max_s: Longest pause.
        frozen_after_s: Pictures that are the same for longer are frozen; never when None.
        gray: Leave the colors out, for a model that needs none.
    """

    staleness_s: float
    patience_s: float
    stuck_after_s: float
    reopen_min_s: float = 0.5
    reopen_max_s: float = 10.0
    frozen_after_s: float | None = None
    gray: bool = False


class LiveSource:
    """Delivers the fresh frames of a camera that comes and goes, and says how it is."""

    def __init__(
        self, name: str, open_camera: Callable[[], Camera], freshness: Freshness, options: LiveOptions
    ) -> None:
        """Prepare; the camera is opened when the first frame is asked for.

        Args:
            name: What to call it in events and logs; without secrets.
            open_camera: Opens it, or raises SourceError with the reason.
            freshness: Judges how old pictures are that carry no time of their own.
            options: How it is treated.
        """
        self._name = name
        self._open_camera = open_camera
        self._freshness = freshness
        self._options = options
        self._mailbox = Mailbox(_WAITING_FRAMES)
        self._standing = Standing(time.monotonic())
        after_s = options.frozen_after_s
        self._frozen_watch = None if after_s is None else FrozenWatch(int(after_s * 1e9))
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._telling = threading.Lock()  # a reader that sees a stuck driver reports it in the thread's stead
        self._due_s = math.inf
        self._frames = 0
        self._attempts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, timeout_s: float) -> Delivered | None:
        """Return the next frame, report or count of frames passed over; None when nothing came in `timeout_s`."""
        if self._thread is None and not self._closing.is_set():
            self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
            self._thread.start()
        if (item := self._mailbox.take(timeout_s)) is None and time.monotonic() > self._due_s:
            self._fail(CameraFault.LOST, f"its driver has not returned for {self._options.stuck_after_s:g} s")
        return item

    def close(self) -> None:
        """End the camera's thread, or leave it behind if its driver does not return; takes at most 0.2 s."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(_CLOSE_S)
            if self._thread.is_alive():
                _log.info("camera %s: left behind at the stop, still waiting for its driver", self._name)

    def _run(self) -> None:
        while not self._closing.is_set():
            opened_s = time.monotonic()
            self._due_s = opened_s + self._options.stuck_after_s
            try:
                with closing(self._open_camera()) as camera:
                    opened_s = time.monotonic()
                    self._freshness.restart()
                    self._deliver(camera, opened_s)
            except InspectorError as error:
                self._fail(CameraFault.LOST, str(error))
            except Exception as error:  # noqa: BLE001 - thread boundary: a defect in a driver must not end the watch
                _log.exception("%s failed", self._name)
                self._fail(CameraFault.LOST, f"{type(error).__name__}: {error}")
            self._due_s = math.inf
            if time.monotonic() - opened_s > self._options.patience_s + self._options.reopen_max_s:
                self._attempts = 0  # it had been well
            self._closing.wait(self._pause_s())
            self._attempts += 1

    def _deliver(self, camera: Camera, opened_s: float) -> None:
        """Pass pictures on until the stop, or until the camera should be opened again."""
        trusted_s = opened_s
        while not self._closing.is_set():
            self._due_s = time.monotonic() + self._options.stuck_after_s
            picture = camera.grab()
            now_ns = time.monotonic_ns()
            now_s = now_ns / 1e9
            if picture.damaged_before:
                self._mailbox.put(Skipped(DropCause.FRAME_DAMAGED, picture.damaged_before))
            captured_ns = self._captured_ns(picture, now_ns)
            if captured_ns is None or now_ns - captured_ns > self._options.staleness_s * 1e9:
                self._mailbox.put(Skipped(DropCause.STALE, 1))
                if now_s - trusted_s > self._options.patience_s + SETTLING_NS / 1e9:
                    self._freshness.forget()
                    self._fail(CameraFault.LOST, self._stale_words(), CameraStatus.DEGRADED)
                    return
                continue
            trusted_s = now_s
            if self._frozen_watch is not None and self._frozen_watch.is_frozen(picture.image, now_ns):
                self._mailbox.put(Skipped(DropCause.FROZEN, 1))
                self._fail(CameraFault.FROZEN, self._frozen_words(), CameraStatus.DEGRADED)
                return
            self._recover()
            self._mailbox.put(self._frame(picture, captured_ns, now_ns))

    def _captured_ns(self, picture: Picture, now_ns: int) -> int | None:
        if picture.captured_monotonic_ns is not None:
            return min(picture.captured_monotonic_ns, now_ns)
        return self._freshness.earliest_ns(now_ns, picture.stream_ns)

    def _frame(self, picture: Picture, captured_ns: int, now_ns: int) -> Frame | DamagedFrame:
        number, self._frames = self._frames, self._frames + 1
        captured_at = datetime.now(UTC) - timedelta(microseconds=(now_ns - captured_ns) / 1000)
        try:
            return Frame(
                self._colors_needed(picture.image), number, captured_at, captured_ns, self._name,
                captured_at_source=picture.captured_at_source,
            )  # fmt: skip
        except FrameError as error:
            return DamagedFrame(number, captured_at, captured_ns, self._name, None, str(error))

    def _colors_needed(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self._options.gray and image.ndim == 3:
            return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
        return image

    def _stale_words(self) -> str:
        return f"its pictures may be older than {self._options.staleness_s:g} s"

    def _frozen_words(self) -> str:
        return f"it has repeated one picture for more than {self._options.frozen_after_s:g} s"

    def _recover(self) -> None:
        with self._telling:
            self._tell(self._standing.delivers(time.monotonic()))

    def _fail(self, fault: CameraFault, reason: str, status: CameraStatus = CameraStatus.OFFLINE) -> None:
        with self._telling:
            if not self._closing.is_set():
                self._tell(self._standing.fails(fault, reason, time.monotonic(), status=status))

    def _tell(self, report: CameraReport | None) -> None:
        if report is not None:
            _log.log(
                logging.INFO if report.fault is None else logging.WARNING,
                "camera %s is %s: %s", self._name, report.status.value, report.reason,
            )  # fmt: skip
            self._mailbox.put(report)

    def _pause_s(self) -> float:
        options = self._options
        jitter = random.random()  # noqa: S311 - no secret
        return backoff.pause_s(self._attempts, options.reopen_min_s, options.reopen_max_s, jitter=jitter)
