"""Our interpreter against sfnx, on every case of the corpus."""

import json
from collections.abc import Callable

import pytest
from statelint.linter import Linter

from tests.cloud.local.states.corpus import Case, Json, cases, cases_of, every_state, names
from tests.cloud.local.states.oracle import Interpreter, Outcome, differences, differences_from_golden, run_on_sfnx

CASES = cases()
FOR_SFNX = [case for case in CASES if case.beyond_sfnx is None]
SIDE_BY_SIDE = [case for case in FOR_SFNX if any(above for _, _, above in every_state(case.machine))]

# What AWS documents and statelint 3.1 does not know: these fields, and expressions where a number or time may stand.
UNKNOWN_TO_STATELINT = (
    'Field "Label" not allowed',
    'Field "InputType" not allowed',
    'Field "CSVHeaderLocation" not allowed',
    'Field "CSVHeaders" not allowed',
    ' is "{% ',
)


def identity(case: Case) -> str:
    return case.identity


@pytest.fixture(scope="module")
def asked_sfnx() -> Callable[[Case], Outcome]:
    outcomes: dict[str, Outcome] = {}

    def ask(case: Case) -> Outcome:
        if case.identity not in outcomes:
            outcomes[case.identity] = run_on_sfnx(case.machine, case.input, case.answers())
        return outcomes[case.identity]

    return ask


def test_the_corpus_is_large_enough_and_no_two_cases_have_one_name() -> None:
    assert len(names()) >= 50
    assert len({case.identity for case in CASES}) == len(CASES)


@pytest.mark.parametrize("name", names())
def test_statelint_accepts_every_definition(name: str) -> None:
    problems = Linter.validate(cases_of(name)[0].machine)
    assert [problem for problem in problems if not any(known in problem for known in UNKNOWN_TO_STATELINT)] == []


@pytest.mark.parametrize("case", FOR_SFNX, ids=identity)
def test_each_case_ends_on_sfnx_as_it_says(case: Case, asked_sfnx: Callable[[Case], Outcome]) -> None:
    outcome = asked_sfnx(case)
    assert (outcome.status if outcome.error is None else outcome.error) == case.ends, outcome


@pytest.mark.parametrize("name", names())
def test_each_state_of_a_definition_is_entered_by_some_case(name: str, asked_sfnx: Callable[[Case], Outcome]) -> None:
    entered = {state for case in cases_of(name) if case.beyond_sfnx is None for state in asked_sfnx(case).entered}
    beyond = any(case.beyond_sfnx for case in cases_of(name))
    assert beyond or {state for state, _, _ in every_state(cases_of(name)[0].machine)} == entered


@pytest.mark.parametrize("case", CASES, ids=identity)
def test_no_answer_of_a_case_depends_on_the_order_of_iterations(case: Case) -> None:
    kinds = {name: state["Type"] for name, state, _ in every_state(case.machine)}
    for name, _, above in every_state(case.machine):
        script: Json = case.tasks.get(name)
        if isinstance(script, list) and any(kinds[container] == "Map" for container in above):
            assert len(script) == 1, f"{name} runs in iterations; name its answers by an argument"


@pytest.mark.parametrize("case", FOR_SFNX, ids=identity)
def test_our_interpreter_does_what_sfnx_does(
    case: Case, asked_sfnx: Callable[[Case], Outcome], ours: Interpreter
) -> None:
    outcome = ours.run(case.text, case.input, case.answers(), objects=case.objects)
    assert differences(outcome, asked_sfnx(case), case.machine) == []


@pytest.mark.parametrize("case", SIDE_BY_SIDE, ids=identity)
def test_branches_and_iterations_come_to_the_same_in_any_order(
    case: Case, asked_sfnx: Callable[[Case], Outcome], ours: Interpreter
) -> None:
    outcome = ours.run(case.text, case.input, case.answers(), objects=case.objects, seed=len(case.name))
    assert differences(outcome, asked_sfnx(case), case.machine, in_order=False) == []


@pytest.mark.parametrize("case", [case for case in CASES if case.golden is not None], ids=identity)
def test_our_interpreter_does_what_aws_documents(case: Case, ours: Interpreter) -> None:
    outcome = ours.run(case.text, case.input, case.answers(), objects=case.objects)
    assert (outcome.status if not outcome.error else outcome.error) == case.ends
    assert differences_from_golden(outcome, case.golden or {}) == []


def test_definitions_are_written_as_their_parsed_form_is() -> None:
    for name in names():
        case = cases_of(name)[0]
        assert case.text == json.dumps(case.machine, indent=2, ensure_ascii=False) + "\n"
