"""The machine as one picture (SVG), colored by what became of its states: with a sign and in words too."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cloud_side.drawing.glyphs import ARROWS, SIGNS, path_of
from cloud_side.drawing.layers import Link
from cloud_side.drawing.layout import Item, Layout, Plan, lay_out
from cloud_side.drawing.lines import Box, Route
from cloud_side.drawing.machine import END, START, Scope, State, Transition, Way
from cloud_side.drawing.markup import Markup, element
from cloud_side.drawing.reading import Record
from cloud_side.drawing.words import counted, fitted, outcome_line, outcome_word, text_width

_NAME, _SMALL, _LABEL = 13.5, 11.5, 11.0  # sizes of fonts, in pixels
_NARROWEST, _WIDEST, _WIDEST_HEAD = 132.0, 280.0, 440.0
_LEFT, _RIGHT = 36.0, 14.0  # beside the text of a box
_HEIGHT = 62.0
_HEADER = 66.0  # of a box with others in it
_TERMINAL_WH = (58.0, 26.0)
_LABEL_HEIGHT = 18.0


@dataclass(frozen=True)
class BoxTexts:
    """What is written in a state's box."""

    name: str
    about: str
    outcome: str

    def width(self, widest: float) -> float:
        """Return how wide the box is for it."""
        small = max(text_width(self.about, _SMALL), text_width(self.outcome, _SMALL, is_bold=True))
        width = _LEFT + max(text_width(self.name, _NAME, is_bold=True), small) + _RIGHT
        return math.ceil(min(max(width, _NARROWEST), widest))


def draw(record: Record, anchors: Mapping[str, str]) -> Markup:
    """Return the picture of an execution.

    Args:
        record: What became of it.
        anchors: By name of the state: the id of what tells more of it.
    """
    apart, lines = set(record.scope.apart(record.summaries)), {}
    for state, _ in record.scope.walk():
        outcome = outcome_line(record.summaries.get(state.name), is_apart=state.name in apart)
        lines[state.name] = BoxTexts(state.name, state.about, outcome)
    placed = lay_out(plan_of(record.scope, lines))
    taken = _taken(record)
    edges = zip(_in_order_of_routes(record.scope), placed.routes, strict=True)
    states = list(_in_order_of_reading(record.scope, placed))
    return element(
        "svg",
        ARROWS,
        [_around(placed, one.name, _class(one, record)) for one in states if one.scopes],
        [_edge(one, route, taken[one.source, one.target, one.way is Way.CATCH]) for one, route in edges],
        [_terminal(name, placed.boxes[name]) for name in (START, END) if name in placed.boxes],
        [_box(one, placed.boxes[one.name], lines[one.name], _class(one, record), anchors[one.name]) for one in states],
        xmlns="http://www.w3.org/2000/svg",
        width=placed.width,
        height=placed.height,
        viewBox=f"0 0 {placed.width:.0f} {placed.height:.0f}",
        role="group",
        aria_label=f"Graph of {record.machine}",
    )


def plan_of(scope: Scope, lines: Mapping[str, BoxTexts]) -> Plan:
    """Return the plan of a machine, with its start, and its end where it has one."""
    inner = _plan(scope, lines)
    ends = any(one.target == END for one in scope.transitions)
    start, end = Item(START, *_TERMINAL_WH), Item(END, *_TERMINAL_WH)
    return Plan((start, *inner.items, *([end] if ends else [])), inner.links)


def _plan(scope: Scope, lines: Mapping[str, BoxTexts]) -> Plan:
    first = sorted(scope.states, key=lambda state: state.name != scope.start)
    return Plan(tuple(_item(state, lines) for state in first), tuple(map(_link, scope.transitions)))


def _item(state: State, lines: Mapping[str, BoxTexts]) -> Item:
    plans = tuple(_plan(scope, lines) for scope in state.scopes)
    if not plans:
        return Item(state.name, lines[state.name].width(_WIDEST), _HEIGHT)
    return Item(state.name, lines[state.name].width(_WIDEST_HEAD), _HEADER, plans)


def _link(one: Transition) -> Link:
    label_wh = (round(text_width(one.label, _LABEL) + 10), _LABEL_HEIGHT) if one.label else (0.0, 0.0)
    return Link(one.source, one.target, label_wh)


