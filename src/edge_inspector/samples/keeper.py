"""The keeper: chooses frames on the inspect thread, encodes and stores them on its own thread "sample"."""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from edge_inspector.errors import FrameError
from edge_inspector.events import EventWriter
from edge_inspector.frame import Frame
from edge_inspector.inspection import InspectionResult
from edge_inspector.sample_keys import SampleKey, Suffix, day_of
from edge_inspector.samples.given_up import NotKept, NotStoredError
from edge_inspector.samples.pictures import Picture, encode
from edge_inspector.samples.ring import Ring, Seen
from edge_inspector.samples.sidecar import sidecar
from edge_inspector.samples.spool import Spool
from edge_inspector.samples.wishes import Wishes, grant, refuse
from edge_inspector.sampling import Budget, Evicted, SampleReason, reason_to_keep
from edge_inspector.settings.keeping import SamplesSettings

CLOSE_S = 0.5
_QUEUE_FRAMES = 8  # kept by reference: 40 MB of five megapixels in color
_ANNOUNCE_S = 60.0  # evictions are told at most so often

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeeperState:
    """What became of the frames that were considered, since the start.

    Attributes:
        kept: Samples stored, by reason.
        not_kept: Samples that were worth it and were not kept, by `NotKept` cause.
        waiting: Frames that wait to be encoded.
        not_remembered: Frames that could not be held for a defect that might come: the thread was busy.
        problem: Why the last one was not stored, in words; None while all is well.
    """

    kept: Mapping[str, int]
    not_kept: Mapping[str, int]
    waiting: int
    not_remembered: int
    problem: str | None


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """Frames of one result that are encoded; without a reason they are only remembered."""

    result: InspectionResult
    frames: Sequence[Frame]
    reason: SampleReason | None


