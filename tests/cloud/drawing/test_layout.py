"""What holds for every picture: nothing covers anything, lines end at boxes and pass none."""

import json
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloud_side.drawing.columns import spaced
from cloud_side.drawing.glyphs import path_of
from cloud_side.drawing.graph import BoxTexts, plan_of
from cloud_side.drawing.layers import Link, closing_links, levels_of
from cloud_side.drawing.layout import Item, Layout, Plan, lay_out
from cloud_side.drawing.lines import Box, Point, Route
from cloud_side.drawing.machine import machine_of

EXAMPLES = [15, pytest.param(2000, marks=pytest.mark.nightly)]
CORPUS = sorted((Path(__file__).parents[1] / "corpus").glob("*.asl.json"))
_SIZES = st.tuples(st.integers(20, 300), st.integers(20, 90))
_LABELS = st.one_of(st.just((0.0, 0.0)), st.tuples(st.floats(10, 250), st.just(18.0)))

UNEVEN = Plan(  # a low box beside a high one, whose line leads below the high one
    (Item("start", 60, 30), Item("high", 300, 300), Item("low", 60, 30), Item("end", 60, 30)),
    (Link("start", "high"), Link("start", "low"), Link("high", "end"), Link("low", "end"), Link("end", "high")),
)
NESTED = Plan((Item("outer", 80, 60, (UNEVEN, Plan((Item("alone", 500, 40),), ()))),), ())


@st.composite
def plans(draw: st.DrawFn, depth: int = 2, prefix: str = "") -> Plan:
    names = [f"{prefix}{number}" for number in range(draw(st.integers(1, 7 if depth == 2 else 4)))]
    items = []
    for name in names:
        inner = draw(st.integers(0, 3)) if depth and draw(st.integers(0, 4)) == 0 else 0
        plans_ = tuple(draw(plans(depth - 1, f"{name}.{at}.")) for at in range(inner))
        width, height = draw(_SIZES)
        items.append(Item(name, width, height, plans_))
    ends = st.sampled_from(names)
    links = draw(st.lists(st.builds(Link, ends, ends, _LABELS), max_size=12))
    return Plan(tuple(items), tuple(links))


@pytest.mark.parametrize("examples", EXAMPLES)
def test_no_box_covers_another_and_what_is_within_stays_within(examples: int) -> None:
    @given(plans())
    @example(NESTED)
    @settings(max_examples=examples, deadline=None)
    def law(plan: Plan) -> None:
        placed = lay_out(plan)

        _hold_apart(plan, placed, Box(0, 0, placed.width, placed.height))

    law()


def _hold_apart(plan: Plan, placed: Layout, around: Box) -> None:
    own = [placed.boxes[item.name] for item in plan.items]
    for one, other in combinations(own, 2):
        assert not _overlap(one, other)
    for box in own:
        assert _is_within(box, around)
    for item in plan.items:
        if item.plans:
            frames = placed.frames[item.name]
            for one, other in combinations(frames, 2):
                assert not _overlap(one, other)
            for inner, frame in zip(item.plans, frames, strict=True):
                assert _is_within(frame, placed.boxes[item.name])
                assert frame.y >= placed.boxes[item.name].y + item.height - 1e-6
                _hold_apart(inner, placed, frame)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_lines_end_at_their_boxes_and_cross_none(examples: int) -> None:
    @given(plans(depth=0))
    @example(UNEVEN)
    @settings(max_examples=examples, deadline=None)
    def law(plan: Plan) -> None:
        placed = lay_out(plan)

        for link, route in zip(plan.links, placed.routes, strict=True):
            _reaches(route.points[0], placed.boxes[link.source], placed.boxes[link.source].bottom)
            _reaches(route.points[-1], placed.boxes[link.target], placed.boxes[link.target].y)
            for x, y in _along(route):
                assert 0 <= x <= placed.width
                assert 0 <= y <= placed.height
                for box in placed.boxes.values():
                    assert not (box.x + 0.1 < x < box.right - 0.1 and box.y + 0.1 < y < box.bottom - 0.1)

    law()


def _reaches(point: Point, box: Box, side: float) -> None:
    assert point[1] == pytest.approx(side)
    assert box.x <= point[0] <= box.right


@pytest.mark.parametrize("examples", EXAMPLES)
def test_labels_stand_on_nothing(examples: int) -> None:
    @given(plans(depth=0))
    @settings(max_examples=examples, deadline=None)
    def law(plan: Plan) -> None:
        placed = lay_out(plan)
        labels = [route.label for route in placed.routes if route.label is not None]

        for one, other in combinations([*labels, *placed.boxes.values()], 2):
            assert not _overlap(one, other)
        assert len(labels) == sum(link.is_labeled for link in plan.links)

    law()


