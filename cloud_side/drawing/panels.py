"""What is told of a state beside the picture: its visits with inputs and outputs, attempts, errors and times."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime

from cloud_side.drawing.glyphs import SIGNS
from cloud_side.drawing.machine import State
from cloud_side.drawing.markup import Content, Markup, element
from cloud_side.drawing.payload import KEPT_CHARACTERS, Payload, payload
from cloud_side.drawing.reading import Record
from cloud_side.drawing.reason import reason_of
from cloud_side.drawing.summary import Summary
from cloud_side.drawing.visits import Attempt, Outcome, Visit
from cloud_side.drawing.words import counted, duration, moment, outcome_line, outcome_word


def overview(record: Record, anchors: Mapping[str, str]) -> Markup:
    """Return what is told while no state is chosen: input, output, and where it failed."""
    wrong = {Outcome.FAILED} if record.is_over and record.status != "SUCCEEDED" else {Outcome.FAILED, Outcome.CAUGHT}
    failed = [name for name, summary in record.summaries.items() if summary.outcome in wrong]
    links = [element("li", element("a", name, href=f"#{anchors[name]}")) for name in failed if name in anchors]
    return element(
        "section",
        element("h2", "The execution"),
        element("p", "Choose a state to see what it was given and what it gave.", class_="hint"),
        element("h3", "Failed in" if len(wrong) == 1 else "Errors in") if links else None,
        element("ul", links, class_="failed-in") if links else None,
        block("Input", record.input, "the execution"),
        block("Output", record.output, "the execution"),
        id="execution",
        class_="panel overview",
        tabindex=-1,
    )


def panel(state: State, record: Record, anchor: str, *, is_apart: bool) -> Markup:
    """Return what is told of one state.

    Args:
        state: As it is defined.
        record: The execution.
        anchor: The id of the panel.
        is_apart: Whether executions of their own go through it.
    """
    summary = record.summaries.get(state.name)
    return element(
        "section",
        element("h2", state.name, id=f"{anchor}-name"),
        element("p", badge(outcome_word(summary), outcome_line(summary, is_apart=is_apart))),
        element("p", state.about, class_="hint"),
        element("p", state.written["Comment"]) if isinstance(state.written.get("Comment"), str) else None,
        _failed_items(summary, record) if summary else None,
        list(_visits(state.name, summary, is_over=record.is_over)) if summary else None,
        _definition(state),
        id=anchor,
        class_="panel",
        tabindex=-1,
        aria_labelledby=f"{anchor}-name",
    )


def badge(kind: str, text: str) -> Markup:
    """Return an outcome with its sign."""
    sign = element("g", element("circle", r=9), element("path", d=SIGNS[kind]), class_="sign")
    picture = element("svg", sign, width=18, height=18, viewBox="-9 -9 18 18", aria_hidden="true")
    return element("span", picture, element("span", text), class_=f"badge {kind.replace(' ', '-')}")


def block(title: str, text: Payload | None, owner: str) -> Markup | None:
    """Return some JSON under its title; None for none."""
    if text is None:
        return None
    cut = f"the first {len(text.text):,} of {text.size}" if text.is_cut else None
    label = f"{title} of {owner}"
    return element(
        "div",
        element("p", title, element("span", cut, class_="cut") if cut else None, class_="title"),
        element("pre", text.indented(), tabindex=0, role="group", aria_label=label),
        class_="block",
    )


def _failed_items(summary: Summary, record: Record) -> Content:
    """Return which executions of a distributed Map's items failed: each is shown by a page of its own."""
    runs = (record.runs.get(visit.map_run or "") for visit in summary.visits)
    failed = [element("li", element("code", arn)) for run in runs if run is not None for arn in run.failed]
    return [element("h3", "Executions that failed"), element("ul", failed, class_="arns")] if failed else None


def _visits(name: str, summary: Summary, *, is_over: bool) -> Iterator[Content]:
    visits, total = summary.detailed(), len(summary.visits)
    place = {visit.number: at for at, visit in enumerate(summary.visits, start=1)}
    if len(visits) < total:
        yield element(
            "p", f"{len(visits)} of {total:,} visits are told here: the first, the last, and some that failed."
        )
    for visit in visits:
        outcome = visit.outcome(is_execution_over=is_over)
        heading = [f"Visit {place[visit.number]:,} of {total:,}"] if total > 1 else []
        heading += [f"item {' of '.join(map(str, reversed(visit.items)))}"] if visit.items else []
        heading += [str(outcome), *_when(visit.entered_at, visit.ended_at)]
        content = list(_visit(name, visit))
        is_open = visit is visits[-1] or (outcome is Outcome.FAILED and total > 1)
        yield element(
            "details",
            element("summary", " · ".join(heading), class_=outcome),
            content,
            open="" if is_open else None,
            class_="visit",
        )


def _visit(name: str, visit: Visit) -> Iterator[Content]:
    yield block("Input", visit.input, name)
    if len(visit.attempts) == 1 and visit.attempts[0].outcome is not Outcome.FAILED:
        yield from _attempt(name, visit.attempts[0])
    else:
        for number, attempt in enumerate(visit.attempts, start=1):
            heading = (f"Attempt {number}", str(attempt.outcome), *_when(attempt.started_at, attempt.ended_at))
            yield element(
                "div",
                element("h3", " · ".join(heading), class_=attempt.outcome),
                fault(attempt.error, attempt.cause),
                list(_attempt(name, attempt)),
                class_="attempt",
            )
    if visit.error and all(attempt.error != visit.error for attempt in visit.attempts):
        yield fault(visit.error, visit.cause)
    for variable, value in visit.variables.items():
        yield block(f"${variable}", value, name)
    yield block("Output", visit.output, name)


def _attempt(name: str, attempt: Attempt) -> Iterator[Content]:
    yield block("Arguments", attempt.arguments, name)
    yield block("Waits for", attempt.handle, name)
    yield block("Result", attempt.result, name)


def fault(error: str, cause: str) -> Markup | None:
    """Return an error with its cause, of which much is shown, folded where one sentence tells why; None for none."""
    if not error and not cause:
        return None
    told = Payload(cause[:KEPT_CHARACTERS], len(cause))
    if cause.lstrip().startswith("{"):
        text = element("pre", told.indented(), tabindex=0, role="group", aria_label="Cause")
    else:
        text = element("p", told.text)
    cut = element("p", f"the first {len(told.text):,} of {told.size}", class_="cut") if told.is_cut else None
    content: list[Content] = [text if cause else None, cut]
    if reason := reason_of(cause)[:KEPT_CHARACTERS]:
        content = [element("p", reason), element("details", element("summary", "All of the cause"), content)]
    return element("div", element("strong", error or "Error"), content, class_="fault")


def _when(began: datetime, ended: datetime | None) -> tuple[str, ...]:
    return (f"{moment(began)} UTC", duration(ended - began)) if ended else (f"{moment(began)} UTC",)


def _definition(state: State) -> Markup:
    written = payload(json.dumps(state.written, ensure_ascii=False))
    more = counted(len(state.scopes), "branch", "branches") if state.kind == "Parallel" else None
    return element(
        "details",
        element("summary", "Definition"),
        element("p", more, class_="hint") if more else None,
        block("", written, "the definition"),
        class_="written",
    )
