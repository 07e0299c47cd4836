"""Listings of the bucket: partitions level by level, several folders at once, and the objects in one folder."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from cloud_side.catalog.index import Listed, Partition
from cloud_side.objects import Bucket

AT_ONCE: Final = 10  # requests: as many connections as a client keeps
_LEVELS: Final = ("site", "line", "station")
_ROWS: Final = ".jsonl"  # what a partition of the index is: one object


def partitions_below(bucket: Bucket, prefix: str, wanted: Mapping[str, str | None]) -> set[Partition]:
    """Return the partitions below a prefix: folders, or objects of rows. A folder on the way takes one request a page.

    Args:
        bucket: The bucket.
        prefix: With a slash at its end.
        wanted: The `site`, `line` and `station` that is looked for; None or nothing for all.
    """
    folders: Sequence[str] = [prefix]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for level in _LEVELS:
            if (value := wanted.get(level)) is not None:
                folders = [f"{folder}{level}={value}/" for folder in folders]
            else:
                found = pool.map(lambda folder, level=level: _names_in(bucket, folder, f"{level}="), folders)
                folders = [f"{name}/" for names in found for name in names]
        days = pool.map(lambda folder: _names_in(bucket, folder, "dt="), folders)
        return {each for names in days for name in names for each in _partition(name[len(prefix) :])}


def listed(bucket: Bucket, folder: str) -> Iterator[Listed]:
    """Yield the objects in a folder and in none below it, in the order of their keys.

    Args:
        bucket: The bucket.
        folder: With a slash at its end.
    """
    for each in bucket.listed(folder, is_deep=False):
        yield Listed(each.key, each.etag.strip('"'), each.size)


def _names_in(bucket: Bucket, folder: str, begin: str) -> list[str]:
    """Return what begins so in a folder: folders without their slash, and objects of rows without their suffix."""
    names = bucket.names(f"{folder}{begin}")
    return [name.removesuffix("/").removesuffix(_ROWS) for name in names if name.endswith(("/", _ROWS))]


def _partition(text: str) -> Iterator[Partition]:
    try:
        yield Partition.parse(text)
    except ValueError:
        return  # a folder that somebody else made
