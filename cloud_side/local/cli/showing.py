"""`show`: an execution as a table, as JSON or as a page; and what it does, as it does it."""

import argparse
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cloud_side.drawing.page import page_of
from cloud_side.drawing.payload import Payload, payload
from cloud_side.drawing.reading import Reading, Record
from cloud_side.drawing.reason import reason_of
from cloud_side.drawing.visits import Outcome, Visit
from cloud_side.drawing.words import duration, moment
from cloud_side.local.cli.errors import CommandError
from cloud_side.local.cli.executions import OUTCOMES
from cloud_side.local.cli.finding import execution_of
from cloud_side.local.cli.opened import client_of, warn_if_nothing_moves
from cloud_side.local.cli.tables import Style, line, table
from edge_inspector.durable import write_whole

_SIGNS = {Outcome.SUCCEEDED: "✓", Outcome.FAILED: "✗", Outcome.RUNNING: "▸", Outcome.CAUGHT: "!", Outcome.ABORTED: "■"}
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0
_NARROWEST_PAYLOAD = 16


def show(options: argparse.Namespace) -> int:
    """Show an execution, or follow it to its end; then return whether it succeeded."""
    client = client_of(options)
    reading = Reading(client, execution_of(client, options.execution))
    record = _follow(reading, options) if options.follow else reading.read()
    if options.json:
        print(json.dumps(_plain(record), indent=2, ensure_ascii=False))
    elif not options.follow:
        print("\n".join((*_head(record, Style.of_output()), "", *_visits(record, Style.of_output()))))
    if not options.json:
        for text in _failure(record):
            print(text)
    if options.html is not None:
        _draw(record, options.html)
    return 1 if options.follow and record.status != "SUCCEEDED" else 0


def _draw(record: Record, file: Path) -> None:
    try:
        write_whole(file, page_of(record, read_at=datetime.now(UTC)), is_synced=False)
    except OSError as error:
        msg = f"{file}: cannot be written: {error}"
        raise CommandError(msg) from error
    print(f"written: {file}")


def _follow(reading: Reading, options: argparse.Namespace) -> Record:
    """Print what happens, until nothing more will."""
    record = reading.read()
    if not record.is_over:
        warn_if_nothing_moves(options)
    style, told, pause = Style.of_output(), dict[int, Outcome](), _SHORTEST_PAUSE_S
    while True:
        news = list(_news(record, told))
        for visit, outcome in news:
            if not options.json:
                print(_happened(visit, outcome, style), flush=True)
        if record.is_over:
            return record
        pause = _SHORTEST_PAUSE_S if news else min(2 * pause, _LONGEST_PAUSE_S)
        time.sleep(pause)
        record = reading.read()


def _news(record: Record, told: dict[int, Outcome]) -> Iterator[tuple[Visit, Outcome]]:
    """Yield the visits that have begun or ended since it was told."""
    for visit in sorted(record.chronicle.visits, key=lambda each: each.ended_at or each.entered_at):
        outcome = visit.outcome(is_execution_over=record.is_over)
        if told.get(visit.number) is not outcome:
            told[visit.number] = outcome
            yield visit, outcome


def _happened(visit: Visit, outcome: Outcome, style: Style) -> str:
    at = visit.entered_at if outcome is Outcome.RUNNING else visit.ended_at or visit.entered_at
    told = "entered" if outcome is Outcome.RUNNING else f"{outcome} after {duration(at - visit.entered_at)}"
    error = f": {visit.error}" if visit.error else ""
    return style.colored(
        f"{at.astimezone(UTC):%H:%M:%S} {_SIGNS[outcome]} {line(_name(visit))} {told}{line(error)}", outcome
    )


def _head(record: Record, style: Style) -> list[str]:
    status = record.status.lower().replace("_", " ")
    took = duration((record.stopped_at or datetime.now(UTC)) - record.started_at)
    started = moment(record.started_at.astimezone(UTC))
    lasted = "took" if record.is_over else "runs for"
    redriven = f", redriven {record.redrives}x" if record.redrives else ""
    return [
        style.colored(f"{line(record.name)}: {status}", OUTCOMES.get(record.status, "")),
        f"machine {line(record.machine)}, started {started} UTC, {lasted} {took}{redriven}",
        record.arn,
    ]