@pytest.mark.parametrize("examples", EXAMPLES)
def test_links_lead_down_but_for_those_that_close_a_loop(examples: int) -> None:
    @given(plans(depth=0))
    @settings(max_examples=examples, deadline=None)
    def law(plan: Plan) -> None:
        names, links = [item.name for item in plan.items], dict(enumerate(plan.links))
        closing = closing_links(names, links)
        forward = {at: link for at, link in links.items() if at not in closing}
        levels = levels_of(names, forward)

        assert all(levels[link.target] > levels[link.source] for link in forward.values())
        assert all(levels[link.target] - levels[link.source] > 1 for link in forward.values() if link.is_labeled)

    law()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(1, 300), st.floats(0.5, 9)), min_size=1, max_size=12))
def test_things_on_a_level_keep_their_distance_and_stand_as_near_as_they_can(things: list[tuple[float, ...]]) -> None:
    wanted, gaps, weights = (list(each) for each in zip(*things, strict=True))
    found = spaced(wanted, gaps, weights)

    assert all(found[at] - found[at - 1] >= gaps[at] - 1e-6 for at in range(1, len(found)))
    cost = _cost(found, wanted, weights)
    for at in range(len(found)):
        for step in (-0.5, 0.5):
            moved = [x + step * (other == at) for other, x in enumerate(found)]
            if all(moved[other] - moved[other - 1] >= gaps[other] for other in range(1, len(moved))):
                assert _cost(moved, wanted, weights) >= cost - 1e-6


def _cost(found: list[float], wanted: list[float], weights: list[float]) -> float:
    return sum(weight * (x - place) ** 2 for x, place, weight in zip(found, wanted, weights, strict=True))


def test_a_chain_stands_in_one_line() -> None:
    """Boxes of any width, and lines straight down between them."""
    items = tuple(Item(f"{at}", width, 40) for at, width in enumerate((90, 240, 60, 120)))
    placed = lay_out(Plan(items, tuple(Link(f"{at}", f"{at + 1}") for at in range(3))))

    middles = {box.x + box.width / 2 for box in placed.boxes.values()}
    assert len(middles) == 1
    assert {x for route in placed.routes for x, _ in route.points} == middles


def test_an_empty_machine_has_an_empty_picture() -> None:
    assert lay_out(Plan((), ())).boxes == {}


def test_a_link_to_itself_goes_round_at_the_right() -> None:
    placed = lay_out(Plan((Item("a", 100, 40),), (Link("a", "a"),)))

    assert max(x for x, _ in placed.routes[0].points) > placed.boxes["a"].right


def test_a_path_turns_round_corners_and_bends_softly() -> None:
    corners = [(0, 0), (0, 10), (20, 10), (20, 30)]
    assert path_of(corners) == "M0.0 0.0L0.0 5.0Q0.0 10.0 7.0 10.0L13.0 10.0Q20.0 10.0 20.0 17.0L20.0 30.0"
    assert path_of([(0, 0), (0, 0), (8, 10)]) == "M0.0 0.0C0.0 5.0 8.0 5.0 8.0 10.0"


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name.split(".")[0])
def test_every_workflow_of_the_corpus_can_be_drawn(path: Path) -> None:
    scope = machine_of(json.loads(path.read_text()))
    plan = plan_of(scope, {state.name: BoxTexts(state.name, state.about, "") for state, _ in scope.walk()})
    placed = lay_out(plan)

    _hold_apart(plan, placed, Box(0, 0, placed.width, placed.height))


def _overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.right - 1e-6 and other.x < one.right - 1e-6
        and one.y < other.bottom - 1e-6 and other.y < one.bottom - 1e-6
    )  # fmt: skip


def _is_within(one: Box, other: Box) -> bool:
    return (
        other.x - 1e-6 <= one.x and one.right <= other.right + 1e-6
        and other.y - 1e-6 <= one.y and one.bottom <= other.bottom + 1e-6
    )  # fmt: skip


def _along(route: Route) -> list[Point]:
    """Return points of a line as it is drawn: straight parts, and curves between levels."""
    found = []
    for (ax, ay), (bx, by) in pairwise(route.points):
        for step in range(11):
            t = step / 10
            if ax != bx and ay != by:  # a curve whose ends point up and down
                x = ax * (1 - t) ** 2 * (1 + 2 * t) + bx * t**2 * (3 - 2 * t)
                middle = (ay + by) / 2
                y = ay * (1 - t) ** 3 + 3 * middle * t * (1 - t) ** 2 + 3 * middle * t**2 * (1 - t) + by * t**3
            else:
                x, y = ax + (bx - ax) * t, ay + (by - ay) * t
            found.append((x, y))
    return found
