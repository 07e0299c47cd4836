"""The tables of docs/cost.md are those that its figures come to."""

from itertools import pairwise
from pathlib import Path

import pytest

from tests import costs

TEXT = (Path(__file__).parents[1] / "docs" / "cost.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", [costs.bill, costs.optional], ids=lambda each: each.__name__)
def test_a_table_is_what_its_figures_come_to(table: object) -> None:
    assert callable(table)
    assert table() in TEXT, f"expected in docs/cost.md:\n{table()}"


def test_what_fewer_statistics_save_is_said_as_it_is() -> None:
    often, seldom = costs.levers()
    assert f"{often} become {seldom} a station" in TEXT


def test_a_fleet_ten_times_as_large_costs_less_than_ten_times_as_much() -> None:
    totals = [sum(each.of(stations) for each in costs.lines()) for stations in costs.FLEETS]
    assert all(more < 10 * less for less, more in pairwise(totals))


def test_the_counts_that_are_told_are_those_of_the_model() -> None:
    for count in (costs.HOURS * 3600 / 10, costs.HOURS * 3600 / costs.TAKT_S * costs.NOT_ACCEPTED, costs.HOURS * 60):
        assert f"{count:,.0f}" in TEXT
