"""An execution as one HTML file: what it is, its picture, each state, and every event."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib.resources import files

from cloud_side.drawing.chronicle import Row
from cloud_side.drawing.graph import draw
from cloud_side.drawing.markup import Content, Markup, element
from cloud_side.drawing.panels import badge, fault, overview, panel
from cloud_side.drawing.reading import Record
from cloud_side.drawing.visits import Outcome
from cloud_side.drawing.words import NOT_ENTERED, counted, duration, moment

_ROWS = 500
_STATUSES: Mapping[str, tuple[str, str]] = {
    "RUNNING": (Outcome.RUNNING, "running"),
    "PENDING_REDRIVE": (Outcome.RUNNING, "waits for its redrive"),
    "SUCCEEDED": (Outcome.SUCCEEDED, "succeeded"),
    "FAILED": (Outcome.FAILED, "failed"),
    "TIMED_OUT": (Outcome.FAILED, "timed out"),
    "ABORTED": (Outcome.ABORTED, "aborted"),
}


def page_of(record: Record, *, read_at: datetime) -> bytes:
    """Return the file: it needs no network, and no script to be read.

    Args:
        record: The execution.
        read_at: When that was read, aware UTC.
    """
    anchors = {state.name: f"state-{at}" for at, (state, _) in enumerate(record.scope.walk(), start=1)}
    apart = set(record.scope.apart(record.summaries))
    panels = [
        panel(state, record, anchors[state.name], is_apart=state.name in apart) for state, _ in record.scope.walk()
    ]
    body = element(
        "body",
        _header(record, read_at),
        element(
            "main",
            element(
                "div",
                element("div", draw(record, anchors), class_="graph", tabindex=0, role="region", aria_label="Graph"),
                element(
                    "div",
                    panels,
                    overview(record, anchors),
                    class_="side",
                    tabindex=0,
                    role="region",
                    aria_label="Details",
                ),
                class_="board",
            ),
            _legend(),
            _timeline(record, anchors),
        ),
        element("script", Markup(_part("page.js"))),
    )
    head = element("head", *_head(record, anchors))
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n".encode()


def _head(record: Record, anchors: Mapping[str, str]) -> Iterator[Markup]:
    script = base64.b64encode(hashlib.sha256(_part("page.js").encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{script}'; base-uri 'none'"
    yield element("meta", charset="utf-8")
    yield element("meta", http_equiv="Content-Security-Policy", content=policy)
    yield element("meta", name="viewport", content="width=device-width, initial-scale=1")
    yield element("title", f"{record.name} · {record.machine}")
    yield element("style", Markup(_part("page.css")), Markup(_chosen(anchors)))


def _chosen(anchors: Mapping[str, str]) -> str:
    """Return the style of the box whose panel is shown, where no script tells which one."""
    if not anchors:
        return ""
    boxes = ",".join(f':root:not(.scripted):has(#{own}:target) [href="#{own}"] .box' for own in anchors.values())
    return f"{boxes}{{stroke:var(--accent);stroke-width:3}}"


def _part(name: str) -> str:
    return (files(__package__ or "cloud_side.drawing") / name).read_text(encoding="utf-8")


def _header(record: Record, read_at: datetime) -> Markup:
    kind, status = _STATUSES.get(record.status, (NOT_ENTERED, record.status))
    facts: dict[str, Content] = {
        "Machine": record.machine,
        "Started": f"{moment(record.started_at)} UTC",
        "Duration": duration((record.stopped_at or read_at) - record.started_at)
        + ("" if record.is_over else " so far"),
        "States entered": f"{len(record.chronicle.visits):,}",
        "Redriven": counted(record.redrives, "time") if record.redrives else None,
        "ARN": element("code", record.arn),
    }
    seen = f"As it was at {moment(read_at)} UTC; this page does not change." if not record.is_over else None
    return element(
        "header",
        element("h1", record.name, badge(kind, status)),
        element(
            "dl", [element("div", element("dt", name), element("dd", fact)) for name, fact in facts.items() if fact]
        ),
        element("p", seen, class_="hint") if seen else None,
        fault(record.error, record.cause),
    )


def _legend() -> Markup:
    kinds = (
        *((each, "error caught" if each is Outcome.CAUGHT else each) for each in reversed(Outcome)),
        (NOT_ENTERED,) * 2,
    )
    signs = [element("li", badge(kind, text)) for kind, text in kinds]
    lines = [
        element("li", element("span", class_=f"sample {kind}"), text)
        for kind, text in (("", "next"), ("catch", "after an error"), ("taken", "taken"))
    ]
    return element("ul", signs, lines, class_="legend", aria_label="What the signs mean")


def _timeline(record: Record, anchors: Mapping[str, str]) -> Markup:
    """Return the list of all events: the first and the last as tables, those between as text, which is lighter."""
    rows = record.chronicle.rows
    parts = [rows[at : at + _ROWS] for at in range(0, len(rows), _ROWS)]
    told = []
    for part in parts:
        summary = element("summary", f"{part[0].number:,} to {part[-1].number:,}")
        is_text = part is not parts[0] and part is not parts[-1]
        listed = _as_text(part, record) if is_text else _as_table(part, record, anchors)
        told.append(element("details", summary, listed, open="" if part is parts[0] else None))
    return element(
        "section",
        element("h2", f"Events ({len(rows):,})", id="events"),
        told,
        class_="timeline",
        aria_labelledby="events",
    )


def _as_table(rows: Sequence[Row], record: Record, anchors: Mapping[str, str]) -> Markup:
    heads = [element("th", text, scope="col") for text in ("#", "Time, UTC", "After", "Event", "State", "Says")]
    table = element(
        "table",
        element("thead", element("tr", heads)),
        element("tbody", [_row(row, record, anchors) for row in rows]),
    )
    return element("div", table, class_="wide", tabindex=0, role="region", aria_label=_label(rows))


def _as_text(rows: Sequence[Row], record: Record) -> Markup:
    widest = max(len(row.state) for row in rows)
    lines = (
        f"{row.number:>6}  {_time(row)}  {duration(row.at - record.started_at):>11}  {row.kind:<24}  "
        f"{row.state:<{widest}}  {row.note}"
        for row in rows
    )
    return element("pre", "\n".join(lines), class_="wide", tabindex=0, role="region", aria_label=_label(rows))


def _row(row: Row, record: Record, anchors: Mapping[str, str]) -> Markup:
    is_bad = row.kind.endswith(("Failed", "TimedOut"))
    state: Content = row.state
    if row.state in anchors:
        state = element("a", row.state, href=f"#{anchors[row.state]}")
    return element(
        "tr",
        element("td", f"{row.number}"),
        element("td", _time(row)),
        element("td", duration(row.at - record.started_at)),
        element("td", row.kind),
        element("td", state),
        element("td", row.note, class_="note"),
        class_="bad" if is_bad else None,
    )


def _label(rows: Sequence[Row]) -> str:
    return f"Events from {rows[0].number:,}"


def _time(row: Row) -> str:
    return f"{row.at:%m-%d %H:%M:%S}.{row.at.microsecond // 1000:03}"