def _visits(record: Record, style: Style) -> list[str]:
    visits = record.chronicle.visits
    if not visits:
        return ["no state was entered"]
    outcomes = [visit.outcome(is_execution_over=record.is_over) for visit in visits]
    plain = [_row(visit, outcome, record) for visit, outcome in zip(visits, outcomes, strict=True)]
    room = style.width - sum(max(len(row[at]) for row in plain) for at in range(5)) - 24
    longest = max(_NARROWEST_PAYLOAD, room // 2)
    rows = [
        (*row, _short(visit.input, longest), _short(visit.output, longest))
        for row, visit in zip(plain, visits, strict=True)
    ]
    heads = ("  STATE", "OUTCOME", "AFTER", "TOOK", "ATTEMPTS", "INPUT", "OUTPUT")
    return table(rows, style, heads=heads, outcomes=outcomes)


def _row(visit: Visit, outcome: Outcome, record: Record) -> tuple[str, str, str, str, str]:
    depth = sum(1 for _ in visit.around()) - 1
    took = duration(visit.ended_at - visit.entered_at) if visit.ended_at else ""
    attempts = str(len(visit.attempts)) if visit.attempts else ""
    name = f"{_SIGNS[outcome]} {'· ' * depth}{_name(visit)}"
    return name, str(outcome), duration(visit.entered_at - record.started_at), took, attempts


def _name(visit: Visit) -> str:
    return f"{visit.state}{''.join(f' [{item}]' for item in visit.items)}"


def _short(text: Payload | None, longest: int) -> str:
    return "" if text is None else text.on_one_line(longest)


def _failure(record: Record) -> Iterator[str]:
    if not record.is_over or record.status == "SUCCEEDED":
        return
    failed = [visit for visit in record.chronicle.visits if visit.outcome(is_execution_over=True) is Outcome.FAILED]
    where = f" in {line(_name(failed[-1]))}" if failed else ""
    yield ""
    error = record.error or ("" if record.cause else "no error was told")
    told = ": ".join(line(each) for each in (error, reason_of(record.cause)) if each)
    yield f"{record.status.lower().replace('_', ' ')}{where}{f': {told}' if told else ''}"
    cause = payload(record.cause)
    if cause is not None and cause.text:
        is_json = cause.text.lstrip().startswith("{")
        for each in (cause.indented() if is_json else cause.text).splitlines():
            yield f"  {each[:1] and each[: len(each) - len(each.lstrip())]}{line(each)}"
        if cause.is_cut:
            yield f"  … of {cause.size}"


def _plain(record: Record) -> dict[str, Any]:
    """Return all that is known as JSON; long payloads are cut, and say so."""
    return {
        "executionArn": record.arn,
        "name": record.name,
        "machine": record.machine,
        "status": record.status,
        "startDate": record.started_at.astimezone(UTC).isoformat(),
        "stopDate": _instant(record.stopped_at),
        "redriveCount": record.redrives,
        "input": _kept(record.input),
        "output": _kept(record.output),
        "error": record.error or None,
        "cause": record.cause or None,
        "visits": [_visit(visit, is_over=record.is_over) for visit in record.chronicle.visits],
    }


def _visit(visit: Visit, *, is_over: bool) -> dict[str, Any]:
    return {
        "state": visit.state,
        "type": visit.kind,
        "items": list(visit.items),
        "outcome": visit.outcome(is_execution_over=is_over),
        "entered": _instant(visit.entered_at),
        "ended": _instant(visit.ended_at),
        "input": _kept(visit.input),
        "output": _kept(visit.output),
        "variables": {name: _kept(value) for name, value in visit.variables.items()},
        "attempts": [
            {
                "resource": attempt.resource,
                "outcome": attempt.outcome,
                "started": _instant(attempt.started_at),
                "ended": _instant(attempt.ended_at),
                "arguments": _kept(attempt.arguments),
                "result": _kept(attempt.result),
                "error": attempt.error or None,
                "cause": attempt.cause or None,
            }
            for attempt in visit.attempts
        ],
        "error": visit.error or None,
        "cause": visit.cause or None,
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()


def _kept(text: Payload | None) -> Any:  # noqa: ANN401 - any JSON
    if text is None:
        return None
    return {"cut": text.text, "characters": text.characters} if text.is_cut else json.loads(text.text)
