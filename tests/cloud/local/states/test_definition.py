"""A definition is refused when AWS refuses it: held against asl-validator and statelint, and where they are wrong."""

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statelint.linter import Linter

from cloud_side.local.states.definition import problems_of
from cloud_side.local.states.scopes import scopes

CLOUD = Path(__file__).parents[2]
GOOD = {path.name.removesuffix(".asl.json"): path for path in sorted((CLOUD / "corpus").glob("*.asl.json"))}
BAD = {path.name.removesuffix(".asl.json"): path for path in sorted((CLOUD / "corpus_bad").glob("*.asl.json"))}
VALIDATOR = CLOUD / "asl_validator"

# Bad definitions that a tool takes, and why: AWS refuses all of them but the last ones.
NOT_LOOKED_AT = "it does not look at that"
NOT_READ = "it parses expressions, and does not look at what they read"
NO_EXPRESSIONS = "it does not parse expressions"
NO_VARIABLES = "it does not know variables"
NOT_REFUSED_BY_AWS = {
    "map-with-iterator": "the old name of ItemProcessor, which the interpreter does not have",
    "placeholder-left-in-arguments": "a text like any other to AWS; here nobody meant it",
}
MISSED_BY_BOTH = {
    **NOT_REFUSED_BY_AWS,
    "batches-by-path": "it takes JSONPath's field in JSONata mode",
    "expression-half-closed": NOT_LOOKED_AT,
    "heartbeat-as-long-as-the-time-out": NOT_LOOKED_AT,
    "json-path-state": "it lets a state of a JSONata machine go back to JSONPath",
    "name-twice-in-an-object": "it sees what the JSON parser left",
    "outer-variable-assigned-by-a-catcher-inside": NO_VARIABLES,
    "outer-variable-assigned-inside": NO_VARIABLES,
    "parallel-of-nothing": NOT_LOOKED_AT,
    "pass-with-result": "it takes JSONPath's field in JSONata mode",
    "reads-a-bare-name": NOT_READ,
    "reads-a-result-before-the-call": NOT_READ,
    "reads-a-result-where-there-is-none": NOT_READ,
    "reads-an-error-outside-a-catcher": NOT_READ,
    "reads-an-unknown-field-of-states": NOT_READ,
    "reads-the-context-item": NOT_READ,
    "reads-the-root": NOT_READ,
    "retrier-for-all-is-not-last": NOT_LOOKED_AT,
    "variable-begins-with-a-digit": NO_VARIABLES,
    "variable-called-states": NO_VARIABLES,
    "variable-too-long": NO_VARIABLES,
    "variable-with-a-dash": NO_VARIABLES,
    "wait-too-long": NOT_LOOKED_AT,
}
MISSED = {
    "asl-validator": {
        **MISSED_BY_BOTH,
        "backoff-below-one": "it allows a rate from 0",
        "catcher-for-all-is-not-alone": NOT_LOOKED_AT,
        "jitter-unknown": "it takes any field of a retrier",
        "label-with-blanks": "any text is a label to it",
        "placeholder-left-in-a-resource": "it expects them, before they are replaced",
        "processor-with-query-language": "it takes any field of a processor",
        "reader-of-unknown-format": "it takes any field of a reader's configuration",
        "retrier-of-no-errors": NOT_LOOKED_AT,
        "same-label": NOT_LOOKED_AT,
        "unknown-field-of-a-retrier": "it takes any field of a retrier",
    },
    "statelint": {
        **MISSED_BY_BOTH,
        "condition-does-not-parse": NO_EXPRESSIONS,
        "condition-is-no-expression": "any text is a condition to it",
        "distributed-without-execution-type": "it takes any configuration of a processor",
        "end-is-false": "it asks for End or Next, and not that End be true",
        "expression-does-not-parse": NO_EXPRESSIONS,
        "expression-half-open": NO_EXPRESSIONS,
        "expression-is-empty": NO_EXPRESSIONS,
        "map-with-parameters": "it takes JSONPath's field in JSONata mode",
        "name-too-long": NOT_LOOKED_AT,
        "not-a-number": "it parses by Python, which has NaN",
        "not-an-object": "it says nothing of what is no object",
        "resource-is-no-arn": "any URI is a resource to it",
        "same-name-far-inside": "it compares names with those one level inside",
        "task-without-resource": "a resource is optional to it",
        "time-out-is-true": "a boolean is a number to Python",
        "time-out-of-a-map": "it takes it in all states that hold others",
        "unknown-mode": "it takes any configuration of a processor",
    },
}
# What a tool says against good definitions, and why it is wrong.
WRONGLY_REFUSED = {
    "asl-validator": {
        r"/Output is invalid\. must match exactly one schema": "AWS takes any JSON for an Output, not just an object",
        r"/Output/.* is invalid\. must be object": "AWS takes an array in an array",
        r"/Type is invalid\. must be equal to one": "what it says further when any field of the state does not match",
        r"/ItemBatcher/BatchInput is invalid\. must match exactly one": "two of its alternatives match an expression",
    },
    "statelint": {
        r'is "\{% .* %\}" but should be (an Integer|numeric)$': "AWS takes an expression for a number",
        r'\.Timestamp is "\{% .* %\}" but should be an RFC3339 timestamp$': "AWS takes an expression for an instant",
        r'^Field "Label" not allowed': "newer than it is",
        r'^Field "\w+" not allowed in .*\.ReaderConfig$': "it knows MaxItems alone",
    },
}


