"""A part on its way to the gate."""

from dataclasses import dataclass

from edge_inspector.decision import NoVerdict, Verdict
from edge_inspector.gate.wires import OutcomeCode, code_of
from edge_inspector.inspection import InspectionResult


@dataclass(slots=True, eq=False)
class Part:
    """A part that has its outcome; it belongs to the gate's thread once that has taken it.

    Attributes:
        captured_ns: Monotonic time of the exposure of its first frame.
        name: For people.
        code: Its outcome.
        is_rejected: It shall be thrown out.
        is_judged: It has a verdict of its own.
        number: Counts the parts from 1.
        place: Where it was at its exposure, see `timing`; None while that is not known.
        is_missed: It has been counted as a miss.
    """

    captured_ns: int
    name: str
    code: OutcomeCode
    is_rejected: bool
    is_judged: bool = True
    number: int = 0
    place: float | None = None
    is_missed: bool = False


def part_of(result: InspectionResult, *, captured_ns: int, rejects: frozenset[Verdict]) -> Part:
    """Return what the gate has to know of a result; one without a verdict is treated as its fail-safe says."""
    outcome = result.outcome
    is_judged = not isinstance(outcome, NoVerdict)
    verdict = outcome.treated_as if isinstance(outcome, NoVerdict) else outcome.verdict
    name = f"part {result.part_id}" if result.part_id is not None else f"frame {result.frames[0].frame_id}"
    return Part(captured_ns, name, code_of(outcome), verdict in rejects, is_judged)
