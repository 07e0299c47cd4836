"""A live camera as a source: any camera that blocks, opened again and again, on a thread of its own.

The reader never waits longer than it asked for, and a stop never waits for a driver: a thread that is stuck in one is
left behind and closes its camera itself when it wakes. What becomes of the camera's pictures is for its `Taker` to say.
"""

import logging
import queue
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Self, TypeAlias

from edge_inspector import backoff
from edge_inspector.camera import CameraFault, SetUpFor
from edge_inspector.errors import ConfigError, InspectorError, SourceError
from edge_inspector.frame import DropCause
from edge_inspector.ports import Delivered
from edge_inspector.settings import ProductCamera
from edge_inspector.sources.framing import FrameMaker
from edge_inspector.sources.free_running import FreeRunning
from edge_inspector.sources.freshness import Freshness
from edge_inspector.sources.grabbing import Camera, Grabbed, Incomplete, IndustrialCamera, Picture, Waiting
from edge_inspector.sources.mailbox import Mailbox
from edge_inspector.sources.outlet import Outlet
from edge_inspector.sources.taking import Taker

__all__ = [
    "Camera", "Grabbed", "Incomplete", "IndustrialCamera", "LiveOptions", "LiveSource", "Picture", "SetUp", "Taker",
    "Waiting",
]  # fmt: skip

