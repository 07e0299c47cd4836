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

from edge_inspector.events import EventWriter
from edge_inspector.frame import Frame
from edge_inspector.inspection import InspectionResult
from edge_inspector.samples.given_up import NotKept
from edge_inspector.samples.recent import Recent
from edge_inspector.samples.spool import Spool
from edge_inspector.samples.storing import Job, Storing, is_worth_showing, key_of
from edge_inspector.samples.wishes import Wishes, grant, refuse
from edge_inspector.sampling import Budget, Evicted, SampleReason, reason_to_keep
from edge_inspector.settings.keeping import SamplesSettings

CLOSE_S = 0.5
_QUEUE_FRAMES = 8  # kept by reference: 40 MB of five megapixels in color
_ANNOUNCE_S = 60.0  # evictions are told at most so often
_REST = 9.0  # a tenth of one core at most goes into pictures that are no samples

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeeperState:
    """What became of the frames that were considered, since the start.

    Attributes:
        kept: Samples stored, by reason.
        not_kept: Samples that were worth it and were not kept, by `NotKept` cause.
        waiting: Frames that wait to be encoded.
        not_remembered: Frames that could not be held for a defect that might come: the thread was busy.
        not_shown: Frames that were not accepted and of which the operator page has no picture: too many waited.
        problem: Why the last one was not stored, in words; None while all is well.
    """

    kept: Mapping[str, int]
    not_kept: Mapping[str, int]
    waiting: int
    not_remembered: int
    not_shown: int
    problem: str | None


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
        recent: Recent | None = None,
        queue_frames: int = _QUEUE_FRAMES,
        rest: float = _REST,
    ) -> None:
        """Start nothing yet.

        Args:
            settings: What is kept, and how much of it.
            spool: Where it is stored.
            writer: Says where the station is, and writes results.
            address: Returns the final address of a key.
            on_evicted: Told on the thread "sample", at most once a minute, what was given up to make room.
            recent: Gets the pictures for the operator page; None where there is none.
            queue_frames: Frames that may wait to be encoded; a part of more waits alone.
            rest: After pictures that are no samples and nobody may miss no more such are encoded for so many times as
                long as these took.
        """
        self._settings, self._spool, self._writer = settings, spool, writer
        self._on_evicted = on_evicted
        self._storing = Storing(settings, spool, writer, address=address, recent=recent)
        self._is_shown = recent is not None
        self._queue_frames, self._rest = queue_frames, rest
        self._thread = threading.Thread(target=self._run, name="sample", daemon=True)
        self._wishes = Wishes()
        self._announced_s = float("-inf")  # belongs to the thread
        self._came = threading.Condition()  # for what follows
        budgets = {reason: getattr(settings, reason.value) for reason in SampleReason}
        self._budgets = {
            reason: Budget(per_hour=limit.per_hour, per_day=limit.per_day) for reason, limit in budgets.items()
        }
        self._jobs: deque[Job] = deque()
        self._in_hand: str | None = None
        self._waiting = 0
        self._rests_until_s = float("-inf")
        self._is_closing = False
        self._not_kept: Counter[str] = Counter()
        self._not_remembered = self._not_shown = 0

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
            if settings.before_defect or self._is_shown:
                self._remember(result, frames)
            return None
        with self._came:
            if (cause := self._refusal(reason, len(frames))) is not None:
                self._not_kept[cause] += len(frames)
                if self._is_shown:
                    self._show(result, frames, cause)
        if cause is not None:
            refuse(wishes, cause)
            return None
        key = str(key_of(settings, self._writer, result, frames[0].part_frame))
        job = Job(replace(result, sample_key=key), tuple(frames), reason)
        with self._came:
            self._make_way(len(frames))
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

    def wait_for(self, inspection_id: str, within_s: float) -> bool:
        """Wait until the pictures of a result that was considered are stored; return whether none is under way."""
        with self._came:
            return self._came.wait_for(lambda: not self._is_under_way(inspection_id), within_s)

    def state(self) -> KeeperState:
        """Return what became of the frames; for all threads."""
        kept, not_kept, problem = self._storing.state()
        with self._came:
            not_kept = Counter(not_kept) + self._not_kept
            return KeeperState(kept, not_kept, self._waiting, self._not_remembered, self._not_shown, problem)

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
            self._came.notify_all()
        if left:
            _log.warning("samples: %d frames were chosen and not stored: the station stops", left)

    def _refusal(self, reason: SampleReason, count: int) -> NotKept | None:
        """Return why frames cannot be taken, or None and take them from the budget."""
        if self._is_closing:
            return NotKept.STOPPED
        if self._is_full(count):
            return NotKept.QUEUE_FULL
        return None if self._budgets[reason].take(count, time.monotonic()) else NotKept.OVER_BUDGET

    def _is_under_way(self, inspection_id: str) -> bool:
        return self._in_hand == inspection_id or any(job.result.inspection_id == inspection_id for job in self._jobs)

    def _is_full(self, count: int) -> bool:
        """Return whether samples have to be refused; for these, pictures that are none make way."""
        if self._has_room(count):
            return False
        samples = sum(len(job.frames) for job in self._jobs if job.reason is not None)
        return bool(samples) and samples + count > self._queue_frames

    def _has_room(self, count: int) -> bool:
        return not self._waiting or self._waiting + count <= self._queue_frames

    def _make_way(self, count: int) -> None:
        """Take pictures that are no samples out of the queue where samples need their room."""
        while not self._has_room(count) and (job := next((job for job in self._jobs if job.reason is None), None)):
            self._jobs.remove(job)
            self._waiting -= len(job.frames)
            self._miss(job.result, len(job.frames))

    def _remember(self, result: InspectionResult, frames: Sequence[Frame]) -> None:
        """Have frames encoded in case a defect comes next, or somebody looks, where that keeps nobody waiting."""
        for_defect = bool(self._settings.before_defect)
        if not for_defect and time.monotonic() < self._rests_until_s:
            return
        with self._came:
            if not (self._jobs or self._in_hand or self._is_closing):
                self._put(Job(result, tuple(frames), None))
            elif for_defect:
                self._not_remembered += len(frames)

    def _show(self, result: InspectionResult, frames: Sequence[Frame], cause: NotKept) -> None:
        """Have frames that are not kept encoded for the operator page, where a person will want to see them."""
        is_idle = not (self._jobs or self._in_hand) and time.monotonic() >= self._rests_until_s
        if cause is NotKept.OVER_BUDGET and self._has_room(len(frames)) and (is_idle or is_worth_showing(result)):
            self._put(Job(result, tuple(frames), None))
        elif cause is not NotKept.STOPPED:
            self._miss(result, len(frames))

    def _miss(self, result: InspectionResult, count: int) -> None:
        """Count frames of which there is no picture although a person will want to see them."""
        self._not_shown += count if is_worth_showing(result) else 0

    def _put(self, job: Job) -> None:
        self._jobs.append(job)
        self._waiting += len(job.frames)
        self._came.notify_all()

    # On the thread "sample".

    def _run(self) -> None:
        self._storing.open()
        while True:
            job = self._next()
            if job is not None:
                self._work(job)
            ends = job is None and self._is_closing
            self._announce(at_once=ends)
            if ends:
                return

    def _next(self) -> Job | None:
        """Wait for the next job; None when there is none for a while, and at the end."""
        with self._came:
            self._in_hand = None
            self._came.notify_all()
            self._came.wait_for(lambda: self._jobs or self._is_closing, _ANNOUNCE_S)
            if not self._jobs:
                return None
            job = self._jobs.popleft()
            self._waiting -= len(job.frames)
            self._in_hand = job.result.inspection_id
            return job

    def _work(self, job: Job) -> None:
        began_s = time.monotonic()
        self._storing.work(job)
        if job.reason is None:
            now_s = time.monotonic()
            self._rests_until_s = now_s + (now_s - began_s) * self._rest

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
