"""What runs, whether it has proved itself, what would run instead, and what was refused."""

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path

from edge_inspector.alarms import CONFIGURATION_REJECTED, Alarm, Severity
from edge_inspector.configuration.finding import leave_signpost
from edge_inspector.configuration.flows import Accounts, Flow, Reloadable
from edge_inspector.configuration.last_good import LastGood
from edge_inspector.configuration.trial import Proof, Trial
from edge_inspector.frame import DropCause
from edge_inspector.settings import Settings

_log = logging.getLogger(__name__)
_LONGEST_TEXT = 600  # characters of what is wrong, in an alarm


@dataclass(slots=True)
class Standing:
    """The configuration that runs; for the supervisor's thread.

    Attributes:
        file: Where it comes from.
        running: The configuration.
        store: Where its mark lies while it is on trial, and where it is kept when it has proved itself.
        good: The last good one; None when none has proved itself yet.
        trial: None when `running` is not on trial.
        refusal: The alarm that the file is not what runs; None when it is.
    """

    file: Path
    running: Settings
    store: LastGood
    good: Settings | None
    trial: Trial | None = None
    refusal: Alarm | None = None

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """What stands when a flow begins."""
        return () if self.refusal is None else (self.refusal,)

    def switch(self, settings: Settings, store: LastGood, digest: str | None) -> None:
        """Let another configuration run; on trial unless `digest` is None."""
        self.running, self.store = settings, store
        self.trial = None if digest is None else Trial(digest, time.monotonic())

    def begin(self, flow: Flow[Accounts], *, in_hand: int = 0) -> None:
        """Let a trial count from now on.

        Args:
            flow: What runs under the configuration.
            in_hand: Frames that may still be inspected under the one before.
        """
        if self.trial is not None:
            inspected, failed = _counts(flow)
            self.trial = replace(
                self.trial,
                began_s=time.monotonic(),
                inspected_before=inspected + in_hand,
                failed_before=failed + in_hand,
            )

    def proof(self, flow: Flow[Accounts]) -> Proof | None:
        """Return what a trial says by now; None without one."""
        if self.trial is None:
            return None
        inspected, failed = _counts(flow)
        return self.trial.judge(now_s=time.monotonic(), inspected=inspected, failed=failed)

    def promote(self, flow: Flow[Accounts]) -> None:
        """Make what runs the last good configuration."""
        self.store.keep(self.running)
        self.good = self.running
        self.forget_trial()
        leave_signpost(self.file, self.store.home)
        _log.info("the configuration has proved itself: it is the last good one now")
        self.accept(flow)

    def end_trial(self, flow: Flow[Accounts]) -> None:
        """End a trial that did not take the process down: what it has proved counts, what it has not is no fault."""
        if self.trial is not None and _counts(flow)[0] > self.trial.inspected_before:
            self.promote(flow)
        self.forget_trial()

    def forget_trial(self) -> None:
        """Take the mark of a trial away."""
        if self.trial is not None:
            self.store.end_trial(self.trial.digest)
            self.trial = None

    def refuse(self, problem: str, flow: Flow[Accounts] | None = None) -> None:
        """Say that the file cannot be used, and everything that is wrong with it; the next flow says it again."""
        _log.error("the configuration is refused, the last good one runs: %s", problem)
        text = problem.replace("\n", "; ")
        self.refusal = Alarm(
            CONFIGURATION_REJECTED,
            Severity.WARNING,
            f"The configuration in {self.file.name} is refused, the last good one runs: {text[:_LONGEST_TEXT]}",
            "Correct the file: it is tried when it changes. To have it tried again as it is, send SIGHUP.",
        )
        if isinstance(flow, Reloadable):
            flow.alarms.raise_(self.refusal, lasting=True)

    def accept(self, flow: Flow[Accounts]) -> None:
        """Say that the file is what runs."""
        was_refused, self.refusal = self.refusal is not None, None
        if was_refused and isinstance(flow, Reloadable):
            flow.alarms.clear(CONFIGURATION_REJECTED, text="The configuration is in force.")


def _counts(flow: Flow[Accounts]) -> tuple[int, int]:
    """Return how many frames were inspected, and on how many the inspection failed."""
    frames = flow.totals().frames
    return frames.inspected, frames.dropped.get(DropCause.INSPECTION_FAILED, 0)