@pytest.fixture(scope="module")
def said_by_asl_validator() -> dict[Path, list[str]]:
    """Return what asl-validator has against each definition; it is installed when it is not there yet."""
    executables = Path(sys.prefix) / "bin"
    installed, locked = VALIDATOR / "node_modules" / ".package-lock.json", VALIDATOR / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < locked.stat().st_mtime:
        install = [str(executables / "npm"), "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]
        done = subprocess.run(install, cwd=VALIDATOR, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            pytest.fail(f"asl-validator is not there; expected that npm installs it:\n{done.stderr}", pytrace=False)
    files = "\n".join(str(path) for path in [*GOOD.values(), *BAD.values()])
    run = [str(executables / "node"), str(VALIDATOR / "verdicts.js")]
    told = subprocess.run(run, input=files, check=True, capture_output=True, text=True).stdout.splitlines()
    verdicts = [json.loads(line) for line in told]
    return {Path(verdict["file"]): [] if verdict["accepted"] else verdict["problems"] for verdict in verdicts}


@cache
def said_by_statelint(path: Path) -> list[str]:
    try:
        return Linter.validate(path.read_text(encoding="utf-8"))
    except TypeError as error:  # it stumbles over some
        return [f"{error}"]


Said = Callable[[Path], dict[str, list[str]]]


@pytest.fixture(scope="module")
def said(said_by_asl_validator: dict[Path, list[str]]) -> Said:
    """Return what both tools have against a definition."""
    return lambda path: {"asl-validator": said_by_asl_validator[path], "statelint": said_by_statelint(path)}


def test_a_bad_definition_is_refused_by_all_unless_we_know_why_not(said: Said) -> None:
    for name, path in BAD.items():
        assert problems_of(path.read_text(encoding="utf-8")), name
        missed = {tool for tool, problems in said(path).items() if not problems}
        assert missed == {tool for tool, names in MISSED.items() if name in names}, name


def test_a_good_definition_is_taken_by_all_unless_we_know_why_not(said: Said) -> None:
    for name, path in GOOD.items():
        assert problems_of(path.read_text(encoding="utf-8")) == [], name
        for tool, problems in said(path).items():
            known = WRONGLY_REFUSED[tool]
            assert [text for text in problems if not any(re.search(each, text) for each in known)] == [], name


def test_there_are_enough_definitions_and_no_reasons_without_one(said_by_asl_validator: dict[Path, list[str]]) -> None:
    assert len(GOOD) >= 40
    assert len(BAD) >= 40
    assert {name for missed in MISSED.values() for name in missed} <= BAD.keys()
    texts = {
        "asl-validator": [text for path in GOOD.values() for text in said_by_asl_validator[path]],
        "statelint": [text for path in GOOD.values() for text in said_by_statelint(path)],
    }
    for tool, reasons in WRONGLY_REFUSED.items():
        for known in reasons:
            assert any(re.search(known, text) for text in texts[tool]), f"{tool} no longer says {known}"


TOLD = {
    "not-json": "line 16, column 1: Expecting property name enclosed in double quotes; expected JSON",
    "not-a-number": "NaN is not a number; expected JSON",
    "not-an-object": "the definition is an array; expected an object",
    "name-twice-in-an-object": "States.Prepare has 'Next' more than once; expected once",
    "json-path-mode": 'QueryLanguage is None; expected "JSONata", the only one that is run here',
    "state-is-text": "States.Done is a text; expected an object",
    "target-is-no-text": "States.Prepare.Next is an array; expected a text",
    "unknown-field": 'Field "Retries" not allowed in States.Prepare',
    "unreachable": "No transition found to state Forgotten",
    "missing-target-of-a-choice": 'No state found named "Accept", referenced at States.Judge.Choices[0].Next',
    "placeholder-left-in-arguments": "States.Prepare.Arguments.FunctionName has ${Prepare}; "
    "expected what it stands for",
    "expression-does-not-parse": "States.Shape.Output.value: '$states.input.items[0)' is not JSONata "
    "at character 22: S0202: Expected ], got )",
    "expression-half-open": "States.Shape.Output.value is '{% $states.input.items'; "
    "expected {% and %} together, or neither",
    "reads-a-result-where-there-is-none": "States.Shape.Output.value reads $states.result; "
    "there are only context, input",
    "reads-a-bare-name": "States.Shape.Output.value reads items of nothing; expected it of $states or of a variable",
    "outer-variable-assigned-inside": "States.Each.ItemProcessor.States.Again.Assign.count is assigned outside too; "
    "expected another name inside",
    "same-name-far-inside": "States.Outer.ItemProcessor.States.Inner.ItemProcessor.States.Outer: "
    "States.Outer has the same name; expected another one for each state",
}


@pytest.mark.parametrize("name", TOLD)
def test_a_problem_says_where_it_is_and_what_was_expected(name: str) -> None:
    assert problems_of(BAD[name].read_text(encoding="utf-8")) == [TOLD[name]]


def machine(states: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **fields}


def shape(value: Any, **fields: Any) -> dict[str, Any]:
    return machine({"Shape": {"Type": "Pass", "Output": value, "End": True, **fields}})


@pytest.mark.parametrize(
    "definition",
    [
        shape("{% ($a := $states.input;\n  /* two lines */ $a) %}"),
        shape("{%$states.input%}"),
        shape("{% $map($states.input.list, function($v) { $v.name })[name = 'a'].{'n': name, 'c': $} %}"),
        shape("{% $states.context.Execution.Input %}"),
        shape("{% ($states).result %}"),  # AWS looks at paths that begin with $states
        shape("100 %"),
        shape(1, Assign={"größe": 1, "v2_": "{% $v %}", "v" * 80: None}),
        shape([None, [[]], {"": {"States": {}, "Next": 1, "Label": [], "Retry": "{"}}]),
        machine({"Label": {"Type": "Pass", "Next": "Retry"}, "Retry": {"Type": "Pass", "Next": "Type"},
                 "Type": {"Type": "Succeed"}}),
        machine({"Each": {"Type": "Map", "Items": "{% [\n1] %}", "MaxConcurrency": 0, "End": True, "ItemProcessor": {
            "StartAt": "In", "States": {"In": {"Type": "Pass", "Assign": {"v": 1}, "End": True}}}}}),
        machine({"Call": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": "{%$x%}",
            "Retry": [{"ErrorEquals": ["States.ALL"], "BackoffRate": 2, "MaxAttempts": 0, "JitterStrategy": "FULL"}],
            "End": True}}),
        # assigned inside first and outside later: not on the way in
        machine({"Each": {"Type": "Map", "Next": "Count", "ItemProcessor": {
            "StartAt": "In", "States": {"In": {"Type": "Pass", "Assign": {"count": 1}, "End": True}}}},
            "Count": {"Type": "Pass", "Assign": {"count": 2}, "End": True}}),
    ],
    ids=str,
)  # fmt: skip
def test_a_definition_that_looks_strange_is_taken(definition: Any) -> None:
    assert problems_of(json.dumps(definition)) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "line 1, column 1: Expecting value; expected JSON"),
        (json.dumps(shape("a" * 1_048_576)), "the definition has 1048"),
        (json.dumps(shape("é" * 600_000), ensure_ascii=False), "the definition has 1200"),
        ("[" * 100_000, "maximum recursion depth exceeded"),
        (json.dumps(shape(json.loads("[" * 400 + "]" * 400))), "the definition nests deeper than 300; expected less"),
        ('{"a": 1' + "0" * 5000 + "}", "Exceeds the limit"),
        ("\ud800", "line 1, column 1"),
    ],
    ids=lambda text: text[:20],
)
def test_a_text_that_is_too_much_is_one_problem(text: str, expected: str) -> None:
    (problem,) = problems_of(text)
    assert problem.startswith(expected)


