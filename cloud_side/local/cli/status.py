"""`status`: how the engine of this machine stands, for a person or for a program."""

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from cloud_side.drawing.words import duration, moment
from cloud_side.local.cli.opened import existing_home
from cloud_side.local.cli.standing import Standing, Waiting, standing
from cloud_side.local.cli.tables import Style, line, table

_UNITS = ("B", "kB", "MB", "GB", "TB")


def status(options: argparse.Namespace) -> int:
    """Print how the engine and its executions stand."""
    found = standing(existing_home(options))
    if options.json:
        print(json.dumps(asdict(found), indent=2, default=_told))
    else:
        print("\n".join(_lines(found, datetime.now(UTC))))
    return 0


def _lines(found: Standing, now: datetime) -> Iterator[str]:
    runs = (
        "does not run; `edge-inspector-cloud local up` starts it"
        if found.pid is None
        else f"runs, process id {found.pid}"
    )
    yield f"engine      {runs}"
    yield f"home        {found.folder}, {_bytes(sum(found.sizes.values()))}: {_parts(found.sizes)}"
    statuses = {name.lower().replace("_", " "): count for name, count in sorted(found.executions.items())}
    yield f"executions  {_counts(statuses) or 'none yet'}"
    yield f"to deliver  {_counts(found.queues) or 'nothing'}"
    for job in found.jobs:
        yield f"job         {line(job)}"
    yield f"waiting     {_counts({f'for {what}': count for what, count in found.waits.items()}) or 'nothing'}"
    if found.waiting:
        yield ""
        heads = ("EXECUTION", "IN", "FOR", "SINCE", "UNTIL, UTC")
        yield from table([_row(each, now) for each in found.waiting], Style.of_output(), heads=heads)


def _row(each: Waiting, now: datetime) -> tuple[str, ...]:
    until = "" if each.until is None else moment(each.until)
    return each.execution, each.state, each.wants, duration(now - each.since), until


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)


def _parts(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {_bytes(size)}" for name, size in sizes.items() if size) or "empty"


def _bytes(size: float) -> str:
    for unit in _UNITS:
        if size < 1000 or unit == _UNITS[-1]:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError


def _told(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