class Keeper:
    """Keeps samples: the port `SampleKeeper`; entering starts its thread, leaving stores what waits or counts it."""

    def __init__(  # noqa: PLR0913 - what it joins
        self,
        settings: SamplesSettings,
        spool: Spool,
        writer: EventWriter,
        *,
        address: Callable[[str], str],
        on_evicted: Callable[[Mapping[Evicted, int]], None] = lambda _: None,
        queue_frames: int = _QUEUE_FRAMES,
    ) -> None:
        """Start nothing yet.

        Args:
            settings: What is kept, and how much of it.
            spool: Where it is stored.
            writer: Says where the station is, and writes results.
            address: Returns the final address of a key.
            on_evicted: Told on the thread "sample", at most once a minute, what was given up to make room.
            queue_frames: Frames that may wait to be encoded; a part of more waits alone.
        """
        self._settings, self._spool, self._writer = settings, spool, writer
        self._address, self._on_evicted = address, on_evicted
        self._suffix = Suffix(settings.format)
        self._queue_frames = queue_frames
        self._thread = threading.Thread(target=self._run, name="sample", daemon=True)
        self._wishes = Wishes()
        self._ring = Ring(settings.before_defect)  # belongs to the thread
        self._announced_s = float("-inf")  # likewise
        self._came = threading.Condition()  # for what follows
        budgets = {reason: getattr(settings, reason.value) for reason in SampleReason}
        self._budgets = {
            reason: Budget(per_hour=limit.per_hour, per_day=limit.per_day) for reason, limit in budgets.items()
        }
        self._jobs: deque[_Job] = deque()
        self._waiting = 0
        self._is_busy = self._is_closing = False
        self._kept: Counter[str] = Counter()
        self._not_kept: Counter[str] = Counter()
        self._not_remembered = 0
        self._problem: str | None = None

    def consider(self, result: InspectionResult, frames: Sequence[Frame], *, is_news: bool = True) -> str | None:
        """Take the pictures behind one result, see `SampleKeeper`; all of a part, or none."""
        if not frames:
            return None
        with self._came:
            is_full = self._is_full(len(frames))  # only here more come to wait, so what has room now has it below too
        wishes = [] if is_full else self._wishes.take()
        if not (wishes or is_news):
            return None
        settings = self._settings
        reason = reason_to_keep(
            result,
            collect=settings.mode == "collect",
            random_share=settings.random_share,
            is_wished=bool(wishes),
        )
        if reason is None:
            if settings.before_defect:
                self._remember(result, frames)
            return None
        with self._came:
            if (cause := self._refusal(reason, len(frames))) is not None:
                self._not_kept[cause] += len(frames)
        if cause is not None:
            refuse(wishes, cause)
            return None
        key = str(self._key(result, frames[0].part_frame))
        job = _Job(replace(result, sample_key=key), tuple(frames), reason)
        with self._came:
            self._put(job)
        grant(wishes, key)
        return key

    def wish(self) -> Future[str]:
        """Have the next result that has pictures kept, whatever was found on them; for all threads.

        Results that come while too many frames wait to be stored are passed over.

        Returns:
            Gets the key of the sample once it is chosen, or `NotStoredError` where it cannot be kept. Cancel it to take
            the wish back.
        """
        return self._wishes.make()

    def state(self) -> KeeperState:
        """Return what became of the frames; for all threads."""
        with self._came:
            return KeeperState(
                dict(self._kept), dict(self._not_kept), self._waiting, self._not_remembered, self._problem
            )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Store what waits for at most `CLOSE_S`, and count what is left."""
        with self._came:
            self._is_closing = True
            self._came.notify_all()
        self._wishes.close()
        self._thread.join(CLOSE_S)
        with self._came:
            left = sum(len(job.frames) for job in self._jobs if job.reason is not None)
            self._jobs.clear()
            self._waiting = 0
            self._not_kept.update({NotKept.STOPPED: left} if left else {})
        if left:
            _log.warning("samples: %d frames were chosen and not stored: the station stops", left)

    def _refusal(self, reason: SampleReason, count: int) -> NotKept | None:
        """Return why frames cannot be taken, or None and take them from the budget."""
        if self._is_closing:
            return NotKept.STOPPED
        if self._is_full(count):
            return NotKept.QUEUE_FULL
        return None if self._budgets[reason].take(count, time.monotonic()) else NotKept.OVER_BUDGET

    def _is_full(self, count: int) -> bool:
        return bool(self._waiting) and self._waiting + count > self._queue_frames

    def _remember(self, result: InspectionResult, frames: Sequence[Frame]) -> None:
        """Have frames encoded in case a defect comes next, where that keeps nobody waiting."""
        with self._came:
            if self._jobs or self._is_busy or self._is_closing:
                self._not_remembered += len(frames)
            else:
                self._put(_Job(result, tuple(frames), None))

    def _put(self, job: _Job) -> None:
        self._jobs.append(job)
        self._waiting += len(job.frames)
        self._came.notify()

    def _key(self, result: InspectionResult, part_frame: int) -> SampleKey:
        topics, identity = self._writer.topics, result.inspection_id
        return SampleKey(
            self._settings.prefix,
            topics.site,
            topics.line,
            topics.station,
            day_of(identity),
            identity,
            part_frame,
            self._suffix,
        )

    # On the thread "sample".

    def _run(self) -> None:
        try:
            self._spool.open()
        except NotStoredError as error:
            _log.error("%s; trying again with every sample", error)
        while True:
            job = self._next()
            if job is not None:
                self._work(job)
            ends = job is None and self._is_closing
            self._announce(at_once=ends)
            if ends:
                return

    def _next(self) -> _Job | None:
        """Wait for the next job; None when there is none for a while, and at the end."""
        with self._came:
            self._is_busy = False
            self._came.wait_for(lambda: self._jobs or self._is_closing, _ANNOUNCE_S)
            if not self._jobs:
                return None
            self._is_busy = True
            job = self._jobs.popleft()
            self._waiting -= len(job.frames)
            return job

    def _work(self, job: _Job) -> None:
        try:
            if job.reason is not None and job.result.outcome_name == "reject":  # a person may have asked for it as well
                for seen in self._ring.take():
                    self._store(seen.result, seen.picture, SampleReason.DEFECT, before=job.result.inspection_id)
            for frame in job.frames:
                self._take_frame(job, frame)
        except Exception as error:  # noqa: BLE001 - thread boundary: a fault of ours must not end all samples
            self._not_stored(NotKept.FAILED, f"a fault of this program: {error!r}")
            _log.debug("samples: %s could not be kept", job.result.inspection_id, exc_info=error)

    def _take_frame(self, job: _Job, frame: Frame) -> None:
        settings = self._settings
        try:
            picture = encode(frame, suffix=settings.format, jpeg_quality=settings.jpeg_quality)
        except FrameError as error:
            self._not_stored(NotKept.NOT_ENCODED, f"{error}")
            return
        if job.reason is None:
            self._ring.add(Seen(job.result, picture))
        else:
            self._store(job.result, picture, job.reason)

    def _store(
        self, result: InspectionResult, picture: Picture, reason: SampleReason, *, before: str | None = None
    ) -> None:
        key = self._key(result, picture.part_frame)
        line = sidecar(
            result,
            picture,
            key=key,
            source_ref=self._address(str(key)),
            reason=reason,
            document=self._writer.result_document(replace(result, sample_key=result.sample_key or str(key))),
            before=before,
        )
        try:
            self._spool.store(key, reason, picture.content, line)
        except NotStoredError as error:
            self._not_stored(error.cause, f"{error}")
            return
        with self._came:
            self._kept[reason] += 1
            self._problem = None

    def _not_stored(self, cause: NotKept, problem: str) -> None:
        with self._came:
            self._not_kept[cause] += 1
            is_new, self._problem = self._problem is None, problem
        _log.log(logging.ERROR if is_new else logging.DEBUG, "samples: %s; the frame is not kept", problem)

    def _announce(self, *, at_once: bool) -> None:
        """Tell what was given up, unless that was done a moment ago."""
        now_s = time.monotonic()
        if not at_once and now_s - self._announced_s < _ANNOUNCE_S:
            return
        if not (evicted := self._spool.take_evicted()):
            return
        self._announced_s = now_s
        _log.warning("samples: %d were given up to make room before they were uploaded", sum(evicted.values()))
        try:
            self._on_evicted(evicted)
        except Exception as error:  # noqa: BLE001 - thread boundary: whoever is told may have ended already
            _log.warning("samples: what was given up could not be told: %r", error)
