"""What events tell of: their kinds, the causes and states in them, and a change of a tracked defect."""

from dataclasses import dataclass
from enum import StrEnum

from edge_inspector.inspection import InspectionResult
from edge_inspector.tracks import TrackChange


class EventKind(StrEnum):
    """The kinds of event; the CloudEvents type is `com.edgeinspector.{kind}.v1`."""

    INSPECTION_COMPLETED = "inspection.completed"
    DEFECT_DETECTED = "defect.detected"
    MODEL_CHANGED = "model.changed"
    MODEL_REJECTED = "model.rejected"
    MODEL_PROVED = "model.proved"
    THRESHOLDS_CHANGED = "thresholds.changed"
    PRODUCT_CHANGED = "product.changed"
    DISPOSITION_RECORDED = "disposition.recorded"
    ALARM_RAISED = "alarm.raised"
    ALARM_CLEARED = "alarm.cleared"
    SAMPLES_EVICTED = "samples.evicted"
    COMMAND_ANSWERED = "command.answered"


class ModelChange(StrEnum):
    """Why another model gives the results."""

    START = "start"  # the first of a run of the daemon
    UPDATE = "update"  # a newer one has passed its checks
    ROLLBACK = "rollback"  # a newer one did not prove itself
    COMMAND = "command"  # a person wanted it so


@dataclass(frozen=True, slots=True)
class ModelProof:
    """What a model has done by the time at which it is trusted; a figure that nothing is known of is None.

    Attributes:
        parts: On which it has proved itself, or frames where there are no parts; 0 where nothing was asked of it.
        minutes: How long that took, since the daemon began where this was later.
        failed_share: Of the parts, those without a verdict.
        reject_rate: Of the parts with a verdict, those that were rejected.
        reject_rate_before: The same, of the latest parts under the model before it.
        latency_ms: 50th and 95th percentile of its latest inspections.
    """

    parts: int = 0
    minutes: float = 0.0
    failed_share: float | None = None
    reject_rate: float | None = None
    reject_rate_before: float | None = None
    latency_ms: tuple[float, float] | None = None


class ProductChange(StrEnum):
    """Why the line is set up for a product."""

    START = "start"  # the first of a run of the daemon
    CONFIGURATION = "configuration"  # likewise, and the configuration names another one than before
    COMMAND = "command"
    PLC = "plc"


class StationState(StrEnum):
    """States of the station, named as in OPC 40100 (Machine Vision)."""

    PREOPERATIONAL = "Preoperational"
    INITIALIZED = "Initialized"
    READY = "Ready"
    CONTINUOUS_EXECUTION = "ContinuousExecution"
    ERROR = "Error"
    HALTED = "Halted"


@dataclass(frozen=True, slots=True)
class TrackedDefect:
    """What a free-running source reports of one defect: that it is there, has become worse, or is gone.

    Attributes:
        result: The frame on which that showed.
        track_id: Id of the track, the same in all of its events.
        change: What is known of the defect.
    """

    result: InspectionResult
    track_id: str
    change: TrackChange
