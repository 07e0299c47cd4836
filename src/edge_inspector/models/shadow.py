"""Shadow: a candidate judges frames beside the model that runs; its verdicts count for nothing but the comparison."""

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

from edge_inspector.errors import ModelError
from edge_inspector.events import Json
from edge_inspector.frame import Frame
from edge_inspector.models.checking import LONGEST_REST_S, speed_on
from edge_inspector.models.packages import Opened
from edge_inspector.models.watched import Watched, percentile
from edge_inspector.settings import UpdateSettings

_WAIT_S = 0.2  # for the next frame: a stop is noticed within this
_REMEMBERED = 1000  # latencies


class Comparison:
    """What came of the frames that both have judged.

    Attributes:
        frames: How many.
        failed: On so many the candidate failed.
        others: Frames with another verdict, by `{of the model that runs}->{of the candidate}`.
        candidate_ms: How long the candidate took for each of the latest.
    """

    def __init__(self) -> None:
        self.frames = self.failed = 0
        self.others: Counter[str] = Counter()
        self.candidate_ms: deque[float] = deque(maxlen=_REMEMBERED)
        self._running_ms: deque[float] = deque(maxlen=_REMEMBERED)

    def add(self, running: str, candidate: str | None, *, running_ms: float, candidate_ms: float) -> None:
        """Take the verdicts on one frame, and how long each took; None where the candidate failed."""
        self.frames += 1
        self.failed += candidate is None
        if candidate != running:
            self.others[f"{running}->{candidate or 'no_verdict'}"] += 1
        self._running_ms.append(running_ms)
        self.candidate_ms.append(candidate_ms)

    def document(self) -> dict[str, Json]:
        """Return it as events and statistics tell it."""
        return {
            "frames": self.frames,
            "failed": self.failed,
            "disagreements": dict(self.others.most_common()),
            "candidate_ms": _percentiles(self.candidate_ms),
            "running_ms": _percentiles(self._running_ms),
        }

    def problem(self, settings: UpdateSettings, *, of: int) -> str | None:
        """Return in words that the candidate fails or disagrees too often, or None.

        Args:
            settings: How different it may be.
            of: Frames that there will be: a share that no later one can bring down is too large at once.
        """
        frames = max(of, self.frames)
        if self.failed > settings.max_failed * frames:
            found = f"failed on {self.failed} of {self.frames} frames in shadow"
            return f"{found}; expected at most {settings.max_failed:.1%}"
        others, most = self.others.total(), settings.max_disagreement
        if most is not None and others > most * frames:
            pairs = ", ".join(f"{pair} {count}" for pair, count in self.others.most_common())
            found = f"{others} of {self.frames} frames in shadow got another verdict ({pairs})"
            return f"{found}; expected at most {most:.1%}"
        return None


def shadow(
    opened: Opened,
    watched: Watched,
    settings: UpdateSettings,
    *,
    tell: Callable[[Mapping[str, Json]], None],
    go_on: Callable[[], None],
) -> None:
    """Let a candidate judge what the model that runs has judged, until enough is known.

    It takes the newest frame when it is done with the last, and rests as long as it has worked: the line comes first.

    Args:
        opened: The candidate.
        watched: The model that runs.
        settings: How long it lasts, and what is asked of the candidate.
        tell: Called with the comparison as it grows.
        go_on: Called before every frame; an exception from it ends the shadow.

    Raises:
        ModelError: If the candidate is refused.
    """
    found = Comparison()
    ends_s = time.monotonic() + settings.shadow_minutes * 60
    while found.frames < settings.shadow_parts and (found.frames == 0 or time.monotonic() < ends_s):
        go_on()
        if (sight := watched.next(_WAIT_S)) is None:
            continue
        started_s = time.monotonic()
        verdict = _verdict(opened, sight.frame)
        took_s = time.monotonic() - started_s
        found.add(sight.verdict, verdict, running_ms=sight.inspection_ms, candidate_ms=took_s * 1e3)
        tell(found.document())
        _refuse_for(found.problem(settings, of=settings.shadow_parts))
        time.sleep(min(took_s, LONGEST_REST_S))
    _refuse_for(found.problem(settings, of=found.frames))
    _refuse_for(speed_on(watched, settings.max_latency_ms).problem(found.candidate_ms))


def _verdict(opened: Opened, frame: Frame) -> str | None:
    try:
        return opened.judge(frame)
    except ModelError:
        return None


def _refuse_for(problem: str | None) -> None:
    if problem is not None:
        raise ModelError(problem)


def _percentiles(times_ms: Sequence[float]) -> dict[str, Json]:
    ordered = sorted(times_ms)  # both find them in order then, which costs next to nothing
    return {"p50": round(percentile(ordered, 0.5), 3), "p95": round(percentile(ordered, 0.95), 3)}
