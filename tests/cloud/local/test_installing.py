"""Workflows are installed, updated, and left as they were where a definition is wrong."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloud_side.catalog.tables import DATABASE, SAMPLES, TAKEN
from cloud_side.local import engine
from cloud_side.local.installing import BUCKET, install, install_each
from cloud_side.local.opening import LocalCloud
from cloud_side.workflows import Function, Rule, Workflow
from tests.cloud.local.engines import opened

HANDLER = "tests.cloud.local.kill_handlers.handler"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with opened(tmp_path_factory.mktemp("installed") / "engine") as cloud, pytest.MonkeyPatch.context() as patch:
        patch.setattr(cloud.session, "client", cache(cloud.session.client))  # to make one takes longer than a test
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


def test_what_the_labeling_of_samples_needs_is_there(cloud: LocalCloud, workflow: Workflow) -> None:
    define(workflow, "${CatalogDatabase} ${WorkGroup} ${LabelStore} ${LabelingRole} ${Workteam}")
    arn = install(cloud, [workflow])[workflow.name]

    values = json.loads(installed(cloud, arn)["definition"])["States"]["Say"]["Output"].split()
    database, group, store, role, team = values
    assert (group, role.split(":")[2], team.split(":")[5][:23]) == ("primary", "iam", "workteam/private-crowd/")
    sagemaker = cloud.session.client("sagemaker")
    table = sagemaker.describe_feature_group(FeatureGroupName=store)["OfflineStoreConfig"]["DataCatalogConfig"]
    assert table["Database"] == "sagemaker_featurestore"
    found = cloud.session.client("glue").get_tables(DatabaseName=database)["TableList"]
    assert {each["Name"]: each["StorageDescriptor"]["Location"] for each in found} == {
        each.name: f"s3://{BUCKET}/{each.prefix}" for each in (SAMPLES, TAKEN)
    }


def test_tables_that_are_the_same_stay_and_others_are_brought_up_to_date(cloud: LocalCloud) -> None:
    install(cloud, [])
    glue = cloud.session.client("glue")
    glue.update_table(DatabaseName=DATABASE, TableInput={**SAMPLES.input(BUCKET), "Parameters": {"of": "before"}})
    before = {each["Name"]: each["VersionId"] for each in glue.get_tables(DatabaseName=DATABASE)["TableList"]}
    install(cloud, [])
    install(cloud, [])

    after = {each["Name"]: each for each in glue.get_tables(DatabaseName=DATABASE)["TableList"]}
    assert after[SAMPLES.name]["Parameters"] == SAMPLES.input(BUCKET)["Parameters"]
    assert int(after[SAMPLES.name]["VersionId"]) == int(before[SAMPLES.name]) + 1
    assert after[TAKEN.name]["VersionId"] == before[TAKEN.name]


def rules_of(cloud: LocalCloud, workflow: Workflow) -> dict[str, tuple[Any, Any]]:
    events = cloud.session.client("events")
    found = events.list_rules(NamePrefix=workflow.name)["Rules"]
    return {
        rule["Name"]: (
            rule.get("ScheduleExpression") or json.loads(rule["EventPattern"]),
            events.list_targets_by_rule(Rule=rule["Name"])["Targets"],
        )
        for rule in found
    }


def test_rules_begin_an_execution_or_call_a_function_and_go_with_the_version_that_had_them(
    cloud: LocalCloud, workflow: Workflow
) -> None:
    define(workflow, "${Bucket}")
    function = workflow.functions[0].name
    pattern = '{"source": ["aws.s3"], "detail": {"bucket": {"name": ["${Bucket}"]}}}'
    new, nightly = Rule(f"{workflow.name}-new", pattern, function=function), f"{workflow.name}-nightly"
    daily = Rule(nightly, schedule="cron(0 2 * * ? *)", input={"since_days": 1})
    workflow = replace(workflow, rules=(new, daily))
    own = f"{workflow.name}-own"
    cloud.session.client("events").put_rule(Name=own, ScheduleExpression="rate(1 day)", Description="not of it")
    install(cloud, [workflow])
    cloud.session.client("events").disable_rule(Name=nightly)
    arn = install(cloud, [workflow])[workflow.name]
    assert cloud.session.client("events").describe_rule(Name=nightly)["State"] == "DISABLED"

    (expected, (target,)), (schedule, (begun,)) = (rules_of(cloud, workflow)[name] for name in (new.name, nightly))
    assert expected == {"source": ["aws.s3"], "detail": {"bucket": {"name": [BUCKET]}}}
    assert target["Arn"].endswith(f":function:{function}")
    assert "Input" not in target
    assert (schedule, begun["Arn"], json.loads(begun["Input"])) == ("cron(0 2 * * ? *)", arn, {"since_days": 1})
    assert begun["RoleArn"]

    install(cloud, [replace(workflow, rules=(new,))])
    assert rules_of(cloud, workflow).keys() == {new.name, own}


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (Rule("r", "{", function=None), "Event pattern is not valid"),
        (Rule("r", '{"source": ["${Nobody}"]}'), "rule r: nothing is known for ${Nobody}"),
        (Rule("r"), "rule r: expected a pattern or a schedule, found None and None"),
        (Rule("r", schedule="rate(1 day)", function="other"), "rule r: expected a function among "),
    ],
    ids=["no pattern", "unknown name", "no reason", "unknown function"],
)
def test_a_rule_that_cannot_be_is_told(cloud: LocalCloud, workflow: Workflow, rule: Rule, why: str) -> None:
    define(workflow, "good")
    (problem,) = install_each(cloud, [replace(workflow, rules=(rule,))])
    assert why in problem


def test_of_a_workflow_whose_definition_is_bad_no_function_is_changed(cloud: LocalCloud, workflow: Workflow) -> None:
    define(workflow, "good")
    install(cloud, [workflow])
    slower = replace(workflow, functions=(replace(workflow.functions[0], timeout_s=90),))
    workflow.definition.write_text('{"StartAt": "Nowhere", "States": {}}')

    assert len(install_each(cloud, [slower])) == 1
    name = workflow.functions[0].name
    assert cloud.session.client("lambda").get_function_configuration(FunctionName=name)["Timeout"] == 60


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
