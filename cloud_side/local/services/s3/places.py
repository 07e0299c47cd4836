"""Where an object lies: the bucket's folder, and the file under its key."""

import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from cloud_side.local.home import Home
from cloud_side.local.services.s3.names import key_problem
from cloud_side.local.wiring import RefusedRequest


@dataclass(frozen=True)
class Place:
    """The place of one object, whether it is there or not.

    Attributes:
        root: The bucket's folder.
        key: One that a file can have.
    """

    root: Path
    key: str

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self.root.name

    @property
    def folder(self) -> str:
        """The key up to its last slash, with it; empty at the top of the bucket."""
        return self.key[: self.key.rfind("/") + 1]

    @property
    def name(self) -> str:
        """The key after its last slash."""
        return self.key[self.key.rfind("/") + 1 :]

    @cached_property
    def path(self) -> Path:
        """The file."""
        return self.root / self.key

    @property
    def identity(self) -> tuple[str, str, str]:
        """What names it in the database: bucket, folder and name."""
        return self.bucket, self.folder, self.name

    @property
    def address(self) -> str:
        """How people write it."""
        return f"s3://{self.bucket}/{self.key}"

    def is_inside(self) -> bool:
        """Return whether no link leads from the bucket's folder to somewhere else."""
        return is_inside(self.root, self.folder)

    def status(self) -> os.stat_result | None:
        """Return what the system says of the file; None where no regular one is."""
        status = self.status_here()
        return status if status is not None and self.is_inside() else None

    def status_here(self) -> os.stat_result | None:
        """Return the same without a look whether links lead there, for who came through the folders."""
        try:
            status = os.lstat(f"{self.root}/{self.key}")  # a Path takes longer to make than to look up
        except (FileNotFoundError, NotADirectoryError):
            return None
        return status if stat.S_ISREG(status.st_mode) else None

    def open(self) -> int | None:
        """Return a descriptor of the file, for reading; None where no regular one is."""
        if self.status() is None:
            return None
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # it may have become a link or a pipe
        try:
            return os.open(self.path, flags)
        except (FileNotFoundError, NotADirectoryError):
            return None


def place_of(home: Home, bucket: str, key: str) -> Place:
    """Return the place of a key.

    Raises:
        RefusedRequest: If no file can have that name.
    """
    if problem := key_problem(key):
        msg = f"a key of bucket {bucket} cannot be kept as a file: {problem}"
        raise RefusedRequest("InvalidArgument", msg)
    return Place(home.buckets / bucket, key)


def is_inside(root: Path, folder: str) -> bool:
    """Return whether a folder is where it seems to be: no link on the way leads out of the bucket's folder.

    Args:
        root: The bucket's folder, which may be a link itself.
        folder: Empty, or names that each end with a slash.
    """
    real = os.path.realpath(root)
    return not folder or os.path.realpath(f"{real}/{folder}") == f"{real}/{folder[:-1]}"


def signature_of(status: os.stat_result) -> str:
    """Return what changes with a file: its size, time and identity."""
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}"


def modified_at(status: os.stat_result) -> datetime:
    """Return when a file was written: aware UTC, in whole seconds as S3 tells it."""
    return datetime.fromtimestamp(status.st_mtime_ns // 10**9, UTC)
