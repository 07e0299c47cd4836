"""The life of one job: prepare, run, upload, and say after each step how far it has come."""

import logging
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cloud_side.local.calling import Caller, calling
from cloud_side.local.jobs import failures
from cloud_side.local.jobs.folder import JobFolder
from cloud_side.local.jobs.metrics import final_metrics
from cloud_side.local.jobs.places import PlanError
from cloud_side.local.jobs.plan import Output, Plan
from cloud_side.local.jobs.planning import plan_of
from cloud_side.local.jobs.preparing import clear, prepare
from cloud_side.local.jobs.programs import sweep
from cloud_side.local.jobs.report import Ending, JobStatus, Stage
from cloud_side.local.jobs.rows import Job
from cloud_side.local.jobs.running import Pace, Watch, run
from cloud_side.local.jobs.transfers import Mirror, TransferError, take_archive
from edge_inspector.backoff import pause_s

_log = logging.getLogger(__name__)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 10.0
_STOPPED = Ending(JobStatus.STOPPED, Stage.STOPPED)
_MESSAGES = {
    Stage.DOWNLOADING: "Downloading input data",
    Stage.RUNNING: "Program in progress",
    Stage.STOPPING: "Stopping the program",
    Stage.UPLOADING: "Uploading what the program made",
    Stage.COMPLETED: "Job completed",
    Stage.STOPPED: "Job stopped",
    Stage.MAX_RUNTIME: "Job ran for longer than MaxRuntimeInSeconds",
    Stage.MAX_WAIT: "Job took longer than MaxWaitTimeInSeconds",
}


