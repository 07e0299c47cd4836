"""A small disk of its own, which can be filled and set read-only."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.mosquitto import eventually


@contextmanager
def small_disk(folder: Path, *, size: str = "1m") -> Iterator[Path]:
    """Mount a tmpfs for a while, or skip the test where that is not allowed."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def set_read_only(disk: Path, *, on: bool) -> None:
    """Make the disk read-only or writable; as long as somebody writes to a file on it, it is busy."""
    remount = ["mount", "-o", f"remount,{'ro' if on else 'rw'}", str(disk)]
    eventually(lambda: subprocess.run(remount, check=False).returncode == 0, what="the disk is mounted anew")


def fill(disk: Path, *, leave: int) -> Path:
    """Write a file that leaves `leave` bytes free, and return it."""
    ballast, found = disk / "ballast", os.statvfs(disk)
    ballast.write_bytes(bytes(max(0, found.f_bavail * found.f_frsize - leave)))
    return ballast