def _in_order_of_routes(scope: Scope) -> Iterator[Transition]:
    """Yield the transitions as the layout has their routes."""
    yield from scope.transitions
    for state in sorted(scope.states, key=lambda state: state.name != scope.start):
        for inner in state.scopes:
            yield from _in_order_of_routes(inner)


def _in_order_of_reading(scope: Scope, placed: Layout) -> Iterator[State]:
    """Yield the states from top to bottom, those within one right after it."""
    for state in sorted(scope.states, key=lambda one: (placed.boxes[one.name].y, placed.boxes[one.name].x)):
        yield state
        for inner in state.scopes:
            yield from _in_order_of_reading(inner, placed)


def _taken(record: Record) -> Counter[tuple[str, str, bool]]:
    """Return how often each way was gone, the one to the end too."""
    taken = Counter(record.chronicle.ways)
    for one in record.scope.transitions:
        if one.target == END and one.source in record.summaries:
            exited = sum(visit.exited_at is not None for visit in record.summaries[one.source].visits)
            onward = sum(count for (source, _, _), count in record.chronicle.ways.items() if source == one.source)
            taken[one.source, END, False] = exited - onward
    return taken


def _around(placed: Layout, name: str, kind: str) -> list[Markup]:
    """Return the box that others are in, with a frame for each of its scopes."""
    box = element("rect", **_rect(placed.boxes[name]), rx=12, class_=f"around {_css(kind)}")
    return [box, *(element("rect", **_rect(frame), rx=8, class_="frame") for frame in placed.frames[name])]


def _edge(one: Transition, route: Route, times: int) -> Markup:
    told = f"{_plain(one.source)} → {_plain(one.target)}"
    told += f", {one.way}: {one.told}" if one.told else ""
    told += f"\ntaken {counted(times, 'time')}" if times else "\nnot taken"
    arrow = "url(#arrow-taken)" if times else "url(#arrow)"
    label = None
    if route.label is not None:
        label = [
            element("rect", **_rect(route.label), rx=5, class_="halo"),
            _text(one.label, route.label.x + route.label.width / 2, route.label.y + 12.8, "label"),
        ]
    line = element("path", d=path_of(route.points), marker_end=arrow)
    return element("g", element("title", told), line, label, class_=f"way {one.way}{' taken' if times else ''}")


def _box(state: State, box: Box, lines: BoxTexts, kind: str, anchor: str) -> Markup:
    """Return a state's box, or the head of the one that others are in."""
    wide = box.width - _LEFT - _RIGHT
    y = box.y + (2 if state.scopes else 0)
    shape = Box(box.x, box.y, box.width, min(box.height, _HEIGHT))
    return element(
        "a",
        element("title", f"{lines.name}\n{lines.about}\n{lines.outcome}"),
        element("rect", **_rect(shape), rx=10, class_="box"),
        element(
            "g",
            element("circle", r=9),
            element("path", d=SIGNS[kind]),
            class_="sign",
            transform=f"translate({box.x + 19:.1f} {y + 20:.1f})",
        ),
        _text(fitted(lines.name, wide, _NAME, is_bold=True), box.x + _LEFT, y + 24.5, "name"),
        _text(fitted(lines.about, wide, _SMALL), box.x + _LEFT, y + 39.5, "about"),
        _text(fitted(lines.outcome, wide, _SMALL, is_bold=True), box.x + _LEFT, y + 54, "outcome"),
        href=f"#{anchor}",
        class_=f"state {_css(kind)}{' head' if state.scopes else ''}",
        aria_label=f"{lines.name}: {lines.about}, {lines.outcome}",
    )


def _terminal(name: str, box: Box) -> Markup:
    return element(
        "g",
        element("rect", **_rect(box), rx=box.height / 2),
        _text(_plain(name), box.x + box.width / 2, box.y + 17, "label"),
        class_="terminal",
    )


def _class(state: State, record: Record) -> str:
    return outcome_word(record.summaries.get(state.name))


def _css(kind: str) -> str:
    return kind.replace(" ", "-")


def _plain(name: str) -> str:
    return {START: "Start", END: "End"}.get(name, name)


def _text(text: str, x: float, y: float, class_: str) -> Markup:
    return element("text", text, x=x, y=y, class_=class_)


def _rect(box: Box) -> dict[str, float]:
    return {"x": box.x, "y": box.y, "width": box.width, "height": box.height}
