"""What of a definition is drawn, and how it is told in few words."""

import json
from typing import Any

import pytest

from cloud_side.drawing.machine import END, START, Way, machine_of, part_for, short
from tests.cloud.drawing import workflows


def _one(**state: Any) -> dict[str, Any]:
    return {"StartAt": "A", "States": {"A": state, "B": {"Type": "Succeed"}, "C": {"Type": "Succeed"}}}


def test_a_machine_has_a_start_and_an_end_unless_it_only_fails() -> None:
    ways = [(one.source, one.target) for one in machine_of(workflows.LINEAR).transitions]
    assert ways[0] == (START, "FindSamples")
    assert ways[-1] == ("WriteDatasetVersion", END)

    failing = machine_of({"StartAt": "A", "States": {"A": {"Type": "Fail"}}})
    assert [one.target for one in failing.transitions] == ["A"]


def test_rules_are_told_by_their_conditions_and_those_to_one_state_are_one_line() -> None:
    gate = [one for one in machine_of(workflows.CHOICES).transitions if one.source == "Gate"]

    assert [(one.way, one.target) for one in gate] == [
        (Way.CHOICE, "Refuse"),
        (Way.CHOICE, "Register"),
        (Way.DEFAULT, "AskAPerson"),
    ]
    assert gate[0].label == "$input.escapes > $floor.escapes +1"
    assert gate[0].told == "$input.escapes > $floor.escapes\n$input.leak = true"
    assert gate[1].label.endswith("…")
    assert len(gate[1].label) <= 34


def test_catchers_are_told_by_the_errors_that_they_catch() -> None:
    caught = [one for one in machine_of(workflows.CHOICES).transitions if one.way is Way.CATCH]

    assert [(one.source, one.target, one.label) for one in caught] == [
        ("Evaluate", "TellWhy", "States.Timeout, States.TaskFailed")
    ]


@pytest.mark.parametrize(
    ("state", "about"),
    [
        ({"Type": "Task", "Resource": "arn:aws:states:::sagemaker:createJob.sync"}, "Task · sagemaker:createJob.sync"),
        ({"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:iot:describeThing"}, "Task · iot:describeThing"),
        ({"Type": "Task", "Resource": "arn:aws:lambda:eu-central-1:0:function:find"}, "Task · function:find"),
        ({"Type": "Task", "Resource": "odd"}, "Task · odd"),
        ({"Type": "Wait", "Seconds": 60}, "Wait · 60 s"),
        ({"Type": "Wait", "Timestamp": "{% $until %}"}, "Wait · $until"),
        ({"Type": "Wait", "Seconds": "{% $pause %}"}, "Wait · $pause"),
        ({"Type": "Map", "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED"}}}, "Map · distributed"),
        ({"Type": "Fail", "Error": "Odd"}, "Fail · Odd"),
        ({"Type": "Fail"}, "Fail"),
        ({"Type": "Pass"}, "Pass"),
    ],
)  # fmt: skip
def test_a_state_is_told_by_its_type_and_what_it_does(state: dict[str, Any], about: str) -> None:
    assert machine_of(_one(**state)).states[0].about == about


def test_branches_and_processors_are_within_their_state() -> None:
    parents = {state.name: parent for state, parent in machine_of(workflows.FAN_OUT).walk()}

    assert parents["EachStation"] is None
    assert parents["Both"] == "EachStation"
    assert parents["WaitUntilHealthy"] == "Both"


def test_what_is_written_of_a_state_leaves_out_what_is_within_it() -> None:
    written = machine_of(workflows.FAN_OUT).states[1].written

    assert written["MaxConcurrency"] == 4
    assert "Prepare" not in json.dumps(written)


def test_the_part_of_a_map_is_found_by_its_label_or_name() -> None:
    inner = {"StartAt": "X", "States": {"X": {"Type": "Succeed"}}}
    each = {"Type": "Map", "ItemProcessor": inner, "Label": "Wave", "End": True}
    branches = {"Type": "Parallel", "Branches": [{"StartAt": "Each", "States": {"Each": each}}], "End": True}
    machine = {"StartAt": "Both", "States": {"Both": branches}}

    assert part_for(machine, "Wave") == inner
    assert part_for(machine, "Each") is None
    assert part_for(workflows.FAN_OUT, "EachStation") == workflows.FAN_OUT["States"]["EachStation"]["ItemProcessor"]


def test_a_transition_to_a_state_that_is_not_there_is_not_drawn() -> None:
    assert [one.target for one in machine_of(_one(Type="Pass", Next="Nowhere")).transitions] == ["A", END, END]


def test_a_text_that_was_cut_says_so() -> None:
    assert short("x" * 40, 10) == "xxxxxxxxx…"
