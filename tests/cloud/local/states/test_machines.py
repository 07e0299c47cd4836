"""Our interpreter against sfnx, on machines that nobody thought of."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_side.local.states.definition import problems_of
from tests.cloud.local.states.corpus import problems_by_statelint
from tests.cloud.local.states.machines import Run, runs
from tests.cloud.local.states.oracle import differences, run_on_sfnx
from tests.cloud.local.states.ours import Ours

everyday = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
nightly = settings(everyday, max_examples=500)


def agree(ours: Ours, run: Run, seed: int | None = None) -> None:
    text = json.dumps(run.definition)
    assert problems_of(text) == []
    assert problems_by_statelint(run.definition) == []
    expected = run_on_sfnx(run.definition, run.input, run.answers())
    found = ours.run(text, run.input, run.answers(), objects={}, seed=seed)
    assert differences(found, expected, run.definition, in_order=seed is None) == []


@everyday
@given(runs(calm=False))
def test_any_machine_does_what_sfnx_does(ours: Ours, run: Run) -> None:
    agree(ours, run)


@everyday
@given(runs(calm=True), st.integers(0, 1000))
def test_a_calm_machine_comes_to_the_same_in_any_order(ours: Ours, run: Run, seed: int) -> None:
    agree(ours, run, seed)


@pytest.mark.nightly
@nightly
@given(runs(calm=False))
def test_any_machine_does_what_sfnx_does_many_times(ours: Ours, run: Run) -> None:
    agree(ours, run)


@pytest.mark.nightly
@nightly
@given(runs(calm=True), st.integers(0, 1000))
def test_a_calm_machine_comes_to_the_same_in_any_order_many_times(ours: Ours, run: Run, seed: int) -> None:
    agree(ours, run, seed)
