"""How the model that runs does: what usually comes of parts under it, and whether one on probation proves itself."""

import time

from edge_inspector.events import Json, ModelProof
from edge_inspector.models.memory import Probation
from edge_inspector.models.probation import Counts, Proof, Record, judge
from edge_inspector.models.watched import Watched, percentile
from edge_inspector.rates import Window
from edge_inspector.settings import UpdateSettings

_PROBATIONS, _FEWEST = 10, 2000  # what is usual is known from ten times as many parts as the new, or so many


class Proving:
    """Follows counters that only grow; for one thread.

    Attributes:
        is_going_on: The model that runs is on probation.
    """

    def __init__(self, settings: UpdateSettings, watched: Watched) -> None:
        """Know nothing yet.

        Args:
            settings: What is asked of a model on probation.
            watched: Its inspections.
        """
        self.is_going_on = False
        self._settings, self._watched = settings, watched
        size = max(_FEWEST, _PROBATIONS * settings.probation_parts)
        self._rejected, self._failed = Window(size), Window(size)
        self._now = self._began = self._before = Counts()
        self._began_s = 0.0

    def learn(self, counts: Counts) -> None:
        """Take the counters as they are now."""
        self._now = counts
        self._rejected.advance(counts.judged, counts.rejected)
        self._failed.advance(counts.seen, counts.failed)

    @property
    def usual(self) -> Counts:
        """What came of the latest parts under the model that runs."""
        return Counts(self._rejected.parts, self._rejected.hits, self._failed.hits)

    @property
    def since(self) -> Counts:
        """What came of parts since it took over."""
        return self._now - self._began

    def begin(self, counts: Counts, probation: Probation | None) -> None:
        """Follow another model: what is usual begins anew.

        Args:
            counts: The counters when it took over.
            probation: What it has to prove; None for one that is trusted.
        """
        self._rejected.forget()
        self._failed.forget()
        self._now = self._began = counts
        self._began_s = time.monotonic()
        self._before = Counts() if probation is None else probation.before
        self.is_going_on = probation is not None

    def begin_anew(self) -> None:
        """Forget what is usual, of another product; what the model has to prove begins again."""
        self._rejected.forget()
        self._failed.forget()
        self._began, self._began_s, self._before = self._now, time.monotonic(), Counts()

    def judge(self) -> tuple[Proof, str]:
        """Return what the model has proved by now, and the reason where it has failed."""
        return judge(self._settings, Record(self.since, self._before, *self._watched.inspections(), self._minutes))

    def proof(self) -> ModelProof:
        """Return what it has done since it took over."""
        since = self.since
        times_ms = self._watched.times_ms() if since.seen else []
        return ModelProof(
            parts=since.seen,
            minutes=self._minutes,
            failed_share=since.failed_share,
            reject_rate=since.reject_rate,
            reject_rate_before=self._before.reject_rate,
            latency_ms=(percentile(times_ms, 0.5), percentile(times_ms, 0.95)) if times_ms else None,
        )

    @property
    def _minutes(self) -> float:
        return (time.monotonic() - self._began_s) / 60

    def document(self) -> dict[str, Json] | None:
        """Return what the statistics tell of a probation; for any thread."""
        since = self.since
        if not self.is_going_on:
            return None
        return {"judged": since.judged, "rejected": since.rejected, "failed": since.failed}
