"""What a station watches of itself, joined: its checks, its watchdog, the exit budget and the metrics."""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from edge_inspector.alarms import (
    DEAD_LETTER,
    EVENTS_EVICTED,
    INSPECTION_STUCK,
    JOURNAL_SET_ASIDE,
    JOURNAL_UNAVAILABLE,
    RUNNING_DEGRADED,
    SAMPLES_EVICTED,
    SAMPLES_NOT_KEPT,
    UPLOAD_FAILING,
    Severity,
)
from edge_inspector.app.samples import Samples
from edge_inspector.errors import StuckError
from edge_inspector.events import Json
from edge_inspector.health.camera_health import CameraHealth
from edge_inspector.health.checks import Check, Checks
from edge_inspector.health.clock import ClockWatch
from edge_inspector.health.exits import ExitBudget, Guard, Remedy
from edge_inspector.health.growth import growth_probe
from edge_inspector.health.notify import Notifier
from edge_inspector.health.rates import DeadlineMisses, RejectRate
from edge_inspector.health.station_checks import camera_checks, station_checks
from edge_inspector.health.watchdog import Watchdog
from edge_inspector.journal import Journal
from edge_inspector.pipeline.alarms import Alarms
from edge_inspector.pipeline.deliver import Losses
from edge_inspector.pipeline.flow import Pipeline
from edge_inspector.pipeline.ledger import Ledger
from edge_inspector.settings import Settings

_SLOW_DISK_S = 30.0  # a commit takes longer only where the disk hangs; events may wait up to 10 s for one to begin


