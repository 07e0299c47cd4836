"""A bench on which jobs are created, supervised in the test's own process, and looked at."""

import io
import json
import tarfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from cloud_side.local.jobs import rows
from cloud_side.local.jobs.chore import Jobs
from cloud_side.local.jobs.folder import JobFolder
from cloud_side.local.jobs.kinds import JobKind
from cloud_side.local.jobs.running import Pace
from cloud_side.local.jobs.supervisor import Supervisor
from cloud_side.local.services.s3 import S3
from cloud_side.local.services.sagemaker import SERVICES
from tests.cloud.local.kept import Kept, kept

QUICK = Pace(look_s=0.02, mirror_s=0.05, grace_s=0.2)


class Bench:
    """A home with a bucket, and the means to run one job after another."""

    def __init__(self, opened: Kept) -> None:
        self.home, self.database = opened.home, opened.database
        self.s3, self.sagemaker = opened.client("s3"), opened.client("sagemaker")
        self.chore = Jobs(self.home, self.database, at_once=0)  # it takes over what is said, and starts nothing
        self.s3.create_bucket(Bucket="bench", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})

    def put(self, key: str, content: str | bytes = "") -> None:
        self.s3.put_object(Bucket="bench", Key=key, Body=content.encode() if isinstance(content, str) else content)

    def get(self, key: str) -> bytes:
        with closing(self.s3.get_object(Bucket="bench", Key=key)["Body"]) as body:
            return bytes(body.read())

    def keys(self, prefix: str = "") -> list[str]:
        found = self.s3.list_objects_v2(Bucket="bench", Prefix=prefix)
        return [each["Key"] for each in found.get("Contents", ())]

    def archive(self, key: str) -> dict[str, bytes]:
        with tarfile.open(fileobj=io.BytesIO(self.get(key))) as found:
            files = {member.name: found.extractfile(member) for member in found}
            return {name: file.read() for name, file in files.items() if file is not None}

    def create(self, request: dict[str, Any]) -> JobFolder:
        """Create a job and return its folder."""
        kind = JobKind.TRAINING if "TrainingJobName" in request else JobKind.PROCESSING
        operation = "create_training_job" if kind is JobKind.TRAINING else "create_processing_job"
        getattr(self.sagemaker, operation)(**request)
        folder = JobFolder(self.home, kind, request[f"{kind.word}Name"])
        folder.make()
        return folder

    def supervise(self, folder: JobFolder, pace: Pace = QUICK, s3: Any = None) -> None:
        """Be the supervisor of a job to its end."""
        job = rows.find(self.database.connection(), folder.kind, folder.name)
        assert job is not None
        with folder.sole_supervisor() as is_sole:
            assert is_sole
            Supervisor(
                job,
                folder,
                s3 or self.s3,
                is_stopping=lambda: rows.is_stopping(self.database.connection(), folder.kind, folder.name),
                pace=pace,
            ).run()

    def described(self, folder: JobFolder) -> dict[str, Any]:
        """Take over what the supervisor said, and describe the job."""
        self.chore.turn()
        return dict(getattr(self.sagemaker, _DESCRIBE[folder.kind])(**{f"{folder.kind.word}Name": folder.name}))

    def run(self, request: dict[str, Any], pace: Pace = QUICK) -> dict[str, Any]:
        """Create a job, run it to its end, and describe it."""
        folder = self.create(request)
        self.supervise(folder, pace)
        return self.described(folder)

    def log(self, name: str, host: str = "algo-1") -> str:
        paths = [JobFolder(self.home, kind, name).log(host) for kind in JobKind]
        return next(path.read_text() for path in paths if path.exists())

    def supervisors(self) -> list[int]:
        """Return the supervisors that live as processes, be it only to find that they are not the first of a job."""
        found = []
        for path in Path("/proc").iterdir():
            if path.name.isdigit():
                with suppress(OSError):
                    words = (path / "cmdline").read_bytes().split(b"\0")
                    if b"cloud_side.local.jobs" in words and str(self.home.folder).encode() in words:
                        found.append(int(path.name))
        return found

    def events(self) -> list[dict[str, Any]]:
        found = self.database.connection().execute("SELECT event FROM emitted ORDER BY seq")
        events = [json.loads(row["event"]) for row in found]
        return [event for event in events if event["source"] == "aws.sagemaker"]


_DESCRIBE = {JobKind.TRAINING: "describe_training_job", JobKind.PROCESSING: "describe_processing_job"}


@pytest.fixture(scope="session")
def opened_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with kept(tmp_path_factory.mktemp("jobs") / "engine", [S3, *SERVICES]) as opened:
        yield opened


@pytest.fixture
def bench(opened_once: Kept) -> Bench:
    opened_once.empty()
    return Bench(opened_once)


@pytest.fixture
def all_ended(bench: Bench) -> Iterator[None]:
    """Leave no supervisor behind: it gives the space of its job back after it told the end of it."""
    yield
    while bench.supervisors():
        time.sleep(0.01)


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """Return a file to which programs append a line for each thing they do."""
    return tmp_path / "marks"
