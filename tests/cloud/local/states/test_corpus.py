"""Our interpreter against sfnx, on every case of the corpus."""

from collections.abc import Callable, Iterator

import pytest

from tests.cloud.local.states.corpus import Case, Json, cases, cases_of, every_state, names
from tests.cloud.local.states.oracle import Interpreter, Outcome, differences, differences_from_golden, run_on_sfnx

CASES = cases()
FOR_SFNX = [case for case in CASES if case.beyond_sfnx is None]
SIDE_BY_SIDE = [case for case in FOR_SFNX if any(above for _, _, above in every_state(case.machine))]
ONE_OF_EACH = list({case.definition: case for case in SIDE_BY_SIDE}.values())

Ask = Callable[[Case], Outcome]


def identity(case: Case) -> str:
    return case.identity


def remembering(run: Ask) -> Ask:
    outcomes: dict[str, Outcome] = {}

    def ask(case: Case) -> Outcome:
        if case.identity not in outcomes:
            outcomes[case.identity] = run(case)
        return outcomes[case.identity]

    return ask


@pytest.fixture(scope="module")
def on_sfnx() -> Ask:
    return remembering(lambda case: run_on_sfnx(case.machine, case.input, case.answers()))


@pytest.fixture(scope="module")
def on_ours(ours: Interpreter) -> Ask:
    return remembering(lambda case: ours.run(case.text, case.input, case.answers(), objects=case.objects))


def how_it_ended(outcome: Outcome) -> str:
    return outcome.status if outcome.status == "SUCCEEDED" else outcome.error or ""


def test_the_corpus_is_large_enough_and_no_two_cases_have_one_name() -> None:
    assert len(names()) >= 100
    assert len({case.identity for case in CASES}) == len(CASES)


def test_answers_depend_on_no_order_of_iterations() -> None:
    assert [told for name in names() for told in depending_on_order(name)] == []


def depending_on_order(name: str) -> Iterator[str]:
    states = list(every_state(cases_of(name)[0].machine))
    kinds = {state: fields["Type"] for state, fields, _ in states}
    iterated = [state for state, _, above in states if any(kinds[container] == "Map" for container in above)]
    for case in cases_of(name):
        for state in iterated:
            script: Json = case.tasks.get(state, [None])
            if isinstance(script, list) and len(script) != 1:
                yield f"{case.identity}: {state} needs answers by an argument"


@pytest.mark.parametrize("name", names())
def test_each_case_ends_on_sfnx_as_it_says_and_each_state_is_entered_in_some(
    name: str, on_sfnx: Ask, on_ours: Ask
) -> None:
    asked = [case for case in cases_of(name) if case.beyond_sfnx is None]
    assert {case.name: how_it_ended(on_sfnx(case)) for case in asked} == {case.name: case.ends for case in asked}
    outcomes = [(on_ours if case.beyond_sfnx else on_sfnx)(case) for case in cases_of(name)]
    states = {state for state, _, _ in every_state(cases_of(name)[0].machine)}
    assert states == {state for outcome in outcomes for state in outcome.entered}


@pytest.mark.parametrize("name", names())
def test_our_interpreter_does_what_sfnx_does(name: str, on_sfnx: Ask, on_ours: Ask) -> None:
    asked = [case for case in cases_of(name) if case.beyond_sfnx is None]
    found = {case.name: differences(on_ours(case), on_sfnx(case), case.machine) for case in asked}
    assert {case: different for case, different in found.items() if different} == {}


@pytest.mark.parametrize("case", [case for case in CASES if case.golden is not None], ids=identity)
def test_our_interpreter_does_what_aws_documents(case: Case, on_ours: Ask) -> None:
    outcome = on_ours(case)
    assert how_it_ended(outcome) == case.ends, outcome
    assert differences_from_golden(outcome, case.golden or {}) == []


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=identity)
def test_branches_and_iterations_come_to_the_same_in_any_order(case: Case, on_sfnx: Ask, ours: Interpreter) -> None:
    outcome = ours.run(case.text, case.input, case.answers(), objects=case.objects, seed=1)
    assert differences(outcome, on_sfnx(case), case.machine, in_order=False) == []


@pytest.mark.nightly
@pytest.mark.parametrize("case", SIDE_BY_SIDE, ids=identity)
def test_branches_and_iterations_come_to_the_same_in_many_orders(case: Case, on_sfnx: Ask, ours: Interpreter) -> None:
    for seed in range(20):
        outcome = ours.run(case.text, case.input, case.answers(), objects=case.objects, seed=seed)
        assert differences(outcome, on_sfnx(case), case.machine, in_order=False) == [], f"seed {seed}"
