"""How a flow runs, what it may have around it, and what it tells at its end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edge_inspector.alarms import Alarm
from edge_inspector.events import Json
from edge_inspector.frame import Frame
from edge_inspector.inspection import FrameFinding, InspectionResult
from edge_inspector.pipeline.accounts import Accounts, FrameCounts, PartCounts
from edge_inspector.pipeline.alarms import Alarms
from edge_inspector.pipeline.handover import HandoverOptions
from edge_inspector.pipeline.inspector import Model
from edge_inspector.pipeline.ledger import Ledger
from edge_inspector.ports import RejectGate, SampleKeeper
from edge_inspector.topics import Message


@dataclass(frozen=True, slots=True)
class FlowOptions:
    """How frames flow.

    Attributes:
        handover: Queue between capture and inspect.
        frames_per_part: Frames that a part has.
        deadline_ms: A part closes so long after the capture of its first frame; never when None.
        staleness_ms: A frame of a free-running source older than this is dropped.
        max_results_hz: Results of a free-running source published a second; all when None.
        stats_interval_s: Seconds between two statistics.
        hangs_after_s: An inspection that takes longer will not end by itself.
    """

    handover: HandoverOptions
    frames_per_part: int = 1
    deadline_ms: float | None = None
    staleness_ms: float = 500.0
    max_results_hz: float | None = None
    stats_interval_s: float = 10.0
    hangs_after_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a flow may have around it; alone it needs none of it.

    Attributes:
        alarms: Shared with other rooms that raise some.
        ledger: Shared with the deliverer; knows the accounts before this session.
        keeper: Chooses frames that a person shall label.
        gate: Throws parts out.
        watch_frame: Called on the inspect thread with every frame that is inspected; must take no time.
        watch_finding: Called there with every frame that was inspected and what a result would tell of it; must take no
            time.
        watch_result: Called there with every result that is published of a part, or of a frame that was inspected, what
            was found there, the weak detections too of which it does not tell, and the model; must take no time.
        may_exit: Asked when only a new process helps: True, and one exit is taken from the budget, or False.
        more_stats: Further values of the statistics, by name.
        standing_alarms: Alarms known before the start; they last.
        passing_alarms: Likewise; they are cleared after a while.
        product: What the line is set up for at the start; None where nothing changes over.
        first_messages: Told at the start, once the station has said that it is here.
    """

    alarms: Alarms | None = None
    ledger: Ledger | None = None
    keeper: SampleKeeper | None = None
    gate: RejectGate | None = None
    watch_frame: Callable[[Frame], None] | None = None
    watch_finding: Callable[[Frame, FrameFinding], None] | None = None
    watch_result: Callable[[InspectionResult, Sequence[FrameFinding], Model], None] | None = None
    may_exit: Callable[[], bool] = lambda: False
    more_stats: Callable[[], Mapping[str, Json]] = dict
    standing_alarms: tuple[Alarm, ...] = ()
    passing_alarms: tuple[Alarm, ...] = ()
    product: str | None = None
    first_messages: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """The accounts of one run; `ever` are those over all restarts."""

    frames: FrameCounts
    parts: PartCounts
    undelivered: dict[str, int]
    ever: Accounts
