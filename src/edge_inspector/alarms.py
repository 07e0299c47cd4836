"""The alarms that a station can raise: their names, and what each one says."""

from dataclasses import dataclass
from enum import StrEnum

from edge_inspector.camera import CameraFault
from edge_inspector.decision import NoVerdictCause


class Severity(StrEnum):
    """How urgent an alarm is."""

    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that a person should know.

    Attributes:
        name: Topic level, for example `no-verdict-deadline-missed`.
        severity: How urgent.
        text: What happened.
        what_to_do: What helps.
    """

    name: str
    severity: Severity
    text: str
    what_to_do: str


def no_verdict_alarm(cause: NoVerdictCause) -> str:
    """Return the name of the alarm that parts get no verdict for this cause."""
    return f"no-verdict-{cause.replace('_', '-')}"


def camera_alarm(fault: CameraFault) -> str:
    """Return the name of the alarm that the camera has this fault."""
    return f"camera-{fault}"


OVERRIDE_LAPSED = "threshold-override-lapsed"
CONFIGURATION_REJECTED = "configuration-rejected"
COLLECTING = "collecting-without-a-model"

INSPECTION_STUCK = "inspection-stuck"
THREAD_STUCK = "thread-stuck"
RUNNING_DEGRADED = "running-degraded"
LOST_IN_RESTART = "lost-in-restart"

JOURNAL_UNAVAILABLE = "journal-unavailable"  # the disk takes nothing; events are kept in memory
JOURNAL_SET_ASIDE = "journal-set-aside"  # it was damaged; a new one was begun
JOURNAL_GROWING = "journal-growing"
EVENTS_EVICTED = "events-evicted"
DEAD_LETTER = "dead-letter"

MODEL_REJECTED = "model-rejected"  # a candidate was refused; the model that ran goes on
MODEL_ROLLED_BACK = "model-rolled-back"
MODELS_UNAVAILABLE = "models-unavailable"  # the store or the folder of updates cannot be used
REMOTE_DETECTOR_UNREACHABLE = "remote-detector-unreachable"  # the endpoint does not answer, or is not to be trusted
NUCLEUS_UNREACHABLE = "nucleus-unreachable"
PAGE_UNAVAILABLE = "page-unavailable"  # the operator page cannot be served, or does not show what is new

GATE_UNREACHABLE = "gate-unreachable"  # the reject output cannot be set
GATE_DEADLINE_MISSED = "gate-deadline-missed"  # an outcome came too late for its part
PLC_UNREACHABLE = "plc-unreachable"  # what it knows of parts, or of the web's speed, cannot be read
TRIGGER_UNAVAILABLE = "trigger-unavailable"  # the input of the trigger cannot be read
TRIGGER_LOST = "trigger-lost"  # more triggers came than the camera could follow
WEB_NOT_INSPECTED = "web-not-inspected"  # nobody looked at a stretch of a roll
PRODUCT_REFUSED = "product-refused"  # a change-over was asked for and did not take place

SAMPLES_NOT_KEPT = "samples-not-kept"
SAMPLES_EVICTED = "samples-evicted"
UPLOAD_FAILING = "upload-failing"

OUT_OF_FOCUS = "camera-out-of-focus"
OVEREXPOSED = "camera-overexposed"
UNDEREXPOSED = "camera-underexposed"
POSITION_OFF = "part-position-off"
REJECT_RATE = "reject-rate-jump"
DISK_LOW = "disk-low"
CLOCK_NOT_SET = "clock-not-set"
CLOCK_JUMPED = "clock-jumped"

# Every alarm that this version raises: what an earlier session left on the broker is cleared by name.
ALARM_NAMES = (
    OVERRIDE_LAPSED,
    CONFIGURATION_REJECTED,
    COLLECTING,
    INSPECTION_STUCK,
    THREAD_STUCK,
    RUNNING_DEGRADED,
    LOST_IN_RESTART,
    JOURNAL_UNAVAILABLE,
    JOURNAL_SET_ASIDE,
    JOURNAL_GROWING,
    EVENTS_EVICTED,
    DEAD_LETTER,
    MODEL_REJECTED,
    MODEL_ROLLED_BACK,
    MODELS_UNAVAILABLE,
    REMOTE_DETECTOR_UNREACHABLE,
    NUCLEUS_UNREACHABLE,
    PAGE_UNAVAILABLE,
    GATE_UNREACHABLE,
    GATE_DEADLINE_MISSED,
    PLC_UNREACHABLE,
    TRIGGER_UNAVAILABLE,
    TRIGGER_LOST,
    WEB_NOT_INSPECTED,
    PRODUCT_REFUSED,
    SAMPLES_NOT_KEPT,
    SAMPLES_EVICTED,
    UPLOAD_FAILING,
    OUT_OF_FOCUS,
    OVEREXPOSED,
    UNDEREXPOSED,
    POSITION_OFF,
    REJECT_RATE,
    DISK_LOW,
    CLOCK_NOT_SET,
    CLOCK_JUMPED,
    *(no_verdict_alarm(cause) for cause in NoVerdictCause),
    *(camera_alarm(fault) for fault in CameraFault),
)
