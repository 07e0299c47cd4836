"""Reads the manifests of new labeling jobs, and writes the manifests of those that people are done with."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from cloud_side.local import outbox, wiring
from cloud_side.local.calling import Caller, calling
from cloud_side.local.database import Database
from cloud_side.local.home import Home
from cloud_side.local.jobs.kinds import arn
from cloud_side.local.jobs.places import Address
from cloud_side.local.services.sagemaker.labeling import KIND
from cloud_side.local.services.sagemaker.labeling_manifest import (
    LONGEST_LINE,
    ManifestError,
    expired_line,
    labeled_line,
    read_manifest,
)
from cloud_side.local.services.sagemaker.labeling_tasks import LabelingStatus, find_job, unfinished_jobs
from cloud_side.local.services.sagemaker.names import stamp
from edge_inspector.durable import make_folders

_BUSY_S, _IDLE_S = 0.5, 1.0
_AT_ONCE = 1000
_LIFETIME_S = 30 * 86_400  # of a private work team's tasks
_ONE_THREAD = TransferConfig(use_threads=False)  # the caller is the thread's


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class LabelingJobs:
    """The engine's chore for labeling jobs.

    Attributes:
        s3: A client.
        clock: Aware UTC.
    """

    home: Home
    database: Database
    s3: Any
    clock: Callable[[], datetime] = _now
    name: str = "labeling-jobs"

    def turn(self) -> float:
        """Open what is new, end what is done, and return when to look again, in seconds."""
        jobs = unfinished_jobs(self.database.connection())
        for row in jobs:
            match LabelingStatus(row["status"]):
                case LabelingStatus.INITIALIZING:
                    self._open(row)
                case LabelingStatus.STOPPING:
                    self._end(row, LabelingStatus.STOPPED)
                case _ if self._is_done(row):
                    self._end(row, LabelingStatus.COMPLETED)
        return _BUSY_S if jobs else _IDLE_S

    def close(self) -> None:
        """Hold nothing."""

    def _open(self, row: sqlite3.Row) -> None:
        with self.database.transaction() as connection:  # what an engine that was killed has read of it
            connection.execute("DELETE FROM labeling_tasks WHERE job = ?", (row["name"],))
        source = Address.parse(json.loads(row["request"])["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"])
        try:
            count = self._read(row["name"], source)
        except (ManifestError, ClientError, BotoCoreError) as error:
            self._fail(row["name"], f"ClientError: {source}: {error}")
            return
        with self.database.transaction() as connection:
            connection.execute("UPDATE labeling_jobs SET tasks = ? WHERE name = ?", (count, row["name"]))
            now = stamp(self.clock())
            connection.execute(
                "UPDATE labeling_jobs SET status = ?, opened = ?, modified = ? WHERE name = ? AND status = ?",
                (LabelingStatus.IN_PROGRESS, now, now, row["name"], LabelingStatus.INITIALIZING),
            )

    def _read(self, job: str, source: Address) -> int:
        body = self.s3.get_object(Bucket=source.bucket, Key=source.key)["Body"]
        lines = enumerate(read_manifest(_lines(body.iter_chunks(65_536))), 1)
        count = 0
        while batch := [(job, line, content) for line, content in islice(lines, _AT_ONCE)]:
            with self.database.transaction() as connection:
                connection.executemany("INSERT INTO labeling_tasks (job, line, content) VALUES (?, ?, ?)", batch)
            count += len(batch)
        return count

    def _is_done(self, row: sqlite3.Row) -> bool:
        if row["ending"] is not None or row["answered"] == row["tasks"]:
            return True
        human = json.loads(row["request"])["HumanTaskConfig"]
        lifetime = timedelta(seconds=human.get("TaskAvailabilityLifetimeInSeconds", _LIFETIME_S))
        return self.clock() >= datetime.fromisoformat(row["opened"]) + lifetime

    def _end(self, row: sqlite3.Row, ending: LabelingStatus) -> None:
        name, request = row["name"], json.loads(row["request"])
        ending = LabelingStatus(row["ending"] or ending)  # what an engine that was killed had decided
        with self.database.transaction() as connection:  # from now on no answer is taken that would not be written
            connection.execute("UPDATE labeling_jobs SET ending = ? WHERE name = ?", (ending, name))
        output = Address.parse(request["OutputConfig"]["S3OutputPath"]).below(
            f"{name}/manifests/output/output.manifest"
        )
        try:
            self._write(name, request["LabelAttributeName"], output, is_whole=ending is LabelingStatus.COMPLETED)
        except (ClientError, BotoCoreError, Boto3Error) as error:
            self._fail(name, f"ClientError: {output}: {error}")
            return
        with self.database.transaction() as connection:
            found = find_job(connection, name)
            assert found is not None  # noqa: S101 - for the type checker: nothing deletes jobs
            expired = found["tasks"] - found["answered"] if ending is LabelingStatus.COMPLETED else 0
            connection.execute(
                "UPDATE labeling_jobs SET expired = ?, output = ? WHERE name = ?", (expired, str(output), name)
            )
            self._tell_end(connection, name, ending)

    def _write(self, job: str, attribute: str, output: Address, *, is_whole: bool) -> None:
        """Bring the output manifest to S3; not once more where an engine that was killed had done it."""
        scratch = self.home.jobs / KIND / f"{job}.manifest"
        make_folders(scratch.parent)
        try:
            with scratch.open("w", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in self._output(job, attribute, is_whole=is_whole))
            with calling(Caller(arn(KIND, job), arn(KIND, job))):
                self.s3.upload_file(str(scratch), output.bucket, output.key, Config=_ONE_THREAD)
        finally:
            scratch.unlink(missing_ok=True)

    def _output(self, job: str, attribute: str, *, is_whole: bool) -> Iterator[str]:
        rows = self.database.connection().execute("SELECT * FROM labeling_tasks WHERE job = ? ORDER BY line", (job,))
        for row in rows:
            content: Mapping[str, Any] = json.loads(row["content"])
            if row["answered"] is not None:
                answered = datetime.fromisoformat(row["answered"])
                answer = (json.loads(row["label"]), json.loads(row["metadata"]), answered)
                yield labeled_line(content, attribute, job, answer)
            elif is_whole:
                yield expired_line(content, attribute, job, self.clock())

    def _fail(self, job: str, reason: str) -> None:
        with self.database.transaction() as connection:
            connection.execute("UPDATE labeling_jobs SET failure = ? WHERE name = ?", (reason[:1024], job))
            self._tell_end(connection, job, LabelingStatus.FAILED)

    def _tell_end(self, connection: sqlite3.Connection, job: str, status: LabelingStatus) -> None:
        now = self.clock()
        connection.execute(
            "UPDATE labeling_jobs SET status = ?, modified = ? WHERE name = ?", (status, stamp(now), job)
        )
        wiring.forget_answers(connection, arn(KIND, job))
        outbox.emit(
            connection,
            source="aws.sagemaker",
            detail_type="SageMaker Ground Truth Labeling Job State Change",
            detail={"LabelingJobStatus": status},
            now=now,
            resources=[arn(KIND, job)],
        )


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a stream in bounded memory: of one that is too long, the beginning."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
        if len(rest) > LONGEST_LINE:
            yield rest
            rest = b""
    yield rest
