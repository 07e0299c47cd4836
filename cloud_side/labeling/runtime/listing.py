"""Listings of the bucket: partitions level by level, several folders at once, and the objects in one folder."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from cloud_side.catalog.index import Listed, Partition
from cloud_side.labeling.runtime.clients import Client

AT_ONCE: Final = 10  # requests: as many connections as a client keeps
_LEVELS: Final = ("site", "line", "station")
_ROWS: Final = ".jsonl"  # what a partition of the index is: one object


def partitions_below(s3: Client, bucket: str, prefix: str, wanted: Mapping[str, str | None]) -> set[Partition]:
    """Return the partitions below a prefix: folders, or objects of rows. A folder on the way takes one request a page.

    Args:
        s3: A client.
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
                found = pool.map(lambda folder, level=level: _names_in(s3, bucket, folder, f"{level}="), folders)
                folders = [f"{name}/" for names in found for name in names]
        days = pool.map(lambda folder: _names_in(s3, bucket, folder, "dt="), folders)
        return {each for names in days for name in names for each in _partition(name[len(prefix) :])}


def listed(s3: Client, bucket: str, folder: str) -> Iterator[Listed]:
    """Yield the objects in a folder and in none below it, in the order of their keys.

    Args:
        s3: A client.
        bucket: The bucket.
        folder: With a slash at its end.
    """
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder, Delimiter="/")
    for page in pages:
        for each in page.get("Contents", ()):
            yield Listed(each["Key"], each["ETag"].strip('"'), each["Size"])


def _names_in(s3: Client, bucket: str, folder: str, begin: str) -> list[str]:
    """Return what begins so in a folder: folders without their slash, and objects of rows without their suffix."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{folder}{begin}", Delimiter="/")
    names: list[str] = []
    for page in pages:
        names += (each["Prefix"].removesuffix("/") for each in page.get("CommonPrefixes", ()))
        names += (each["Key"].removesuffix(_ROWS) for each in page.get("Contents", ()) if each["Key"].endswith(_ROWS))
    return names


def _partition(text: str) -> Iterator[Partition]:
    try:
        yield Partition.parse(text)
    except ValueError:
        return  # a folder that somebody else made
