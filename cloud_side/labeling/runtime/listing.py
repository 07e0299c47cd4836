"""What days stations have below a prefix: folders, or objects of rows; found level by level, several at once."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import Final

from cloud_side.objects import Bucket

AT_ONCE: Final = 10  # requests: as many connections as a client keeps
_LEVELS: Final = ("site", "line", "station")
_ROWS: Final = ".jsonl"  # what a day of the index is: one object


def stations_below(pool: Executor, bucket: Bucket, prefix: str, wanted: Mapping[str, str | None]) -> set[str]:
    """Return the folders of stations, as `site=.../line=.../station=.../`; one on the way takes one request a page.

    Args:
        pool: Makes the requests.
        bucket: The bucket.
        prefix: With a slash at its end.
        wanted: The `site`, `line` and `station` that is looked for, whether it is there or not; None for all.
    """
    folders: Sequence[str] = [prefix]
    for level in _LEVELS:
        if (value := wanted.get(level)) is not None:
            folders = [f"{folder}{level}={value}/" for folder in folders]
        else:
            found = pool.map(lambda folder, level=level: _names_in(bucket, folder, f"{level}="), folders)
            folders = [f"{folder}{name}/" for folder, names in zip(folders, found, strict=True) for name in names]
    return {folder.removeprefix(prefix) for folder in folders}


def days_in(bucket: Bucket, folder: str) -> set[str]:
    """Return the days in a station's folder, as `dt=...`."""
    return set(_names_in(bucket, folder, "dt="))


def _names_in(bucket: Bucket, folder: str, begin: str) -> list[str]:
    """Return what begins so in a folder: folders without their slash, and objects of rows without their suffix."""
    names = (name.removeprefix(folder) for name in bucket.names(f"{folder}{begin}"))
    return [name.removesuffix("/").removesuffix(_ROWS) for name in names if name.endswith(("/", _ROWS))]
