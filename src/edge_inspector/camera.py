"""What a live source says beside its frames, in order with them: how its camera is, and which frames it passed over."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from edge_inspector.frame import DropCause


class CameraStatus(StrEnum):
    """How a camera is."""

    ONLINE = "online"
    DEGRADED = "degraded"  # it delivers, but nothing that can be trusted
    OFFLINE = "offline"


class CameraFault(StrEnum):
    """Why a camera is not online; the name of its alarm is `camera-{fault}`."""

    LOST = "lost"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class CameraReport:
    """A change of a camera's state.

    Attributes:
        status: How it is from now on.
        at: Since when, aware UTC.
        reason: What was found, in one line; for a camera that is back, what it had been away for.
        fault: Why it is not online; None where it is.
        away_s: For a camera that is back: seconds without a frame that could be trusted.
        is_waiting: It is well, and nothing comes before its trigger does.
    """

    status: CameraStatus
    at: datetime
    reason: str = ""
    fault: CameraFault | None = None
    away_s: float = 0.0
    is_waiting: bool = False

    def __post_init__(self) -> None:
        if (self.fault is None) != (self.status is CameraStatus.ONLINE):
            msg = f"camera report: expected a fault unless online, found {self.status} with {self.fault}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Frames that the camera delivered and the source passed over; they are counted as captured and dropped.

    Attributes:
        cause: Why, for example `STALE` for what waited in the camera's buffers while nobody looked.
        count: How many, at least 1.
    """

    cause: DropCause
    count: int

    def __post_init__(self) -> None:
        if self.count < 1:
            msg = f"skipped: expected at least 1 frame, found {self.count}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class SetUpFor:
    """The source has been set up for another product: what comes from here on is of it.

    Attributes:
        product: Its code.
    """

    product: str


@dataclass(frozen=True, slots=True)
class SourceTrouble:
    """Something beside the camera that parts depend on: its trigger, or the PLC that knows their identity.

    Attributes:
        alarm: Name of the alarm that tells of it.
        at: When, aware UTC.
        text: What happened, in one line.
        is_over: It has ended.
        lasts: It stands until it is over; else it happens now and then, and is over when it is quiet.
    """

    alarm: str
    at: datetime
    text: str
    is_over: bool = False
    lasts: bool = True
