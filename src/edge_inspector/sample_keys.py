"""The keys under which samples are stored: built here, read here, by the device and by the cloud.

    {prefix}/site={site}/line={line}/station={station}/dt=YYYY-MM-DD/{inspection_id}-{frame}.{jpg|png}

and a sidecar `.json` beside each picture. The day is that of the inspection id, so that an id alone tells where to
look. Only the standard library, and no file is touched: small functions in the cloud carry this module alone.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

LONGEST_KEY = 1024  # bytes, of S3
_LONGEST_NAME = 255  # bytes of one name in a folder
_PREFIX = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_LEVEL = re.compile(r"[^/\s\x00-\x1f\x7f\ud800-\udfff]+")
_ID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NAME = re.compile(r"(?P<id>[0-9A-Z]+)-(?P<frame>0|[1-9][0-9]{0,5})\.(?P<suffix>[a-z]+)")
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TIME_DIGITS = 10  # of a ULID: milliseconds since 1970
_LATEST_MS = 253_402_300_799_999  # no calendar goes further
_MOST_FRAMES = 1_000_000
_SHAPE = "{prefix}/site={site}/line={line}/station={station}/dt=YYYY-MM-DD/{inspection id}-{frame}.{jpg|png|json}"


class Suffix(StrEnum):
    """What a key holds."""

    JPG = "jpg"
    PNG = "png"
    JSON = "json"  # the sidecar


def prefix_problem(prefix: str) -> str | None:
    """Return why keys cannot begin with `prefix`, or None."""
    if _PREFIX.fullmatch(prefix):
        return None
    return (
        f"expected letters, digits, . _ - and single slashes between them, no name with a leading dot, found {prefix!r}"
    )


@dataclass(frozen=True, slots=True)
class SampleKey:
    """The key of one picture or of its sidecar; `str()` gives its text.

    Attributes:
        prefix: First part of every key: one name, or several with slashes between them.
        site, line, station: Where it was taken.
        day: UTC day of the inspection.
        inspection_id: ULID of the inspection.
        frame: Which frame of its part it is, from 0.
        suffix: What it holds.

    Raises:
        ValueError: If a field cannot be part of a key; says what was found and what was expected.
    """

    prefix: str
    site: str
    line: str
    station: str
    day: date
    inspection_id: str
    frame: int
    suffix: Suffix

    def __post_init__(self) -> None:
        if problem := prefix_problem(self.prefix):
            msg = f"sample key: prefix: {problem}"
            raise ValueError(msg)
        for name, level in (("site", self.site), ("line", self.line), ("station", self.station)):
            if not _LEVEL.fullmatch(level) or len(f"{name}={level}".encode()) > _LONGEST_NAME:
                msg = f"sample key: {name}: expected a short name without slashes or spaces, found {level!r}"
                raise ValueError(msg)
        if not _ID.fullmatch(self.inspection_id):
            msg = f"sample key: expected an inspection id of 26 letters and digits, found {self.inspection_id!r}"
            raise ValueError(msg)
        if not 0 <= self.frame < _MOST_FRAMES:
            msg = f"sample key: frame: expected 0 to {_MOST_FRAMES - 1}, found {self.frame}"
            raise ValueError(msg)
        if (length := len(str(self).encode())) > LONGEST_KEY:
            msg = f"sample key: expected at most {LONGEST_KEY} bytes, found {length}: {self}"
            raise ValueError(msg)

    def __str__(self) -> str:
        return (
            f"{self.prefix}/site={self.site}/line={self.line}/station={self.station}/dt={self.day.isoformat()}"
            f"/{self.inspection_id}-{self.frame}.{self.suffix.value}"
        )

    @property
    def sidecar(self) -> "SampleKey":
        """The key of the sidecar beside this picture."""
        return replace(self, suffix=Suffix.JSON)


def parse_key(text: str) -> SampleKey:
    """Return the key that `text` is.

    Raises:
        ValueError: If it is none; says what was found and what was expected.
    """
    parts = text.rsplit("/", 5)
    fields = [part.split("=", 1) for part in parts[1:5]]
    name = _NAME.fullmatch(parts[-1])
    if (
        [field[0] for field in fields] != ["site", "line", "station", "dt"]
        or any(len(field) != len(("name", "value")) for field in fields)
        or name is None
        or name["suffix"] not in set(Suffix)
        or not _DAY.fullmatch(fields[3][1])
    ):
        msg = f"expected a sample key as {_SHAPE}, found {text!r}"
        raise ValueError(msg)
    try:
        day = date.fromisoformat(fields[3][1])
    except ValueError as error:
        msg = f"sample key: dt: expected a day as YYYY-MM-DD, found {fields[3][1]!r}"
        raise ValueError(msg) from error
    return SampleKey(
        parts[0], fields[0][1], fields[1][1], fields[2][1], day, name["id"], int(name["frame"]), Suffix(name["suffix"])
    )


def day_of(inspection_id: str) -> date:
    """Return the UTC day of an inspection, which its id holds."""
    milliseconds = 0
    for digit in inspection_id[:_TIME_DIGITS]:
        milliseconds = milliseconds * len(_CROCKFORD) + _CROCKFORD.index(digit)
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=min(milliseconds, _LATEST_MS))).date()
