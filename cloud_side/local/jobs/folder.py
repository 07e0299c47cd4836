"""The folder of one job: the /opt/ml of each host, what its supervisor says, and the lock that makes it the one."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cloud_side.local.home import Home
from cloud_side.local.jobs.kinds import JobKind
from cloud_side.local.jobs.report import Report
from edge_inspector.durable import PRIVATE_FILE, PRIVATE_FOLDER, make_folders, write_lasting

_LOCK_TRIES, _LOCK_PAUSE_S = 20, 0.01


@dataclass(frozen=True)
class JobFolder:
    """Where one job lives; a name is used once, as in an account."""

    home: Home
    kind: JobKind
    name: str

    @property
    def path(self) -> Path:
        """The folder with the hosts' folders in it."""
        return self.home.jobs / self.kind / self.name

    @property
    def supervisor_log(self) -> Path:
        """What went wrong in the supervisor itself."""
        return self.path / "supervisor.log"

    def host(self, host: str) -> Path:
        """Return what a host sees as /opt/ml."""
        return self.path / host

    @property
    def logs(self) -> Path:
        """The folder of the logs of its programs."""
        return self.home.logs / self.kind.log_group / self.name

    def log(self, host: str) -> Path:
        """Return the log of a host's program."""
        return self.logs / f"{host}.log"

    def make(self) -> None:
        """Make it.

        Raises:
            OSError: If that failed.
        """
        make_folders(self.path, mode=PRIVATE_FOLDER)

    def delete(self) -> None:
        """Delete it with all that the job printed.

        Raises:
            OSError: If something of it stays.
        """
        for folder in (self.path, self.logs):
            if folder.exists():
                shutil.rmtree(folder)

    def report(self) -> Report | None:
        """Return what the supervisor said last; None before it said anything.

        Raises:
            ReportError: If that cannot be read.
        """
        try:
            return Report.from_json((self.path / "status.json").read_bytes())
        except FileNotFoundError:
            return None

    def write(self, report: Report) -> None:
        """Replace what was said.

        Raises:
            OSError: If that failed; the report before is there then.
        """
        write_lasting(self.path / "status.json", report.to_json().encode())

    def is_supervised(self) -> bool:
        """Return whether a supervisor lives."""
        with self._lock_file() as descriptor:
            return not _tried(descriptor, fcntl.LOCK_SH)

    @contextmanager
    def sole_supervisor(self) -> Iterator[bool]:
        """Be the one supervisor until the block or the process ends, however it ends; False where another one is.

        It tries for a moment, because whoever asks whether one lives holds the lock for a moment.
        """
        with self._lock_file() as descriptor:
            for _ in range(_LOCK_TRIES):
                if _tried(descriptor, fcntl.LOCK_EX):
                    yield True
                    return
                time.sleep(_LOCK_PAUSE_S)
            yield False

    @contextmanager
    def _lock_file(self) -> Iterator[int]:
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _tried(descriptor: int, lock: int) -> bool:
    try:
        fcntl.flock(descriptor, lock | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
