"""Jobs and executions of pipelines that ended long ago are forgotten, so that the home does not grow for ever."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cloud_side.local.database import Database
from cloud_side.local.home import KEPT, Home
from cloud_side.local.jobs import rows
from cloud_side.local.jobs.folder import JobFolder
from cloud_side.local.jobs.rows import Job
from cloud_side.local.services.sagemaker import labeling_tasks
from cloud_side.local.services.sagemaker.pipelines import rows as pipeline_rows

_log = logging.getLogger(__name__)
_AT_ONCE = 20
_NEXT_S, _LATER_S = 1.0, 3600.0


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class OldJobs:
    """Forgets all kinds of jobs, and executions of pipelines, that ended 90 days ago; what they made is in S3.

    Attributes:
        clock: Aware UTC.
    """

    home: Home
    database: Database
    clock: Callable[[], datetime] = _now
    name: str = "old-jobs"

    def turn(self) -> float:
        """Forget a few, and return when to look again, in seconds."""
        before = self.clock() - KEPT  # as long as what started them
        old = [job for job in rows.ended_before(self.database.connection(), before, _AT_ONCE) if self._is_cleared(job)]
        with self.database.transaction() as connection:
            for job in old:
                rows.delete(connection, job)
            labeled = labeling_tasks.delete_ended_before(connection, before, _AT_ONCE)
            executed = pipeline_rows.delete_ended_before(connection, before, _AT_ONCE)
        return _NEXT_S if _AT_ONCE in (len(old), labeled, executed) else _LATER_S

    def _is_cleared(self, job: Job) -> bool:
        """Delete what a job has left; before its row, for another job of that name must not find it."""
        try:
            JobFolder(self.home, job.kind, job.name).delete()
        except OSError as error:
            _log.warning("%s ended long ago, and what it left cannot be deleted: %s", job.arn, error)
            return False
        return True

    def close(self) -> None:
        """Hold nothing."""
