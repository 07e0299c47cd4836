"""One captured frame -> one inspection result."""

import time
from dataclasses import dataclass

from edge_inspector.decision import NoVerdict, NoVerdictCause, Outcome, Policy, decide
from edge_inspector.detections import Detections
from edge_inspector.frame import DamagedFrame, Frame
from edge_inspector.identity import inspection_id
from edge_inspector.inspection import FrameRecord, InspectionResult, ModelIdentity
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
    """

    detector: Detector
    identity: ModelIdentity
    class_names: tuple[str, ...]
    policy: Policy
    is_gray: bool = False


class Inspector:
    """Looks at frames with one model; for one thread at a time."""

    def __init__(
        self, model: Model, *, station_path: str, camera: str, session: str, deadline_ms: float | None
    ) -> None:
        self.model = model
        self._station_path = station_path
        self._camera = camera
        self._session = session
        self._deadline_ns = None if deadline_ms is None else int(deadline_ms * 1e6)

    def inspect(self, frame: Frame, *, taken_ns: int) -> InspectionResult:
        """Return the result of one frame; a verdict that comes too late is none.

        Args:
            frame: What was captured.
            taken_ns: Monotonic time at which it was taken for inspection.

        Raises:
            ModelError: If the model failed.
        """
        inference = self.model.detector.detect(frame)
        detected_ns = time.monotonic_ns()
        outcome: Outcome = decide(
            inference.detections, self.model.class_names, self.model.policy, image_wh=frame.image_wh
        )
        decided_ns = time.monotonic_ns()
        if self.is_late(frame, decided_ns):
            outcome = self._no_verdict(NoVerdictCause.DEADLINE_MISSED, "the verdict came too late")
        return InspectionResult(
            inspection_id=self._id(frame),
            part_id=frame.part_id,
            frames=(_record(frame),),
            detections=inference.detections,
            class_names=self.model.class_names,
            outcome=outcome,
            model=self.model.identity,
            latency_ms=_latency(frame, inference, taken_ns, detected_ns, decided_ns),
        )

    def without_verdict(self, captured: Frame | DamagedFrame, cause: NoVerdictCause, problem: str) -> InspectionResult:
        """Return the result of a frame that no judgement could be made of."""
        return InspectionResult(
            inspection_id=self._id(captured),
            part_id=captured.part_id,
            frames=(_record(captured),),
            detections=Detections.empty(),
            class_names=self.model.class_names,
            outcome=self._no_verdict(cause, problem),
            model=self.model.identity,
            latency_ms={"total": (time.monotonic_ns() - captured.captured_monotonic_ns) / 1e6},
        )

    def is_late(self, frame: Frame, now_ns: int) -> bool:
        """Return whether the deadline of a frame's part has passed."""
        return self._deadline_ns is not None and now_ns - frame.captured_monotonic_ns > self._deadline_ns

    def _no_verdict(self, cause: NoVerdictCause, problem: str) -> NoVerdict:
        return NoVerdict(cause, problem, self.model.policy.fail_safe)

    def _id(self, captured: Frame | DamagedFrame) -> str:
        return inspection_id(
            captured.captured_at,
            station=self._station_path,
            camera=self._camera,
            session=self._session,
            number=str(captured.frame_id) if captured.part_id is None else captured.part_id,
        )


def _record(captured: Frame | DamagedFrame) -> FrameRecord:
    if isinstance(captured, Frame):
        return FrameRecord(
            captured.frame_id, captured.captured_at, captured.captured_at_source, captured.source, captured.image_wh
        )
    return FrameRecord(captured.frame_id, captured.captured_at, "host", captured.source, None)


def _latency(frame: Frame, inference: Inference, taken_ns: int, detected_ns: int, decided_ns: int) -> dict[str, float]:
    return {
        "queue": (taken_ns - frame.captured_monotonic_ns) / 1e6,
        "preprocess": inference.preprocess_ms,
        "inference": inference.inference_ms,
        "postprocess": inference.postprocess_ms,
        "decide": (decided_ns - detected_ns) / 1e6,
        "total": (decided_ns - frame.captured_monotonic_ns) / 1e6,
    }
