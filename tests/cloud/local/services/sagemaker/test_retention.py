"""What is forgotten of jobs that ended long ago."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from cloud_side.local.jobs import rows
from cloud_side.local.jobs.folder import JobFolder
from cloud_side.local.jobs.kinds import JobKind
from cloud_side.local.jobs.report import JobStatus
from cloud_side.local.services.sagemaker.retention import OldJobs
from tests.cloud.local.kept import Kept
from tests.cloud.local.services.sagemaker import asked

ENDED = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture
def make(opened: Kept) -> Callable[..., JobFolder]:
    """Make a processing job that has left a folder and a log, and has ended if it is told how."""

    def make_(name: str, status: JobStatus = JobStatus.COMPLETED) -> JobFolder:
        opened.client("sagemaker").create_processing_job(**asked.processing(name))
        with opened.database.transaction() as connection:
            job = rows.find(connection, JobKind.PROCESSING, name)
            assert job is not None
            rows.update(connection, job, status, job.report, ENDED)
        folder = JobFolder(opened.home, JobKind.PROCESSING, name)
        folder.make()
        folder.write(job.report)
        folder.logs.mkdir(parents=True)
        folder.log("algo-1").touch()
        return folder

    return make_


def old_jobs(opened: Kept, days: float) -> OldJobs:
    return OldJobs(opened.home, opened.database, clock=lambda: ENDED + timedelta(days=days))


def left(opened: Kept) -> list[str]:
    found = opened.client("sagemaker").list_processing_jobs()["ProcessingJobSummaries"]
    return [each["ProcessingJobName"] for each in found]


def test_ninety_days_after_its_end_nothing_is_left_of_a_job(opened: Kept, make: Callable[..., JobFolder]) -> None:
    ended, runs = make("ended"), make("runs", JobStatus.IN_PROGRESS)
    assert old_jobs(opened, 90).turn() == 3600
    assert left(opened) == ["ended", "runs"]
    assert old_jobs(opened, 90.001).turn() == 3600
    assert left(opened) == ["runs"]
    assert (ended.path.exists(), ended.logs.exists()) == (False, False)
    assert (runs.path.exists(), runs.log("algo-1").exists()) == (True, True)


def test_many_are_forgotten_a_few_at_a_time(opened: Kept, make: Callable[..., JobFolder]) -> None:
    for number in range(21):
        make(f"job-{number}")
    chore = old_jobs(opened, 91)
    assert chore.turn() == 1
    assert len(left(opened)) == 1
    assert chore.turn() == 3600
    assert left(opened) == []


def test_a_folder_that_cannot_be_deleted_keeps_its_row_and_no_other(
    opened: Kept, make: Callable[..., JobFolder]
) -> None:
    stuck = make("stuck")
    (stuck.path / "status.json").unlink()
    stuck.path.rmdir()
    stuck.path.touch()  # a file, in place of the folder
    make("other")
    old_jobs(opened, 91).turn()
    assert left(opened) == ["stuck"]


def test_a_labeling_job_is_forgotten_with_its_tasks(opened: Kept) -> None:
    for name in ("ended", "open"):
        opened.client("sagemaker").create_labeling_job(**asked.labeling(name))
    with opened.database.transaction() as connection:
        for name in ("ended", "open"):
            connection.execute("INSERT INTO labeling_tasks (job, line, content) VALUES (?, 1, '{}')", (name,))
        connection.execute("UPDATE labeling_jobs SET modified = '2026-03-01T08:00:00.000000+00:00'")
        connection.execute("UPDATE labeling_jobs SET status = 'Completed' WHERE name = 'ended'")
    old_jobs(opened, 91).turn()
    for query in ("SELECT name FROM labeling_jobs", "SELECT job FROM labeling_tasks"):
        assert [tuple(row) for row in opened.database.connection().execute(query)] == [("open",)]
