"""Small disks that tests may fill, and make read-only: real ones, which only root can mount."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.small_disk import set_read_only
from tests.small_disk import small_disk as mounted


class SmallDisk:
    """A file system of its own.

    Attributes:
        folder: Where it is mounted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Leave no free block."""
        with self._filler.open("ab", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError:
                    continue

    def empty(self) -> None:
        """Give the blocks back."""
        self._filler.unlink()

    def remount(self, options: str) -> None:
        set_read_only(self.folder, on=options == "ro")


@contextmanager
def small_disk(folder: Path, *, size_kb: int) -> Iterator[SmallDisk]:
    """Mount a disk of this size; skips the test where that is not allowed."""
    with mounted(folder, size=f"{size_kb}k") as disk:
        yield SmallDisk(disk)
