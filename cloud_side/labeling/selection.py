"""Which samples a batch takes: the statement that asks for them, and the claim that it lays on what came back.

Claims are numbered without a gap, and whoever writes a number first has it. A statement that is asked under a number
sees every claim before that number; so one that gets the number has taken nothing that another one holds.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cloud_side.catalog.labels import strict_json
from cloud_side.catalog.tables import TAKEN
from cloud_side.labeling.settings import LabelingSettings
from edge_inspector.errors import ConfigError

COLUMNS: Final = ("sha256", "image", "part_group", "reason")  # of the statement's answer

_STATEMENT = Path(__file__).with_name("selection.sql")
_PARAMETER = re.compile(r":([a-z_]+)")
_COMMENT = re.compile(r"^--.*\n", re.MULTILINE)
_CLAIM = re.compile(rf"{re.escape(TAKEN.prefix)}([0-9]{{8,}})\.jsonl")
_GRACE = timedelta(days=1)  # between two rounds, and after the last one


@dataclass(frozen=True, slots=True)
class Selected:
    """A sample that was selected.

    Attributes:
        sha256: Of the picture, as its sidecar says.
        image: Its key.
        part_group: What must not be torn apart, as the settings ask.
        reason: Why the station kept it.
    """

    sha256: str
    image: str
    part_group: str
    reason: str

    def line(self) -> str:
        """Return it as JSON, with a newline."""
        return f"{strict_json({name: getattr(self, name) for name in COLUMNS})}\n"


def statement(settings: LabelingSettings, started: datetime) -> str:
    """Return the statement that selects, in words that Athena and SQLite share.

    Args:
        settings: What is asked for.
        started: When the batch began, aware UTC: claims that end later hold.

    Raises:
        ConfigError: If a name cannot be written into a statement.
    """
    values: dict[str, str | int | None] = {
        "budget": settings.budget,
        "audits": settings.audits,
        "group_by": settings.group_by.value,
        "started": timestamp(started),
        "beginning": f"{settings.samples_prefix}/site=",  # the index has samples with other prefixes too
        **{name: getattr(settings, name) for name in ("site", "line", "station", "product")},
    }
    literals = {name: _literal(name, value) for name, value in values.items()}
    text = _COMMENT.sub("", _STATEMENT.read_text(encoding="utf-8"))
    return _PARAMETER.sub(lambda found: literals[found[1]], text)


def selected(answer: str) -> Iterator[Selected]:
    """Yield the rows of the statement's answer, CSV as Athena writes it.

    Raises:
        ValueError: If it has other columns, or a row has more or fewer.
    """
    rows = csv.reader(io.StringIO(answer, newline=""), strict=True)
    if (found := tuple(next(rows, ()))) != COLUMNS:
        msg = f"result of the selection: expected the columns {', '.join(COLUMNS)}, found {', '.join(found) or 'none'}"
        raise ValueError(msg)
    for row in rows:
        if len(row) != len(COLUMNS):
            msg = f"result of the selection: expected {len(COLUMNS)} values, found {row!r:.200}"
            raise ValueError(msg)
        yield Selected(*row)


def next_number(keys: Iterable[str]) -> int:
    """Return the number after the greatest that a claim has; 1 where there is none."""
    return 1 + max((int(found[1]) for key in keys if (found := _CLAIM.fullmatch(key))), default=0)


def claim_key(number: int) -> str:
    """Return the key of a claim."""
    return f"{TAKEN.prefix}{number:08}.jsonl"


def claim(batch: str, samples: Sequence[Selected], until: datetime) -> bytes:
    """Return the claim of a batch, a row an image."""
    end = timestamp(until)
    rows = ({"sha256": each.sha256, "batch": batch, "until": end} for each in samples)
    return "".join(f"{strict_json(row)}\n" for row in rows).encode()


def is_claim_of(batch: str, content: bytes) -> bool:
    """Return whether a claim is that of a batch; one without rows is nobody's."""
    first = content.partition(b"\n")[0]
    return bool(first) and json.loads(first)["batch"] == batch


def held_until(settings: LabelingSettings, started: datetime) -> datetime:
    """Return when a batch lets go of what it holds, whatever becomes of it."""
    days = settings.rounds * (settings.label_days + settings.verify_days)
    return started + settings.rounds * _GRACE + timedelta(days=days)


def timestamp(moment: datetime) -> str:
    """Return an aware time as claims have it: such texts have the order of the times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _literal(name: str, value: str | int | None) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    if not value.isprintable():
        msg = f"{name}: expected a name of printable characters, found {value!r}"
        raise ConfigError(msg)
    doubled = value.replace("'", "''")
    return f"'{doubled}'"
