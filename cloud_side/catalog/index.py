"""The index of samples: what a look into a folder of pictures and sidecars changes of the rows of before.

A folder holds what one station took in one day, and is a partition: it has one object of rows in the index.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Final

from cloud_side.catalog.tables import SAMPLES
from cloud_side.objects import Listed

PICTURES: Final = frozenset({"jpg", "jpeg", "png", "bmp", "tif", "tiff", "webp"})  # in any case
SIDECAR: Final = "json"
COLUMNS: Final = frozenset(column.name for column in SAMPLES.columns)

_LEVELS = ("site", "line", "station", "dt")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Partition:
    """What one station took in one day; `str()` gives it as the keys have it.

    Attributes:
        day: YYYY-MM-DD, UTC.
    """

    site: str
    line: str
    station: str
    day: str

    def __str__(self) -> str:
        return f"site={self.site}/line={self.line}/station={self.station}/dt={self.day}"

    @classmethod
    def parse(cls, text: str) -> "Partition":
        """Return the partition that `text` is.

        Raises:
            ValueError: If it is none.
        """
        fields = [level.partition("=") for level in text.split("/")]
        values = [value for _, _, value in fields]
        if tuple(name for name, _, _ in fields) != _LEVELS or not all(values) or not _is_day(values[-1]):
            msg = f"expected site=.../line=.../station=.../dt=YYYY-MM-DD, found {text!r}"
            raise ValueError(msg)
        return cls(*values)


def index_key(prefix: str, partition: Partition) -> str:
    """Return the key of a partition's rows, of the samples whose keys begin with a prefix."""
    return f"{SAMPLES.prefix}{prefix}/{partition}.jsonl"


def split_key(key: str) -> tuple[str, Partition, str]:
    """Return the prefix, the partition and the name that a sample's key is made of; the name may be any.

    Raises:
        ValueError: If it is no key of a sample.
    """
    *prefix, site, line, station, day, name = ("", "", "", "", *key.split("/"))
    return "/".join(prefix).strip("/"), Partition.parse(f"{site}/{line}/{station}/{day}"), name


@dataclass(frozen=True, slots=True)
class Pair:
    """A picture and the sidecar beside it.

    Attributes:
        image: Key of the picture.
    """

    image: str
    sidecar: Listed


@dataclass
class Counts:
    """What was met on the way.

    Attributes:
        read: Sidecars that were new or changed.
        rows: Of the partition, now.
        broken: Sidecars of which no row can be made.
        without_sidecar: Pictures that have none; one that has another picture's counts too.
        without_picture: Sidecars that have none.
    """

    read: int = 0
    rows: int = 0
    broken: int = 0
    without_sidecar: int = 0
    without_picture: int = 0

    @property
    def is_nothing(self) -> bool:
        """Whether the folder has neither a picture nor a sidecar."""
        return not (self.rows or self.broken or self.without_sidecar or self.without_picture)


@dataclass(frozen=True, slots=True)
class Kept:
    """A row as it is in the index, with its newline."""

    image: str
    etag: str
    line: bytes = field(repr=False)


def pairs(listing: Iterable[Listed], counts: Counts) -> Iterator[Pair]:
    """Yield pictures with their sidecars in the order of the pictures' keys, and count those that are alone.

    Args:
        listing: One folder, in the order of keys. Only names that are the same up to their first dot are held at once.
        counts: Is told who is alone.
    """
    for _, group in groupby(listing, lambda each: each.key.rpartition("/")[2].partition(".")[0]):
        pictures: list[str] = []
        sidecars: dict[str, Listed] = {}
        for each in group:
            stem, _, suffix = each.key.rpartition(".")
            if suffix.lower() in PICTURES:
                pictures.append(each.key)
            elif suffix == SIDECAR:
                sidecars[stem] = each
        for image in pictures:
            if (sidecar := sidecars.pop(image.rpartition(".")[0], None)) is not None:
                yield Pair(image, sidecar)
            else:
                counts.without_sidecar += 1
        counts.without_picture += len(sidecars)


def read_rows(lines: Iterable[bytes]) -> Iterator[Kept]:
    """Yield the rows of an index; one that another version wrote, or nobody can read, is as if it were not there."""
    for line in lines:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and row.keys() == COLUMNS:
            yield Kept(str(row["image"]), str(row["etag"]), line.strip() + b"\n")


def merge(found: Iterable[Pair], rows: Iterable[Kept]) -> Iterator[Kept | Pair]:
    """Yield what a partition holds now: rows that are still true, and pairs whose sidecar is to be read.

    Args:
        found: Pairs in the order of their pictures' keys, which is the order of what is yielded.
        rows: Those of before, in the same order; what is not found any more is left out.
    """
    before = iter(rows)
    row = next(before, None)
    for pair in found:
        while row is not None and row.image < pair.image:
            row = next(before, None)
        if row is not None and (row.image, row.etag) == (pair.image, pair.sidecar.etag):
            yield row
        else:
            yield pair


def _is_day(text: str) -> bool:
    try:
        return _DAY.fullmatch(text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False
