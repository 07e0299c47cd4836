"""The last parts and what was found on them, without their pictures: what other thresholds are tried on."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from edge_inspector.decision import Decision, Policy, Verdict, decide
from edge_inspector.detections import Detections
from edge_inspector.inspection import FrameFinding, InspectionResult, ModelIdentity
from edge_inspector.page.desk import Tried
from edge_inspector.parts import worst
from edge_inspector.pipeline.inspector import Model

_MOST_BOXES = 100_000  # of all parts together: 3 MB


@dataclass(frozen=True, slots=True)
class _Part:
    """One part, or one frame of a free-running source.

    Attributes:
        inspection_id, part_id, captured_at, verdict: As its result has them.
        floor: Weaker detections were not found.
        found: The size in pixels of each frame on which something was found, and what.
    """

    inspection_id: str
    part_id: str | None
    captured_at: datetime
    verdict: Verdict
    floor: float
    found: tuple[tuple[tuple[int, int], Detections], ...]

    @property
    def boxes(self) -> int:
        return sum(len(detections) for _, detections in self.found)

    def under(self, policy: Policy, class_names: tuple[str, ...]) -> Verdict:
        """Return its verdict under another policy."""
        if not self.found:
            return Verdict.ACCEPT
        decisions = [decide(detections, class_names, policy, image_wh=image_wh) for image_wh, detections in self.found]
        outcome = worst(decisions)
        return outcome.verdict if isinstance(outcome, Decision) else Verdict.ACCEPT


class LastParts:
    """The last parts that got a verdict of one model, for one product; for all threads.

    Attributes:
        most: So many are kept at most.
    """

    def __init__(self, most: int, *, product: Callable[[], str | None]) -> None:
        """Begin with none.

        Args:
            most: So many are kept at most.
            product: Returns what the line is set up for.
        """
        self.most, self._product = most, product
        self._lock = threading.Lock()
        self._parts: deque[_Part] = deque()
        self._boxes = 0
        self._of: tuple[ModelIdentity, str | None] | None = None

    def watch(self, result: InspectionResult, findings: Sequence[FrameFinding], model: Model) -> None:
        """Take note of a result and of what was found, on the inspect thread; takes no time."""
        outcome = result.outcome
        if not isinstance(outcome, Decision):
            return
        found = []
        for finding in findings:
            record = finding.record
            if not isinstance(record.outcome, Decision) or record.image_wh is None:
                return  # nobody knows what is on that frame
            if len(finding.detections):
                found.append((record.image_wh, finding.detections))
        captured_at = result.frames[0].captured_at
        part = _Part(result.inspection_id, result.part_id, captured_at, outcome.verdict, model.floor, tuple(found))
        of = (result.model, self._product())
        with self._lock:
            if of != self._of:
                self._parts.clear()
                self._boxes, self._of = 0, of
            self._parts.append(part)
            self._boxes += part.boxes
            while len(self._parts) > self.most or self._boxes > _MOST_BOXES:
                self._boxes -= self._parts.popleft().boxes

    def floor(self, model: ModelIdentity) -> float:
        """Return below which score some of the last parts had nothing found; 0 where there are none."""
        return max((part.floor for part in self._last(model, None)), default=0.0)

    def count(self, model: ModelIdentity) -> int:
        """Return how many there are."""
        return len(self._last(model, None))

    def tried(self, model: Model, policy: Policy, most: int) -> list[Tried]:
        """Return what another policy would have made of the last parts, the newest first.

        Args:
            model: Which has looked at them.
            policy: The other one.
            most: So many at most.
        """
        return [
            Tried(
                part.inspection_id,
                part.part_id,
                part.captured_at,
                before=part.verdict,
                after=part.under(policy, model.class_names),
            )
            for part in self._last(model.identity, most)
        ]

    def _last(self, model: ModelIdentity, most: int | None) -> list[_Part]:
        """Return those of a model and of what the line is set up for, the newest first."""
        of = (model, self._product())
        with self._lock:
            return list(islice(reversed(self._parts), most)) if of == self._of else []
