"""How much room a disk has left."""

import os
from collections.abc import Callable
from pathlib import Path


def free_mb(folder: Path) -> float:
    """Return the megabytes that we may still write to the disk of a folder, which need not exist yet.

    Raises:
        OSError: If the disk cannot be asked.
    """
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize / 1e6


def disk_probe(folder: Path, min_free_mb: float) -> Callable[[], str | None]:
    """Return a probe of the free space at `folder`; 0 megabytes asks for none."""

    def probe() -> str | None:
        if min_free_mb == 0:
            return None
        try:
            free = free_mb(folder)
        except OSError as error:
            return f"{folder}: the disk cannot be asked for its free space: {error}"
        if free >= min_free_mb:
            return None
        return f"{folder}: {free:.0f} MB are free; expected at least {min_free_mb:g} MB"

    return probe
