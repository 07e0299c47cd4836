"""Sees to it that each job that has not ended has a supervisor, and takes over what the supervisors say."""

import logging
import os
import sys
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from cloud_side.local import wiring
from cloud_side.local.database import Database
from cloud_side.local.home import Home
from cloud_side.local.jobs import failures, rows
from cloud_side.local.jobs.describe import emit
from cloud_side.local.jobs.folder import JobFolder
from cloud_side.local.jobs.kinds import JobKind
from cloud_side.local.jobs.report import Ending, JobStatus, Report, ReportError, Stage
from cloud_side.local.jobs.rows import Job

_log = logging.getLogger(__name__)
_BUSY_S, _IDLE_S = 0.2, 0.5
_CRASHES = 3  # of a supervisor by itself; it catches whatever befalls a job, so this is the installation
_GRACE_S = 120.0


@dataclass
class _Supervised:
    """What this engine knows of a supervisor that it started."""

    process: int | None = None
    crashes: int = 0


@dataclass
class Jobs:
    """The engine's chore for jobs; what it keeps in memory is gone with the engine, and not needed.

    Attributes:
        at_once: So many jobs run at the same time; others wait, the oldest first. Those that shall stop do not wait.
        grace_s: Between SIGTERM and SIGKILL when a job is stopped.
    """

    home: Home
    database: Database
    at_once: int = field(default_factory=lambda: max(2, os.cpu_count() or 1))
    grace_s: float = _GRACE_S
    name: str = "jobs"
    _known: dict[tuple[JobKind, str], _Supervised] = field(default_factory=dict)

    def turn(self) -> float:
        """Take over what was said, start supervisors that are missing, and return when to look again, in seconds."""
        jobs = rows.unfinished(self.database.connection())
        left = [job for job in map(self._taken_over, jobs) if job is not None]
        alive = {(job.kind, job.name) for job in left if self._is_alive(job)}
        for job in left:
            has_room = len(alive) < self.at_once or job.status is JobStatus.STOPPING
            if (job.kind, job.name) not in alive and has_room:
                alive.add((job.kind, job.name))
                self._start(job)
        keys = {(job.kind, job.name) for job in left}
        self._known = {key: each for key, each in self._known.items() if key in keys or not _has_ended(each)}
        return _BUSY_S if left else _IDLE_S

    def close(self) -> None:
        """Leave the supervisors alone: they go on, and the next engine takes over what they say."""

    def _taken_over(self, job: Job) -> Job | None:
        """Return the job as it is now; None if it has ended."""
        folder = JobFolder(self.home, job.kind, job.name)
        try:
            report = folder.report()
        except ReportError as error:  # a disk that forgets: nobody knows whether the program ran
            self._give_up(job, f"{folder.path}: {error}")
            return None
        if report is None or report == job.report:
            return job
        return self._keep(job, report)

    def _keep(self, job: Job, report: Report) -> Job | None:
        now = datetime.now(UTC)
        with self.database.transaction() as connection:
            found = rows.find(connection, job.kind, job.name)
            if found is None or found.status not in rows.UNFINISHED:
                return None
            status = report.status if report.is_final else found.status
            if report.is_final:
                wiring.forget_answers(connection, job.arn)  # of its uploads
            changed = rows.update(connection, found, status, report, now)
            if (changed.status, changed.secondary) != (found.status, found.secondary) and _is_told(changed, found):
                emit(connection, changed, now)
        return None if report.is_final else changed

    def _is_alive(self, job: Job) -> bool:
        known = self._known.setdefault((job.kind, job.name), _Supervised())
        if not _has_ended(known):
            return True
        folder = JobFolder(self.home, job.kind, job.name)
        return folder.path.is_dir() and folder.is_supervised()

    def _start(self, job: Job) -> None:
        known = self._known[(job.kind, job.name)]
        folder = JobFolder(self.home, job.kind, job.name)
        if (report := folder.report()) is not None and report.is_final:
            return  # it ended just now, and is taken over at the next turn
        if known.crashes >= _CRASHES:
            self._give_up(job, f"its supervisor cannot run, see {folder.supervisor_log}")
            return
        folder.make()
        known.process = _spawn(folder, self.grace_s)

    def _give_up(self, job: Job, problem: str) -> None:
        reason = failures.internal_error(problem)
        _log.error("%s: %s", job.arn, reason)
        ending = Ending(JobStatus.FAILED, Stage.FAILED, reason)
        self._keep(job, replace(job.report, ending=ending).reached(Stage.FAILED, datetime.now(UTC), reason))


def _has_ended(known: _Supervised) -> bool:
    """Return whether no supervisor that this engine started is left, and take notice of one that ended."""
    if known.process is None:
        return True
    process, status = os.waitpid(known.process, os.WNOHANG)
    if process == 0:
        return False
    known.process = None
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):  # not a kill: that may come any number of times
        known.crashes += 1
    return True


def _is_told(changed: Job, found: Job) -> bool:
    """Return whether an event tells of the change: the stages of a processing job are nobody's business."""
    return changed.kind is JobKind.TRAINING or changed.status is not found.status


def _spawn(folder: JobFolder, grace_s: float) -> int:
    command = [sys.executable, "-m", "cloud_side.local.jobs", str(folder.home.folder), folder.kind, folder.name]
    log = (os.POSIX_SPAWN_OPEN, 1, str(folder.supervisor_log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    return os.posix_spawn(
        sys.executable,
        [*command, str(grace_s)],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), log, (os.POSIX_SPAWN_DUP2, 1, 2)],
        setsid=True,  # a session of its own: it outlives the engine and its terminal
        setsigmask=[],
    )
