"""The folder in which a local engine lives: what lies where, and that one engine at a time runs in it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from edge_inspector.durable import PRIVATE_FILE, PRIVATE_FOLDER, make_folders
from edge_inspector.errors import ConfigError

ACCOUNT = "000000000000"
REGION = "eu-central-1"
KEPT = timedelta(days=90)  # https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html


@dataclass(frozen=True)
class Home:
    """Where a local engine keeps everything; made when it is first used."""

    folder: Path

    @property
    def database(self) -> Path:
        """What the services and the executions remember."""
        return self.folder / "engine.sqlite"

    @property
    def buckets(self) -> Path:
        """One folder a bucket, one file an object, under its key."""
        return self.folder / "s3"

    @property
    def jobs(self) -> Path:
        """One folder a SageMaker job, laid out as its container sees /opt/ml."""
        return self.folder / "jobs"

    @property
    def functions(self) -> Path:
        """The code of functions that came as a zip."""
        return self.folder / "functions"

    @property
    def devices(self) -> Path:
        """One folder a core device: artifacts, and what its components wrote."""
        return self.folder / "devices"

    @property
    def logs(self) -> Path:
        """One file a log group."""
        return self.folder / "logs"

    def make(self) -> None:
        """Make the folder with those in it.

        Raises:
            ConfigError: If it cannot be made or written.
        """
        try:
            for folder in (self.folder, self.buckets, self.jobs, self.functions, self.devices, self.logs):
                make_folders(folder, mode=PRIVATE_FOLDER)
        except OSError as error:
            msg = f"{self.folder}: cannot be the engine's folder: {error}; expected one that can be written"
            raise ConfigError(msg) from error


def engine_in(home: Home) -> int | None:
    """Return the process id of the engine that runs there, None where none does; 0 where it cannot be told."""
    with _lock_file(home) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _holder(descriptor)
    return None


@contextmanager
def sole_engine(home: Home) -> Iterator[None]:
    """Be the one engine of a home until the block or the process ends, however it ends.

    Raises:
        ConfigError: If another engine runs there.
    """
    with _lock_file(home) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = (
                f"{home.folder}: another engine runs here, its process id is {_holder(descriptor)}; "
                "end it by `edge-inspector-cloud local down`, or give this one a folder of its own"
            )
            raise ConfigError(msg) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield


@contextmanager
def _lock_file(home: Home) -> Iterator[int]:
    descriptor = os.open(home.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> int:
    text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
    return int(text) if text.isdigit() else 0