def test_a_variable_assigned_in_a_loop_around_a_map_is_assigned_on_the_way_in() -> None:
    inner = {"StartAt": "In", "States": {"In": {"Type": "Pass", "Assign": {"count": 1}, "End": True}}}
    loop = machine({
        "Each": {"Type": "Map", "ItemProcessor": inner, "Assign": {"count": 0}, "Next": "More"},
        "More": {"Type": "Choice", "Choices": [{"Condition": "{% $more %}", "Next": "Each"}], "Default": "Done"},
        "Done": {"Type": "Succeed"},
    })  # fmt: skip
    (problem,) = problems_of(json.dumps(loop))
    assert problem.startswith("States.Each.ItemProcessor.States.In.Assign.count is assigned outside too")


SOME_AND_ALL = [
    pytest.param(name, marks=() if index % 6 == 0 else pytest.mark.nightly) for index, name in enumerate(GOOD)
]


@pytest.mark.parametrize("name", SOME_AND_ALL)
def test_an_unknown_field_is_found_in_every_state(name: str) -> None:
    definition = json.loads(GOOD[name].read_text(encoding="utf-8"))
    expected = set()
    for path, _, state in (found for scope in scopes(definition) for found in scope.named()):
        state["Wurst"] = 1
        expected.add(f'Field "Wurst" not allowed in {path}')
    assert set(problems_of(json.dumps(definition))) == expected


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(["{% $ %}", "{% (", "a\nb"]),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.sampled_from(["Type", "Next", "a\nb"]), below),
    max_leaves=4,
)
NAMES = [
    *("Type", "Next", "End", "States", "StartAt", "Choices", "Catch", "Retry", "Branches", "ItemProcessor", "Iterator"),
    *("Assign", "ItemReader", "ItemBatcher", "ResultWriter", "ProcessorConfig", "ReaderConfig", "ErrorEquals", "Label"),
    *("Resource", "QueryLanguage", "Seconds", "TimeoutSeconds", "Condition", "Output", "Arguments"),
]


def holders(part: Any) -> Iterator[Any]:
    """Yield every object and array."""
    if isinstance(part, dict | list):
        yield part
        for member in part.values() if isinstance(part, dict) else part:
            yield from holders(member)


@given(st.data())
def test_whatever_is_broken_is_told_in_lines_and_nothing_raises(data: st.DataObject) -> None:
    definition = json.loads(GOOD[data.draw(st.sampled_from(sorted(GOOD)))].read_text(encoding="utf-8"))
    for _ in range(data.draw(st.integers(1, 3))):
        holder = data.draw(st.sampled_from(list(holders(definition))))
        value = data.draw(JSON)
        if isinstance(holder, dict):
            holder[data.draw(st.sampled_from([*holder, *NAMES]))] = copy.deepcopy(value)
        elif holder:
            holder[data.draw(st.integers(0, len(holder) - 1))] = copy.deepcopy(value)
    for problem in problems_of(json.dumps(definition)):
        assert problem
        assert "\n" not in problem


@given(JSON)
def test_any_json_is_taken_or_refused(value: Any) -> None:
    assert problems_of(json.dumps(value))
