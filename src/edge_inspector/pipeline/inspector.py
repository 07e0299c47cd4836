"""Captured frames -> findings, and findings -> inspection results."""

import time
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import compress

from edge_inspector.decision import NoVerdict, NoVerdictCause, Outcome, Policy, decide
from edge_inspector.detections import Detections
from edge_inspector.frame import DamagedFrame, Frame
from edge_inspector.identity import inspection_id
from edge_inspector.inspection import FrameFinding, FrameRecord, InspectionResult, ModelIdentity
from edge_inspector.parts import ClosedPart, merge_detections
from edge_inspector.ports import Detector, Inference


@dataclass(frozen=True, slots=True)
class Model:
    """The model that is running, with what judges by it.

    Attributes:
        detector: Finds defects.
        identity: Which model that is.
        class_names: Names by class id.
        policy: The thresholds and regions in force.
        is_gray: It needs no colors.
        smallest_wh: Width and height of its input: a picture's pixels beyond it are only resized away. None where
            every pixel counts.
        report_at: Weaker detections are left out of every result. What follows the defects of a belt needs them to keep
            a known one in sight, and whoever tries lower thresholds on the last parts.
        floor: Still weaker ones the detector does not find.
        judges: Its findings lead to a verdict; not so while frames are gathered for the first model.
    """

    detector: Detector
    identity: ModelIdentity
    class_names: tuple[str, ...]
    policy: Policy
    is_gray: bool = False
    smallest_wh: tuple[int, int] | None = None
    report_at: float = 0.0
    floor: float = 0.0
    judges: bool = True


class Inspector:
    """Looks at frames with one model; for one thread at a time."""

    def __init__(self, model: Model, *, station_path: str, camera: str, session: str) -> None:
        self.model = model
        self._station_path = station_path
        self._camera = camera
        self._session = session

    def inspect(self, frame: Frame, *, taken_ns: int) -> FrameFinding:
        """Return what is on one frame and what it leads to.

        Args:
            frame: What was captured.
            taken_ns: Monotonic time at which it was taken for inspection.

        Raises:
            ModelError: If the model failed.
        """
        model = self.model
        if not model.judges:
            return self.without_verdict(frame, NoVerdictCause.NO_MODEL, "no model runs: frames are gathered")
        inference = model.detector.detect(frame)
        detected_ns = time.monotonic_ns()
        outcome = decide(inference.detections, model.class_names, model.policy, image_wh=frame.image_wh)
        decided_ns = time.monotonic_ns()
        latency_ms = _latency(frame, inference, taken_ns, detected_ns, decided_ns)
        return FrameFinding(_record(frame, outcome), inference.detections, latency_ms, frame.captured_monotonic_ns)

    def without_verdict(self, captured: Frame | DamagedFrame, cause: NoVerdictCause, problem: str) -> FrameFinding:
        """Return the finding of a frame that no judgement could be made of."""
        outcome = NoVerdict(cause, problem, self.model.policy.fail_safe)
        total_ms = (time.monotonic_ns() - captured.captured_monotonic_ns) / 1e6
        return FrameFinding(
            _record(captured, outcome), Detections.empty(), {"total": total_ms}, captured.captured_monotonic_ns
        )

    def result_of_frame(self, finding: FrameFinding) -> InspectionResult:
        """Return the result of one frame of a free-running source."""
        detections, _ = self._reported(finding.detections)
        record = finding.record
        return InspectionResult(
            inspection_id=self._id(record.captured_at, str(record.frame_id)),
            part_id=None,
            frames=(record,),
            detections=detections,
            class_names=self.model.class_names,
            outcome=record.outcome,
            model=self.model.identity,
            latency_ms=finding.latency_ms,
        )

    def result_of_part(self, part: ClosedPart) -> InspectionResult:
        """Return the result of a part that has closed."""
        detections, detection_frames = self._reported(*merge_detections(part.findings))
        records = tuple(finding.record for finding in part.findings)
        return InspectionResult(
            inspection_id=self._id(min(record.captured_at for record in records), part.part_id),
            part_id=part.part_id,
            frames=records,
            detections=detections,
            class_names=self.model.class_names,
            outcome=part.outcome,
            model=self.model.identity,
            latency_ms=_latency_of_part(part),
            detection_frames=detection_frames,
        )

    def _reported(self, detections: Detections, frames: tuple[int, ...] = ()) -> tuple[Detections, tuple[int, ...]]:
        """Return the detections that a result tells of, and the frame of each where that is known."""
        shown = detections.confidence >= self.model.report_at
        if shown.all():
            return detections, frames
        return detections.take(shown), tuple(compress(frames, shown.tolist()))

    def shown(self, finding: FrameFinding) -> FrameFinding:
        """Return what was found on a frame as people see it: without what no result tells of."""
        detections, _ = self._reported(finding.detections)
        return finding if detections is finding.detections else replace(finding, detections=detections)

    def track_id(self, first_seen_at: datetime, number: int) -> str:
        """Return the id of a track: a ULID whose time is that of its first frame."""
        return self._id(first_seen_at, f"track-{number}")

    def _id(self, captured_at: datetime, number: str) -> str:
        return inspection_id(
            captured_at, station=self._station_path, camera=self._camera, session=self._session, number=number
        )


def _record(captured: Frame | DamagedFrame, outcome: Outcome) -> FrameRecord:
    return FrameRecord(
        captured.frame_id,
        captured.captured_at,
        captured.captured_at_source if isinstance(captured, Frame) else "host",
        captured.source,
        captured.image_wh if isinstance(captured, Frame) else None,
        outcome,
        captured.part_frame,
        captured.lot,
        captured.product,
        captured.web,
    )


def _latency(frame: Frame, inference: Inference, taken_ns: int, detected_ns: int, decided_ns: int) -> dict[str, float]:
    return {
        "queue": (taken_ns - frame.captured_monotonic_ns) / 1e6,
        "preprocess": inference.preprocess_ms,
        "inference": inference.inference_ms,
        "postprocess": inference.postprocess_ms,
        "decide": (decided_ns - detected_ns) / 1e6,
        "total": (decided_ns - frame.captured_monotonic_ns) / 1e6,
    }


def _latency_of_part(part: ClosedPart) -> dict[str, float]:
    """Return the sums by stage; `total` counts from the last capture: before it no verdict can be."""
    if len(part.findings) == 1:
        (only,) = part.findings
        return {**only.latency_ms, "total": (part.closed_ns - only.captured_monotonic_ns) / 1e6}
    stages = {stage: 0.0 for finding in part.findings for stage in finding.latency_ms}
    for finding in part.findings:
        for stage, value in finding.latency_ms.items():
            stages[stage] += value
    last_ns = max(finding.captured_monotonic_ns for finding in part.findings)
    return stages | {"total": (part.closed_ns - last_ns) / 1e6}
