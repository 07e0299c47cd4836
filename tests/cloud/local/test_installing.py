"""Workflows are installed, updated, and left as they were where a definition is wrong."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloud_side.local import engine
from cloud_side.local.installing import BUCKET, install, install_each
from cloud_side.local.opening import LocalCloud
from cloud_side.workflows import Function, Workflow
from tests.cloud.local.engines import opened

HANDLER = "tests.cloud.local.kill_handlers.handler"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with opened(tmp_path_factory.mktemp("installed") / "engine") as cloud:
        yield cloud


@pytest.fixture
def workflow(tmp_path: Path) -> Workflow:
    return Workflow(tmp_path.name, tmp_path / "w.asl.json", (Function(f"{tmp_path.name}-step", HANDLER),))


def define(workflow: Workflow, said: Any, **more: Any) -> None:
    states = {
        "Say": {"Type": "Pass", "Output": said, "Next": "Wait"},
        "Wait": {"Type": "Wait", "Seconds": 9, "End": True},
    }
    definition = {"QueryLanguage": "JSONata", "StartAt": "Say", "States": states, **more}
    workflow.definition.write_text(json.dumps(definition))


def installed(cloud: LocalCloud, arn: str) -> Any:
    return cloud.session.client("stepfunctions").describe_state_machine(stateMachineArn=arn)


def test_a_workflow_is_filled_with_what_was_made_for_it(cloud: LocalCloud, workflow: Workflow) -> None:
    define(workflow, f"${{Bucket}} ${{ModelPackageGroup}} ${{Topic}} ${{{workflow.functions[0].name}}}")
    arn = install(cloud, [workflow])[workflow.name]

    bucket, group, topic, function = json.loads(installed(cloud, arn)["definition"])["States"]["Say"]["Output"].split()
    told = cloud.session.client("s3").get_bucket_notification_configuration(Bucket=bucket)
    assert "EventBridgeConfiguration" in told
    assert cloud.session.client("sagemaker").list_model_package_groups(NameContains=group)[
        "ModelPackageGroupSummaryList"
    ]
    assert topic in [each["TopicArn"] for each in cloud.session.client("sns").list_topics()["Topics"]]
    found = cloud.session.client("lambda").get_function_configuration(FunctionName=function)
    assert (found["Handler"], found["Timeout"]) == (HANDLER, 60)


def test_what_is_the_same_stays(cloud: LocalCloud, workflow: Workflow) -> None:
    define(workflow, "${Bucket}")
    arn = install(cloud, [workflow])[workflow.name]
    before = installed(cloud, arn)

    assert install_each(cloud, [workflow]) == []
    after = installed(cloud, arn)
    assert (after["revisionId"], after["creationDate"]) == (before["revisionId"], before["creationDate"])


def test_a_bucket_whose_maker_was_killed_tells_of_its_objects_all_the_same(cloud: LocalCloud) -> None:
    install(cloud, [])
    s3 = cloud.session.client("s3")
    s3.delete_bucket(Bucket=BUCKET)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    install(cloud, [])

    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=BUCKET)


def test_an_execution_that_runs_keeps_the_definition_it_was_started_with(cloud: LocalCloud, workflow: Workflow) -> None:
    client = cloud.session.client("stepfunctions")
    define(workflow, "before")
    arn = install(cloud, [workflow])[workflow.name]
    began = client.start_execution(stateMachineArn=arn)["executionArn"]
    define(workflow, "after")
    assert install(cloud, [workflow]) == {workflow.name: arn}

    own = client.describe_state_machine_for_execution(executionArn=began)["definition"]
    assert json.loads(own)["States"]["Say"]["Output"] == "before"
    later = client.start_execution(stateMachineArn=arn)["executionArn"]
    own = client.describe_state_machine_for_execution(executionArn=later)["definition"]
    assert json.loads(own)["States"]["Say"]["Output"] == "after"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "InvalidDefinition"),
        ('{"StartAt": "Nowhere", "States": {}}', "InvalidDefinition"),
        ('{"StartAt": "${Nobody}"}', r"w.asl.json: nothing is known for ${Nobody}"),
        (None, "w.asl.json: cannot be read"),
    ],
    ids=["no JSON", "refused", "unknown name", "no file"],
)
def test_a_bad_definition_leaves_the_last_good_one_and_the_others_are_installed(
    cloud: LocalCloud, workflow: Workflow, tmp_path: Path, text: str | None, why: str
) -> None:
    other = Workflow(f"{workflow.name}-other", tmp_path / "other.asl.json")
    define(workflow, "good")
    define(other, "good")
    arn = install(cloud, [workflow])[workflow.name]
    before = installed(cloud, arn)["definition"]
    workflow.definition.unlink()
    if text is not None:
        workflow.definition.write_text(text)

    (problem,) = install_each(cloud, [workflow, other])
    assert problem.startswith(f"{workflow.name}: was not installed, what was there before stays: ")
    assert why in problem
    assert installed(cloud, arn)["definition"] == before
    assert installed(cloud, f"{arn}-other")["name"] == other.name


def test_a_bad_function_is_told_too(cloud: LocalCloud, tmp_path: Path) -> None:
    workflow = Workflow("of-a-bad-function", tmp_path / "w.asl.json", (Function("bad", HANDLER, timeout_s=100_000),))
    define(workflow, "good")

    (problem,) = install_each(cloud, [workflow])
    assert "100000" in problem
    with pytest.raises(ClientError, match="State Machine Does Not Exist"):
        installed(cloud, "arn:aws:states:eu-central-1:000000000000:stateMachine:of-a-bad-function")


def test_an_engine_serves_also_where_a_definition_is_bad(
    workflow: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    workflow.definition.write_text('{"StartAt": "${Nobody}"}')
    monkeypatch.setattr(engine, "WORKFLOWS", (workflow,))
    told, stop = [], threading.Event()

    def ready(problems: Any) -> None:
        told.extend(problems)
        stop.set()

    engine.serve(engine.EngineOptions(tmp_path / "engine", workers=1), stop, ready)
    assert len(told) == 1
    assert f"{workflow.name}: was not installed" in caplog.text