class Health:
    """Everything that watches one flow."""

    def __init__(  # noqa: PLR0913 - what it watches
        self,
        settings: Settings,
        *,
        folder: Path | None,
        journal: Journal,
        ledger: Ledger,
        losses: Losses,
        alarms: Alarms,
        more_checks: tuple[Check, ...] = (),
        lost: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Prepare; `watch` starts it.

        Args:
            settings: The limits.
            folder: The daemon's home; without one no exit is allowed, since none could be counted.
            journal: Where events wait.
            ledger: Where parts are counted.
            losses: Where messages are counted that were given up.
            alarms: Where problems are told.
            more_checks: Of the rooms that `settings` have opened.
            lost: Tells of something outside that only a new process gets back; None while there is nothing.
        """
        self._settings = settings
        health = settings.health
        self._alarms = alarms
        self.camera = CameraHealth(health.image, is_triggered=settings.source.is_triggered)
        self.watchdog = Watchdog()
        per_hour = 0 if folder is None else health.watchdog.exits_per_hour
        self.guard = Guard(ExitBudget((folder or Path()) / "exits.json", per_hour))
        self._notifier = Notifier.of_environment(is_content=self.guard.is_content)

        def misses() -> tuple[int, int]:
            parts = ledger.parts()
            return sum(parts.outcomes.values()), parts.no_verdict.get("deadline_missed", 0)

        self._rejects = RejectRate(lambda: ledger.parts().outcomes, health.reject_rate_window)
        self._misses = DeadlineMisses(misses, health.reject_rate_window)
        checks = (
            *(camera_checks(self.camera) if health.image.enabled else ()),
            *station_checks(
                health,
                folder=folder or Path(),
                clock=ClockWatch(wants_synchronized=health.clock_synchronized),
                watchdog=self.watchdog,
                rejects=self._rejects,
                backlog=lambda: journal.state().waiting,
            ),
            *journal_checks(journal, losses),
            *more_checks,
        )
        self._lost = lost
        self._pipeline: Pipeline | None = None
        self._checks = Checks(
            alarms,
            checks,
            first=(self.camera.measure, self._misses.look, self._deal_with_stuck, self._notifier.beat),
            period_s=min(1.0, self._notifier.period_s or 1.0),
        )

    def relearn(self) -> None:
        """Learn anew what is usual: the line makes another product."""
        self.camera.relearn()
        self.relearn_rates()

    def relearn_rates(self) -> None:
        """Learn anew how many parts are usually rejected: other thresholds decide."""
        self._rejects.relearn()

    def document(self) -> dict[str, Json]:
        """Return what the statistics tell of it."""
        return {"failures": dict(self._checks.failures), "deadline_missed_share": round(self._misses.share, 4)}

    @contextmanager
    def watch(self, pipeline: Pipeline) -> Iterator[None]:
        """Watch a flow, and serve its figures where that is configured.

        Raises:
            ConfigError: If the port for the figures is taken.
        """
        self._pipeline = pipeline
        with ExitStack() as stack:
            stack.enter_context(self._checks)
            if (port := self._settings.health.metrics_port) is not None:
                from edge_inspector.health.metrics_server import MetricsServer  # noqa: PLC0415 - 2 MB, where wanted

                station = self._settings.station
                labels = {"site": station.site, "line": station.line, "station": station.station}
                stack.enter_context(
                    MetricsServer(
                        pipeline.values,
                        self._problems,
                        port=port,
                        host=self._settings.health.metrics_host,
                        labels={**labels, "camera": station.camera},
                    )
                )
            self._notifier.ready()
            yield

    def _problems(self) -> list[str]:
        stuck = [each.text for each in self.watchdog.look()]
        return stuck + [name for name in self._alarms.names() if name in {INSPECTION_STUCK, RUNNING_DEGRADED}]

    def _deal_with_stuck(self) -> None:
        stuck = self.watchdog.look()
        problem = stuck[0].text if stuck else self._lost()
        if problem is not None and self._pipeline is not None and self.guard.verdict_on(problem) is Remedy.EXIT:
            self._pipeline.give_up(StuckError(problem))


def journal_checks(journal: Journal, losses: Losses) -> tuple[Check, ...]:
    """Return the checks of the record: that it can be written, and that nothing is given up."""

    def unavailable() -> str | None:
        state = journal.state()
        if state.problem is not None or not state.pending:
            return state.problem
        waited_s = math.inf if state.last_commit_age_s is None else state.last_commit_age_s
        if waited_s < _SLOW_DISK_S:
            return None
        return f"{state.pending} events wait for the disk, which takes none and gives no error"

    def evicted() -> int:
        state = journal.state()
        # What was lost from memory is also missed by each sink: the larger number has both.
        missed = max((sum(lanes.values()) for lanes in state.evicted.values()), default=0)
        return max(state.lost, missed) + losses.counts().get("deliver_queue_full", 0)

    return (
        Check(
            JOURNAL_UNAVAILABLE,
            Severity.CRITICAL,
            "Look at the disk: is it full, read-only or gone? Events are kept in memory until then.",
            unavailable,
            raise_after_s=2.0,
            clear_after_s=2.0,
        ),
        Check(
            JOURNAL_SET_ASIDE,
            Severity.CRITICAL,
            "Check the disk and the power supply; the old file is kept beside the new one.",
            lambda: journal.state().set_aside,
        ),
        Check(
            EVENTS_EVICTED,
            Severity.CRITICAL,
            "Look at the broker and the network; raise journal.quota_rows and journal.quota_mb for longer outages.",
            growth_probe(evicted, what="events were given up for want of room"),
        ),
        Check(
            DEAD_LETTER,
            Severity.WARNING,
            "Look at what the broker allows this client; the support bundle lists the dead letters.",
            growth_probe(lambda: sum(journal.state().dead_letters.values()), what="events were refused for good"),
        ),
    )


def sample_checks(samples: Samples) -> tuple[Check, ...]:
    """Return the checks of the samples: that they are kept, and get away."""
    return (
        Check(
            SAMPLES_NOT_KEPT,
            Severity.WARNING,
            "Look at the disk; choose fewer samples, or jpg instead of png.",
            growth_probe(lambda: sum(samples.not_kept().values()), what="samples that were chosen could not be kept"),
        ),
        Check(
            SAMPLES_EVICTED,
            Severity.WARNING,
            "Look at the upload; raise the quotas of the samples, or make room on the disk.",
            growth_probe(samples.evicted, what="samples were given up for want of room"),
        ),
        Check(
            UPLOAD_FAILING,
            Severity.WARNING,
            "Look at samples.upload: the network, the bucket's name and what it allows; samples wait meanwhile.",
            samples.upload_problem,
            raise_after_s=60.0,
            clear_after_s=1.0,
        ),
    )
