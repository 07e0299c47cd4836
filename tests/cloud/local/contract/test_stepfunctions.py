"""Step Functions here and at moto, which runs nothing: what is said of machines and executions, not what they do.

Not at moto: RedriveExecution, ValidateStateMachineDefinition, map runs of real executions, answers to tokens.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cloud_side.local.services.stepfunctions import STEP_FUNCTIONS
from tests.cloud.local.kept import Kept, kept

ROLE = "arn:aws:iam::123456789012:role/machine"
WAITING = {"QueryLanguage": "JSONata", "StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}}}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with kept(tmp_path_factory.mktemp("stepfunctions"), [STEP_FUNCTIONS]) as made:
        yield made


@pytest.fixture(params=["local", "moto"])
def client(request: pytest.FixtureRequest, local: Kept) -> Any:
    local.empty()
    return (local if request.param == "local" else request.getfixturevalue("moto_session")).client("stepfunctions")


def machine(client: Any, name: str = "machine") -> str:
    made = client.create_state_machine(name=name, definition=json.dumps(WAITING), roleArn=ROLE)
    return str(made["stateMachineArn"])


def test_a_machine_is_described_as_it_was_made(client: Any) -> None:
    arn = machine(client)
    told = client.describe_state_machine(stateMachineArn=arn)
    assert arn.endswith(":stateMachine:machine")
    assert (told["name"], told["status"], told["type"], told["roleArn"]) == ("machine", "ACTIVE", "STANDARD", ROLE)
    assert json.loads(told["definition"]) == WAITING


def test_the_same_machine_may_be_made_again(client: Any) -> None:
    assert machine(client) == machine(client)


def test_machines_are_listed_in_pages(client: Any) -> None:
    arns = {machine(client, f"machine-{n}") for n in range(5)}
    pages = client.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 2})
    assert {found["stateMachineArn"] for page in pages for found in page["stateMachines"]} == arns


def test_a_changed_definition_is_there_and_a_deleted_machine_is_gone(client: Any) -> None:
    arn = machine(client)
    changed = json.dumps({**WAITING, "Comment": "changed"})
    client.update_state_machine(stateMachineArn=arn, definition=changed)
    assert client.describe_state_machine(stateMachineArn=arn)["definition"] == changed
    client.delete_state_machine(stateMachineArn=arn)
    with pytest.raises(client.exceptions.StateMachineDoesNotExist):
        client.describe_state_machine(stateMachineArn=arn)


def test_an_execution_is_described_with_its_input(client: Any) -> None:
    arn = machine(client)
    started = client.start_execution(stateMachineArn=arn, name="one", input='{"n": 1}')
    told = client.describe_execution(executionArn=started["executionArn"])
    assert started["executionArn"] == f"{arn.replace('stateMachine', 'execution')}:one"
    assert (told["name"], told["status"], told["stateMachineArn"]) == ("one", "RUNNING", arn)
    assert json.loads(told["input"]) == {"n": 1}
    assert told["startDate"] == started["startDate"]
    described = client.describe_state_machine_for_execution(executionArn=started["executionArn"])
    assert (described["stateMachineArn"], described["name"]) == (arn, "machine")


def test_a_start_without_a_name_draws_one(client: Any) -> None:
    arn = machine(client)
    names = {client.start_execution(stateMachineArn=arn)["executionArn"] for _ in range(3)}
    assert len(names) == 3


def test_another_input_under_a_taken_name_is_refused(client: Any) -> None:
    arn = machine(client)
    client.start_execution(stateMachineArn=arn, name="one", input='{"n": 1}')
    with pytest.raises(client.exceptions.ExecutionAlreadyExists):
        client.start_execution(stateMachineArn=arn, name="one", input='{"n": 2}')


def test_an_input_that_is_no_json_is_refused(client: Any) -> None:
    with pytest.raises(client.exceptions.InvalidExecutionInput):
        client.start_execution(stateMachineArn=machine(client), input="{")


def test_a_stopped_execution_is_aborted_with_its_cause(client: Any) -> None:
    arn = machine(client)
    execution = client.start_execution(stateMachineArn=arn)["executionArn"]
    stopped = client.stop_execution(executionArn=execution, error="Enough", cause="said so")
    told = client.describe_execution(executionArn=execution)
    assert told["status"] == "ABORTED"
    assert abs((told["stopDate"] - stopped["stopDate"]).total_seconds()) < 1


def test_executions_are_listed_by_status(client: Any) -> None:
    arn = machine(client)
    stopped, going = (client.start_execution(stateMachineArn=arn)["executionArn"] for _ in range(2))
    client.stop_execution(executionArn=stopped)
    for status, expected in (("ABORTED", [stopped]), ("RUNNING", [going]), ("SUCCEEDED", [])):
        listed = client.list_executions(stateMachineArn=arn, statusFilter=status)["executions"]
        assert [execution["executionArn"] for execution in listed] == expected


@pytest.mark.parametrize("operation", ["describe_execution", "stop_execution", "get_execution_history"])
def test_an_execution_that_is_not_there_is_named(client: Any, operation: str) -> None:
    arn = f"{machine(client).replace('stateMachine', 'execution')}:none"
    with pytest.raises(client.exceptions.ExecutionDoesNotExist, match="none"):
        getattr(client, operation)(executionArn=arn)


def test_a_machine_that_is_not_there_is_named(client: Any) -> None:
    arn = f"{machine(client)}-none"
    with pytest.raises(client.exceptions.StateMachineDoesNotExist, match="none"):
        client.start_execution(stateMachineArn=arn)