class Supervisor:
    """Leads one job to its end; whoever runs it holds the lock of the job's folder."""

    def __init__(
        self,
        job: Job,
        folder: JobFolder,
        s3: Any,  # noqa: ANN401 - boto3
        *,
        is_stopping: Callable[[], bool],
        pace: Pace,
    ) -> None:
        """Take up the job where its folder says that it is.

        Args:
            job: As the database has it.
            folder: It is there.
            s3: A client.
            is_stopping: Whether somebody wishes now that the job stops.
            pace: How often it looks.
        """
        self._job = job
        self._folder = folder
        self._s3 = s3
        self._is_stopping = is_stopping
        self._pace = pace
        self._report = folder.report() or job.report
        self._mirrors: dict[str, Mirror] = {}

    def run(self) -> None:
        """Lead the job to its end, whatever happens on the way."""
        if self._report.is_final:
            return
        try:
            sweep(self._folder.path)
            plan = plan_of(self._job.kind, self._job.request)
            ending = self._live(plan)
        except PlanError as error:
            plan, ending = None, _failed(failures.client_error(error))
        except Exception as error:  # noqa: BLE001 - the job must end, and nobody else would end it
            _log.exception("the supervisor of %s fails", self._job.arn)
            plan, ending = None, _failed(failures.internal_error(repr(error)))
        self._say(ending.stage, ending=ending, message=ending.failure_reason)
        if plan is not None and ending.status is not JobStatus.FAILED:
            clear(self._roots(plan))

    def _live(self, plan: Plan) -> Ending:
        ending = self._report.ending
        if ending is None:
            ending = self._after_vanishing(plan) or self._attempt(plan)
            logs = [self._folder.log(host.name) for host in plan.hosts]
            self._report = replace(self._report, metrics=final_metrics(logs, plan.metrics, _now()))
        if ending.status is not JobStatus.FAILED:
            return self._uploaded(plan, ending)
        self._mirror(plan)
        clear(self._roots(plan), plan.kept)  # now: there may be no room to say that the job failed
        return ending

    def _after_vanishing(self, plan: Plan) -> Ending | None:
        """Return how a job ends whose supervisor was killed while the program ran; None if it goes on."""
        if self._report.stage not in (Stage.RUNNING, Stage.STOPPING):
            return None
        if not self._may_go_on():
            return _STOPPED
        if self._report.stage is Stage.STOPPING:
            return Ending(JobStatus.STOPPED, Stage.MAX_RUNTIME)
        attempt, limits = self._report.attempt, plan.limits
        what = f"the supervisor vanished during attempt {attempt}, with the machine or by a kill"
        if not limits.is_spot and attempt > limits.retries:
            told = "with EnableManagedSpotTraining or RetryStrategy it would have been started again"
            return _failed(failures.internal_error(f"{what}; {told}"))
        self._report = replace(self._report, attempt=attempt + 1)
        self._say(Stage.INTERRUPTED if limits.is_spot else Stage.RESTARTING, message=what)
        return None

    def _attempt(self, plan: Plan) -> Ending:
        self._say(Stage.DOWNLOADING)
        try:
            prepare(plan, self._roots(plan), self._s3, attempt=self._report.attempt, may_go_on=self._may_go_on)
        except (TransferError, OSError) as error:
            return _failed(failures.client_error(error))
        if (stopped := self._why_stop(plan, since_s=time.monotonic())) is not None:
            return Ending(JobStatus.STOPPED, stopped)
        self._say(Stage.RUNNING)
        began_s = time.monotonic()
        watch = Watch(
            self._pace,
            why_stop=lambda: self._why_stop(plan, since_s=began_s),
            stopping=lambda: self._say(Stage.STOPPING, is_patient=False),
            meanwhile=lambda: self._mirror(plan),
        )
        return run(plan, self._folder, self._job.caller, watch)

    def _why_stop(self, plan: Plan, *, since_s: float) -> Stage | None:
        if not self._may_go_on():
            return Stage.STOPPED
        waited_s = (_now() - self._job.created).total_seconds()
        if plan.limits.wait_s is not None and waited_s >= plan.limits.wait_s:
            return Stage.MAX_WAIT
        return Stage.MAX_RUNTIME if time.monotonic() - since_s >= plan.limits.runtime_s else None

    def _may_go_on(self) -> bool:
        try:
            return not self._is_stopping()
        except sqlite3.OperationalError as error:  # the wish is seen when the disk has room again
            _log.warning("the database cannot be read: %s", error)
            return True

    def _uploaded(self, plan: Plan, ending: Ending) -> Ending:
        """Take what was made to S3, and return how the job ends then.

        S3 remembers what this caller took there, so that a supervisor that goes on does not take it again.
        """
        if self._report.stage is not Stage.UPLOADING:
            self._say(Stage.UPLOADING, ending=ending)
        try:
            with calling(Caller(self._job.arn, f"{self._job.arn}/upload")):
                for output in plan.outputs:
                    self._take(plan, output)
        except (TransferError, OSError) as error:
            return _failed(failures.client_error(f"{error}; what was made is in {self._folder.path}"))
        return ending

    def _take(self, plan: Plan, output: Output) -> None:
        if output.is_archive:
            take_archive(self._s3, output, self._roots(plan), self._folder.path / "upload.part")
        else:
            self._mirror_of(plan, output).take(is_last=True)

    def _mirror_of(self, plan: Plan, output: Output) -> Mirror:
        return self._mirrors.setdefault(output.name, Mirror(self._s3, output, self._roots(plan)))

    def _mirror(self, plan: Plan) -> None:
        for output in plan.outputs:
            if output.is_continuous:
                try:
                    self._mirror_of(plan, output).take(is_last=False)
                except (TransferError, OSError) as error:  # tried again, and at the end it counts
                    _log.warning("output %s of %s waits: %s", output.name, self._job.arn, error)

    def _roots(self, plan: Plan) -> list[Path]:
        return [self._folder.host(host.name) for host in plan.hosts]

    def _say(self, stage: Stage, *, ending: Ending | None = None, message: str = "", is_patient: bool = True) -> None:
        """Bring to the disk that a stage is reached; when it is full, as soon as there is room again.

        Who is not patient goes on without: a program that fills the disk must be stopped, not waited for.
        """
        report = replace(self._report, ending=ending).reached(stage, _now(), message or _MESSAGES.get(stage, ""))
        self._report, failed = report, 0
        while True:
            try:
                self._folder.write(report)
            except OSError as error:
                _log.warning("what %s has reached cannot be written: %s", self._job.arn, error)
                if not is_patient:
                    return
                time.sleep(pause_s(failed, _FIRST_PAUSE_S, _LONGEST_PAUSE_S, jitter=1.0))
                failed += 1
            else:
                return


def _failed(reason: str) -> Ending:
    return Ending(JobStatus.FAILED, Stage.FAILED, reason)


def _now() -> datetime:
    return datetime.now(UTC)
