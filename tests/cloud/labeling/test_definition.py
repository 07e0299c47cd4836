"""The labeling workflow's definition: whoever judges definitions takes it, and it is the same on both engines."""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sfnx import testing

from cloud_side.labeling import places
from cloud_side.labeling.settings import LONGEST_DAYS
from cloud_side.labeling.workflow import LABELING
from cloud_side.local.states.definition import problems_of
from cloud_side.local.states.expressions import evaluate
from tests.cloud.labeling.branches import WAYS, Branch, failing
from tests.cloud.local.states.corpus import Script, every_state, problems_by_statelint
from tests.cloud.local.states.oracle import Outcome, differences, run_on_sfnx
from tests.cloud.local.states.ours import Ours
from tests.cloud.local.states.ways import problems_by_toolkits, signposted

TEXT = LABELING.filled({name: f"the-{name}" for name in LABELING.placeholders()})
MACHINE = json.loads(TEXT)
STATES: dict[str, Any] = MACHINE["States"]
LAMBDA = "arn:aws:states:::lambda:invoke"
FUNCTIONS = {name: state for name, state, _ in every_state(MACHINE) if state.get("Resource", "").startswith(LAMBDA)}
CLOSING = [name for name, state in STATES.items() if state.get("Catch", [{}])[-1].get("Next") == "Close"]
BRANCHES = [*WAYS, *failing(CLOSING)]
SIGNPOSTED, POSTS = signposted(MACHINE)


@pytest.fixture(scope="module")
def on_sfnx() -> Iterator[Callable[[Branch], Outcome]]:
    """Return what runs a way on sfnx with the signposts, which change nothing else; each once for all tests."""
    kept: dict[str, Outcome] = {}

    def run(branch: Branch) -> Outcome:
        if branch.name not in kept:
            kept[branch.name] = run_on_sfnx(SIGNPOSTED, {}, Script(branch.answers))
        return kept[branch.name]

    testing.check(SIGNPOSTED)  # which would cost more than to run it, each time
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(testing, "check", lambda _: None)
        yield run


@pytest.fixture(scope="module")
def ours() -> Iterator[Ours]:
    interpreter = Ours()
    yield interpreter
    interpreter.close()


def comparable(outcome: Outcome) -> Outcome:
    """Return it without signposts, and without the times that its clock gave; that of sfnx stands."""

    def hidden(arguments: Any) -> Any:
        found = copy.deepcopy(arguments)
        if isinstance(found, dict) and "closes_at" in found.get("Payload", {}):
            found["Payload"]["closes_at"] = "…"
        return found

    calls = tuple(replace(call, arguments=hidden(call.arguments)) for call in outcome.calls)
    return replace(outcome, calls=calls, entered=tuple(name for name in outcome.entered if name not in POSTS))


def test_whoever_judges_definitions_takes_it() -> None:
    assert problems_of(TEXT) == []
    assert problems_by_statelint(MACHINE) == []
    assert problems_by_toolkits(TEXT) == []


@pytest.mark.parametrize("branch", BRANCHES, ids=lambda branch: branch.name)
def test_our_interpreter_does_what_sfnx_does(branch: Branch, ours: Ours, on_sfnx: Callable[[Branch], Outcome]) -> None:
    expected = on_sfnx(branch)
    assert (expected.error or expected.status) == branch.ends
    found = ours.run(TEXT, {}, Script(branch.answers))
    assert differences(comparable(found), comparable(expected), MACHINE) == []


@pytest.mark.parametrize("branch", [each for each in BRANCHES if each.name == "some children fail"])
@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(2, 20))])
def test_children_come_to_the_same_in_any_order(
    branch: Branch, seed: int, ours: Ours, on_sfnx: Callable[[Branch], Outcome]
) -> None:
    found = ours.run(TEXT, {}, Script(branch.answers), seed=seed)
    assert differences(comparable(found), comparable(on_sfnx(branch)), MACHINE, in_order=False) == []


def test_some_way_goes_through_every_state_every_rule_and_every_catcher(
    on_sfnx: Callable[[Branch], Outcome],
) -> None:
    been = {name for branch in BRANCHES for name in on_sfnx(branch).entered}
    assert (POSTS | STATES.keys()) - been == set()


def test_its_functions_are_those_of_the_workflow() -> None:
    called = {state["Arguments"]["FunctionName"].removeprefix("the-") for state in FUNCTIONS.values()}
    by_rules = {rule.function for rule in LABELING.rules}
    assert called | by_rules == {function.name for function in LABELING.functions}


def test_every_function_is_tried_again_and_waited_for_longer_than_it_may_take() -> None:
    limits = {f"the-{function.name}": function.timeout_s for function in LABELING.functions}
    never_began = STATES["Find"]["Retry"][0]
    assert {"Lambda.TooManyRequestsException", "Lambda.ServiceException"} <= set(never_began["ErrorEquals"])
    for name, state in FUNCTIONS.items():
        *waits, first, for_a_person, broke_off = state["Retry"]
        assert [each["ErrorEquals"] for each in waits] == [["JobRunsError"]] * name.endswith("ended early"), name
        assert first == never_began, name
        assert for_a_person == {"ErrorEquals": ["ConfigError"], "MaxAttempts": 0}
        waits_for_people = state["Resource"].endswith(".waitForTaskToken")
        assert ("States.Timeout" in broke_off["ErrorEquals"]) is not waits_for_people, name
        assert all(each["JitterStrategy"] == "FULL" and each["MaxDelaySeconds"] <= 60 for each in (first, broke_off))
        if not waits_for_people:
            assert state["TimeoutSeconds"] > limits[state["Arguments"]["FunctionName"]], name


def test_everything_after_the_settings_that_may_fail_leads_to_the_closing() -> None:
    kinds = {"Task", "Map"}
    assert {name for name, state in STATES.items() if state["Type"] in kinds} - set(CLOSING) == {
        *("Settings", "Close", "Tell", "Tell of the failure"),
        *("Label by Ground Truth", "Verify by Ground Truth"),  # these by the end of their jobs
    }


def test_an_execution_may_take_as_long_as_the_settings_may_say() -> None:
    assert MACHINE["TimeoutSeconds"] <= 365 * 86_400  # the quota of a standard workflow
    assert MACHINE["TimeoutSeconds"] > (LONGEST_DAYS + 30) * 86_400


def test_keys_are_spelled_as_everybody_spells_them() -> None:
    variables = {"batch": "b-1", "round": 2}
    keys = {
        name: evaluate(STATES[name]["ItemReader"]["Arguments"]["Key"], variables, {}) for name in ("Prepare", "Store")
    }
    assert keys == {"Prepare": places.batch_key("b-1", "taken.jsonl"), "Store": places.accepted_key("b-1", 2)}
