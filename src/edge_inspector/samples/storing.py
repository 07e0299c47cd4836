"""What the thread "sample" makes of a result: encoded pictures with their sidecars, and where each of them goes."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from edge_inspector.decision import NoVerdict, NoVerdictCause, Verdict
from edge_inspector.errors import FrameError
from edge_inspector.events import EventWriter
from edge_inspector.frame import Frame
from edge_inspector.inspection import InspectionResult
from edge_inspector.sample_keys import SampleKey, Suffix, day_of
from edge_inspector.samples.album import Shown
from edge_inspector.samples.given_up import NotKept, NotStoredError
from edge_inspector.samples.pictures import Picture, encode
from edge_inspector.samples.recent import Recent
from edge_inspector.samples.ring import Ring, Seen
from edge_inspector.samples.sidecar import sidecar
from edge_inspector.samples.spool import Spool
from edge_inspector.sampling import SampleReason
from edge_inspector.settings.keeping import SamplesSettings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """Frames of one result that are encoded; without a reason they are no sample, and only remembered."""

    result: InspectionResult
    frames: Sequence[Frame]
    reason: SampleReason | None


def is_worth_showing(result: InspectionResult) -> bool:
    """Return whether a person will want to see it: not what was accepted, nor what nobody had a say on.

    A belt whose frames have no verdict has one every few milliseconds; while there is no model nothing has one.
    """
    outcome = result.outcome
    if isinstance(outcome, NoVerdict):
        return result.part_id is not None and outcome.cause is not NoVerdictCause.NO_MODEL
    return outcome.verdict is not Verdict.ACCEPT


def key_of(settings: SamplesSettings, writer: EventWriter, result: InspectionResult, part_frame: int) -> SampleKey:
    """Return the key under which a frame of a result is stored."""
    topics, identity = writer.topics, result.inspection_id
    return SampleKey(
        settings.prefix,
        topics.site,
        topics.line,
        topics.station,
        day_of(identity),
        identity,
        part_frame,
        Suffix(settings.format),
    )


class Storing:
    """Encodes and stores; for one thread, though all may ask what became of it."""

    def __init__(
        self,
        settings: SamplesSettings,
        spool: Spool,
        writer: EventWriter,
        *,
        address: Callable[[str], str],
        recent: Recent | None,
    ) -> None:
        """Touch nothing yet; for the arguments see `Keeper`."""
        self._settings, self._spool, self._writer, self._address = settings, spool, writer, address
        self._recent = recent
        self._ring = Ring(settings.before_defect)
        self._lock = threading.Lock()  # for what follows
        self._kept: Counter[str] = Counter()
        self._not_kept: Counter[str] = Counter()
        self._problem: str | None = None

    def state(self) -> tuple[Mapping[str, int], Mapping[str, int], str | None]:
        """Return what was stored by reason, what was not by cause, and why the last one was not in words."""
        with self._lock:
            return dict(self._kept), dict(self._not_kept), self._problem

    def open(self) -> None:
        """Read what earlier runs have left."""
        try:
            self._spool.open()
        except NotStoredError as error:
            _log.error("%s; trying again with every sample", error)
        if self._recent is not None:
            self._recent.open()

    def work(self, job: Job) -> None:
        """Encode and store all frames of a job; what fails is counted."""
        result = job.result
        try:
            if result.sample_key is None:
                first = key_of(self._settings, self._writer, result, job.frames[0].part_frame)
                result = replace(result, sample_key=str(first))
            if job.reason is not None and result.outcome_name == "reject":  # a person may have asked for it as well
                for seen in self._ring.take():
                    key = self._key(seen.result, seen.picture)
                    line = self._line(key, seen.result, seen.picture, SampleReason.DEFECT, before=result.inspection_id)
                    self._store(key, SampleReason.DEFECT, seen.picture, line)
            for frame in job.frames:
                self._take_frame(result, frame, job.reason)
        except Exception as error:  # noqa: BLE001 - thread boundary: a fault of ours must not end all samples
            self._not_stored(NotKept.FAILED, f"a fault of this program: {error!r}")
            _log.debug("samples: %s could not be kept", result.inspection_id, exc_info=error)

    def _take_frame(self, result: InspectionResult, frame: Frame, reason: SampleReason | None) -> None:
        settings = self._settings
        try:
            picture = encode(frame, suffix=settings.format, jpeg_quality=settings.jpeg_quality)
        except FrameError as error:
            self._not_stored(NotKept.NOT_ENCODED, f"{error}")
            return
        if reason is None and result.outcome_name == "accept":
            self._ring.add(Seen(result, picture))
        if reason is None and self._recent is None:
            return
        key = self._key(result, picture)
        line = self._line(key, result, picture, reason)
        is_lasting, stored = is_worth_showing(result), None
        if reason is not None:
            self._store(key, reason, picture, line)
            is_lasting, stored = True, self._spool.where(key, reason)
        if self._recent is not None:
            shown = Shown(result.inspection_id, picture.part_frame, settings.format, picture.content, line)
            self._recent.add(shown, is_lasting=is_lasting, stored=stored)

    def _store(self, key: SampleKey, reason: SampleReason, picture: Picture, line: bytes) -> None:
        try:
            self._spool.store(key, reason, picture.content, line)
        except NotStoredError as error:
            self._not_stored(error.cause, f"{error}")
            return
        with self._lock:
            self._kept[reason] += 1
            self._problem = None

    def _key(self, result: InspectionResult, picture: Picture) -> SampleKey:
        return key_of(self._settings, self._writer, result, picture.part_frame)

    def _line(
        self,
        key: SampleKey,
        result: InspectionResult,
        picture: Picture,
        reason: SampleReason | None,
        *,
        before: str | None = None,
    ) -> bytes:
        return sidecar(
            result,
            picture,
            key=key,
            source_ref=self._address(str(key)),
            reason=reason,
            document=self._writer.result_document(result),
            before=before,
        )

    def _not_stored(self, cause: NotKept, problem: str) -> None:
        with self._lock:
            self._not_kept[cause] += 1
            is_new, self._problem = self._problem is None, problem
        _log.log(logging.ERROR if is_new else logging.DEBUG, "samples: %s; the frame is not kept", problem)