_log = logging.getLogger(__name__)
_CLOSE_S = 0.2  # a stop waits so long for the driver
_LEAVE_S = 0.1  # and so long for the picture that it may just be bringing
_PART_S = 1.0  # a change-over waits so long for the end of a part whose frames have begun to come


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
        waiting_frames: How many frames may wait for the reader.
        keeps_turns: A frame that does not fit gives up its picture and keeps its turn; else the oldest goes.
    """

    staleness_s: float
    patience_s: float
    stuck_after_s: float
    reopen_min_s: float = 0.5
    reopen_max_s: float = 10.0
    frozen_after_s: float | None = None
    gray: bool = False
    waiting_frames: int = 2  # the flow has its own queue; here is only room for a reader that was held up
    keeps_turns: bool = False


@dataclass(frozen=True, slots=True)
class SetUp:
    """What the line is set up for.

    Attributes:
        product: Its code; None where nothing changes over.
        camera: How an industrial camera is set for it; None for any other.
        in_any_case: A camera that is away, or refuses it, is opened again with it.
    """

    product: str | None = None
    camera: ProductCamera | None = None
    in_any_case: bool = False


TakerMaker: TypeAlias = Callable[[Outlet, FrameMaker], Taker]


class LiveSource:
    """Delivers the fresh frames of a camera that comes and goes, and says how it is."""

    def __init__(  # noqa: PLR0913 - two of them only where there are parts or products
        self,
        name: str,
        open_camera: Callable[[], Camera],
        freshness: Freshness,
        options: LiveOptions,
        *,
        taker: TakerMaker | None = None,
        set_up: SetUp = SetUp(),
    ) -> None:
        """Prepare; the camera is opened when the first frame is asked for.

        Args:
            name: What to call it in events and logs; without secrets.
            open_camera: Opens it, or raises SourceError with the reason.
            freshness: Judges how old pictures are that carry no time of their own.
            options: How it is treated.
            taker: Makes what takes its pictures; a free-running camera's when None.
            set_up: What the line is set up for at first.
        """
        self._open_camera = open_camera
        self._options = options
        self._outlet = Outlet(
            name, Mailbox(options.waiting_frames, keeps_turns=options.keeps_turns), stuck_after_s=options.stuck_after_s
        )
        self._frames = FrameMaker(name, gray=options.gray, product=set_up.product)
        self._taker: Taker = (
            taker(self._outlet, self._frames)
            if taker is not None
            else FreeRunning(
                self._outlet, self._frames, freshness, staleness_s=options.staleness_s, patience_s=options.patience_s,
                frozen_after_s=options.frozen_after_s,
            )
        )  # fmt: skip
        self._set_up = set_up
        self._wishes: queue.SimpleQueue[tuple[SetUp, Future[None]]] = queue.SimpleQueue()
        self._wished_s: float | None = None
        self._thread: threading.Thread | None = None
        self._attempts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, timeout_s: float) -> Delivered | None:
        """Return the next frame, report or count of frames passed over; None when nothing comes in `timeout_s`."""
        if self._thread is None and not self._outlet.closing.is_set():
            self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
            self._thread.start()
        if (item := self._outlet.take(min(timeout_s, self._taker.expires_in_s()))) is None:
            if self._outlet.is_stuck:
                self._lose(self._outlet.stuck_words)
            self._taker.expire()
        return item

    def leave(self, cause: DropCause, problem: str) -> Sequence[Delivered]:
        """Return what has come and was not read, and what is owed to parts; see `ports.OwingSource`.

        Takes at most 0.2 s; `close` is still to be called.
        """
        self._outlet.close()
        for companion in self._outlet.companions:
            companion.close()  # nobody waits for the PLC any more
        if self._thread is not None:
            self._thread.join(_LEAVE_S)
        self._taker.leave(cause, problem)
        left: list[Delivered] = []
        while (item := self._outlet.take(0)) is not None:
            left.append(item)
        return left

    def close(self) -> None:
        """End the camera's thread, or leave it behind if its driver does not return; takes at most 0.4 s."""
        self._outlet.close()
        self._taker.close()
        for companion in self._outlet.companions:
            companion.close()
        if self._thread is not None:
            self._thread.join(_CLOSE_S)
            if self._thread.is_alive():
                _log.info("camera %s: left behind at the stop, still waiting for its driver", self._outlet.name)

    def begin_with(self, set_up: SetUp) -> None:
        """Start with what the line is set up for; call it before the first read."""
        self._set_up, self._frames.product = set_up, set_up.product

    def change_over(self, set_up: SetUp) -> "Future[None]":
        """Have the camera set up for another product, between two frames; for any thread.

        Returns:
            Done once the frames that come are of the new set-up; failed with ConfigError where the camera refuses it,
            and with SourceError where it is away: nothing has changed then. One that is canceled in time is not begun.
        """
        done: Future[None] = Future()
        self._wishes.put((set_up, done))
        return done

    def _run(self) -> None:
        outlet = self._outlet
        for companion in outlet.companions:
            companion.start()
        self._taker.begun()
        while not outlet.closing.is_set():
            opened_s = time.monotonic()
            outlet.beat()
            try:
                with closing(self._open_camera()) as camera:
                    opened_s = time.monotonic()
                    self._serve(camera)
            except InspectorError as error:
                self._lose(str(error))
            except Exception as error:  # noqa: BLE001 - thread boundary: a defect in a driver must not end the watch
                _log.exception("%s failed", outlet.name)
                self._lose(f"{type(error).__name__}: {error}")
            outlet.rest()
            if time.monotonic() - opened_s > self._options.patience_s + self._options.reopen_max_s:
                self._attempts = 0  # it had been well
            self._pause()
            self._attempts += 1
        self._refuse_wishes("the source is closed")

    def _serve(self, camera: Camera) -> None:
        """Take pictures until the stop, or until the camera should be opened again."""
        if self._set_up.camera is not None and isinstance(camera, IndustrialCamera):
            camera.set_up(self._set_up.camera)
        self._taker.opened()
        closing = self._outlet.closing
        while not closing.is_set():
            self._outlet.beat()
            if not self._wishes.empty() and self._may_change_over():
                self._change_over(camera)
            if not self._taker.take(camera):
                self._taker.away("the camera is opened again")
                return

    def _may_change_over(self) -> bool:
        """Return whether the part in hand is whole, or has been waited for long enough."""
        now_s = time.monotonic()
        self._wished_s = now_s if self._wished_s is None else self._wished_s
        return self._taker.is_between_parts or now_s - self._wished_s > _PART_S

    def _change_over(self, camera: Camera) -> None:
        (set_up, done), self._wished_s = self._wishes.get(), None
        if not done.set_running_or_notify_cancel():
            return
        try:
            sees_otherwise = False
            if set_up.camera is not None and isinstance(camera, IndustrialCamera):
                sees_otherwise = True
                for left in camera.set_up(set_up.camera):
                    self._taker.took(left)
            self._taker.changed_over(sees_otherwise=sees_otherwise)  # what it still passes on is of before
        except BaseException as error:
            if set_up.in_any_case:
                self._changed_over(set_up, done)
                msg = f"it is opened again to be set up as before: {error}"
                raise SourceError(msg) from error
            if isinstance(error, ConfigError):
                done.set_exception(error)
                return
            done.set_exception(SourceError(f"camera {self._outlet.name}: {error}"))
            raise
        self._changed_over(set_up, done)

    def _changed_over(self, set_up: SetUp, done: Future[None]) -> None:
        """Mark what comes from now on, and open the camera so from now on."""
        self._set_up, self._frames.product = set_up, set_up.product
        if set_up.product is not None:
            self._outlet.put(SetUpFor(set_up.product))
        done.set_result(None)

    def _lose(self, reason: str) -> None:
        self._outlet.fails(CameraFault.LOST, reason)
        self._taker.away(reason)

    def _pause(self) -> None:
        """Wait before the camera is opened again, and let no one wait for a camera that is away."""
        options = self._options
        jitter = random.random()  # noqa: S311 - no secret
        pause_s = backoff.pause_s(self._attempts, options.reopen_min_s, options.reopen_max_s, jitter=jitter)
        self._refuse_wishes("it is away")
        self._outlet.closing.wait(pause_s)
        self._refuse_wishes("it is away")

    def _refuse_wishes(self, why: str) -> None:
        self._wished_s = None
        with suppress(queue.Empty):
            while True:
                set_up, done = self._wishes.get_nowait()
                if not done.set_running_or_notify_cancel():
                    continue
                if set_up.in_any_case:
                    self._changed_over(set_up, done)
                else:
                    done.set_exception(SourceError(f"camera {self._outlet.name}: {why}"))
