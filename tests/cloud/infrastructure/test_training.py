"""The training unit: what is learned is kept, jobs may do their work alone, and no model is approved by itself."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cloud_side.infrastructure.environments import read_environments
from cloud_side.training.hyperparameters import Hyperparameters
from cloud_side.training.pipeline.definition import NAME as PIPELINE
from cloud_side.training.pipeline.definition import definition
from cloud_side.training.registry.keeping import ARCHIVE, folder_of
from cloud_side.training.triggers.records import record_key
from cloud_side.training.workflow import NAME, RETRAIN
from tests.cloud.infrastructure.conftest import Synthesized
from tests.cloud.infrastructure.policies import ACCOUNT, REGION, Role, roles, text

pytestmark = pytest.mark.thorough

INSTALLATION = "edge-inspector-prod"
STACK = f"{INSTALLATION}-training"
BUCKET = f"arn:aws:s3:::{INSTALLATION}-{ACCOUNT}-{REGION}"
SAGEMAKER = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
PACKAGE = f"{SAGEMAKER}:model-package/{INSTALLATION}/7"
JOBS = f"What the jobs of {INSTALLATION}-training may do"
RUNS = f"What the pipeline {INSTALLATION}-training may do"
RECORD = record_key("parts", "f" * 64, "parts", Hyperparameters())
OTHERS = (
    "samples/site=a/line=b/station=c/dt=2026-03-01/x-0.jpg",
    "events/alarm/x.json",
    "labeling/open/first.1.label.json",
    "label-store/x.parquet",
    "training/settings.json",
    RECORD,
    "components/com.edgeinspector.Model/1.0.0/x.zip",
)
STATUS = "sagemaker:ModelApprovalStatus"
PASSED_TO = "iam:PassedToService"


@pytest.fixture(scope="module")
def by_description(synthesized: Synthesized) -> dict[str, Role]:
    return {each.described: each for each in roles(STACK, synthesized.templates[STACK])}


def function(step: str) -> str:
    return f"What {INSTALLATION}-retrain-{step} may do"


def places(part: Any) -> Iterator[str]:
    """Yield the keys of all places of a run that a definition names, in run `abc`."""
    match part:
        case {"Std:Join": {"On": "/", "Values": ["s3:/", _, "training", _, *names]}}:
            yield "/".join(["training", "abc", *names])
        case dict():
            for each in part.values():
                yield from places(each)
        case list():
            for each in part:
                yield from places(each)


def test_models_and_the_container_that_made_them_stay_when_the_stack_goes(synthesized: Synthesized) -> None:
    for kind in ("AWS::SageMaker::ModelPackageGroup", "AWS::ECR::Repository"):
        (made,) = synthesized.resources(STACK, kind).values()
        assert (made["DeletionPolicy"], made["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    (group,) = synthesized.resources(STACK, "AWS::SageMaker::ModelPackageGroup").values()
    assert group["Properties"]["ModelPackageGroupName"] == INSTALLATION


def test_images_are_scanned_and_a_tag_never_says_another_one(synthesized: Synthesized) -> None:
    (made,) = synthesized.resources(STACK, "AWS::ECR::Repository").values()
    said = made["Properties"]
    assert said["RepositoryName"] == f"{INSTALLATION}-training"
    assert said["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert said["ImageTagMutability"] == "IMMUTABLE"
    (rule,) = json.loads(said["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert rule["selection"]["tagStatus"] == "untagged"


def test_jobs_run_in_the_installations_image_whose_tag_a_deployment_may_say(synthesized: Synthesized) -> None:
    environment = read_environments().named("prod")
    (pipeline,) = synthesized.resources(STACK, "AWS::SageMaker::Pipeline").values()
    _, values = pipeline["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"]["Fn::Sub"]
    assert text(values["TrainingImage"]).endswith(":<ImageTag>")
    assert values["TrainingInstance"] == environment.training_instance
    parameter = synthesized.templates[STACK]["Parameters"]["ImageTag"]
    assert parameter["Default"] == environment.training_image_tag
    assert pipeline["Properties"]["PipelineName"] == f"{INSTALLATION}-training"


@pytest.mark.parametrize("rule", RETRAIN.rules, ids=lambda each: each.name)
def test_a_run_begins_as_the_workflow_says(synthesized: Synthesized, rule: Any) -> None:
    name = rule.name.replace("edge-inspector", INSTALLATION)
    (found,) = [
        each["Properties"]
        for each in synthesized.resources(STACK, "AWS::Events::Rule").values()
        if each["Properties"]["Name"] == name
    ]
    assert found.get("ScheduleExpression") == rule.schedule
    (target,) = found["Targets"]
    assert target.get("Input") == (json.dumps(rule.input) if rule.input and rule.function is None else None)
    if rule.pattern is not None:
        asked = json.loads(rule.pattern)
        assert found["EventPattern"]["detail-type"] == asked["detail-type"]
        assert "${" not in json.dumps(found["EventPattern"]).replace("${AWS::", "")


def test_nobody_here_approves_a_model_and_what_jobs_register_waits_for_a_person(
    by_description: dict[str, Role],
) -> None:
    assert not [name for name, role in by_description.items() if role.may("sagemaker:UpdateModelPackage", PACKAGE)]
    create = "sagemaker:CreateModelPackage"
    waiting, approved = {STATUS: "PendingManualApproval"}, {STATUS: "Approved"}
    assert [name for name, role in by_description.items() if role.may(create, PACKAGE, waiting)] == [JOBS]
    assert not by_description[JOBS].may(create, PACKAGE, approved)
    assert not by_description[JOBS].may(create, PACKAGE)
    assert not by_description[JOBS].may(create, PACKAGE.replace("prod", "dev"), waiting)


def test_jobs_may_read_and_write_every_place_that_the_pipeline_names(by_description: dict[str, Role]) -> None:
    named = set(places(definition()))
    assert len(named) >= 10
    for place in named:
        for action in ("s3:GetObject", "s3:PutObject"):
            assert by_description[JOBS].may(action, f"{BUCKET}/{place}/x"), (action, place)
        assert by_description[JOBS].may("s3:ListBucket", BUCKET, {"s3:prefix": place}), place


def test_jobs_may_read_datasets_and_models_and_keep_a_model(by_description: dict[str, Role]) -> None:
    jobs, archive = by_description[JOBS], folder_of("parts", "1.0.0") + ARCHIVE
    assert jobs.may("s3:GetObject", f"{BUCKET}/datasets/images/ab/abcd.jpg")
    assert not jobs.may("s3:PutObject", f"{BUCKET}/datasets/images/ab/abcd.jpg")
    assert jobs.may("s3:GetObject", f"{BUCKET}/{archive}")
    assert jobs.may("s3:PutObject", f"{BUCKET}/{archive}")


@pytest.mark.parametrize("key", OTHERS)
def test_jobs_and_the_pipeline_see_nothing_else(by_description: dict[str, Role], key: str) -> None:
    for name in (JOBS, RUNS):
        for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
            assert not by_description[name].may(action, f"{BUCKET}/{key}")
        assert not by_description[name].may("s3:ListBucket", BUCKET, {"s3:prefix": key})
    assert not by_description[JOBS].may("s3:GetObject", f"{BUCKET.replace('prod', 'dev')}/datasets/a/b.json")


def test_nobody_who_trains_deletes_an_object(by_description: dict[str, Role]) -> None:
    for role in by_description.values():
        assert not [each for each in role.statements if "s3:DeleteObject" in each.actions]


def test_the_pipeline_gives_its_jobs_one_role_and_nobody_else_gives_any(by_description: dict[str, Role]) -> None:
    passes = {
        name: each
        for name, role in by_description.items()
        for each in role.statements
        if "iam:PassRole" in each.actions
    }
    assert passes.keys() == {RUNS}
    assert passes[RUNS].resources == (f"<{by_description[JOBS].name}.Arn>",)
    assert passes[RUNS].conditions == {"StringEquals": {PASSED_TO: ("sagemaker.amazonaws.com",)}}


def test_the_pipeline_begins_jobs_of_its_own_alone(by_description: dict[str, Role]) -> None:
    for kind in ("Training", "Processing"):
        job = f"{SAGEMAKER}:{kind.lower()}-job"
        assert by_description[RUNS].may(f"sagemaker:Create{kind}Job", f"{job}/pipelines-abc-Train-x")
        assert not by_description[RUNS].may(f"sagemaker:Create{kind}Job", f"{job}/theirs")
    assert by_description[RUNS].may("s3:GetObject", f"{BUCKET}/training/abc/gate/gate.json")
    assert not by_description[RUNS].may("s3:GetObject", f"{BUCKET}/training/abc/data/train/x.jpg")


def test_the_workflow_starts_its_own_pipeline_alone(by_description: dict[str, Role]) -> None:
    starts = "sagemaker:StartPipelineExecution"
    own = f"{SAGEMAKER}:pipeline/{PIPELINE.replace('edge-inspector', INSTALLATION)}"
    assert [name for name, role in by_description.items() if role.may(starts, own)] == [
        f"What {NAME.replace('edge-inspector', INSTALLATION)} may do"
    ]
    assert not [name for name, role in by_description.items() if role.may(starts, own.replace("prod", "dev"))]


def test_one_function_hears_alarms_and_tells_of_them(by_description: dict[str, Role]) -> None:
    bus = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
    assert [name for name, role in by_description.items() if role.may("events:PutEvents", bus)] == [function("hear")]
    hears = by_description[function("hear")]
    assert hears.may("s3:GetObject", f"{BUCKET}/events/alarm/x.json")
    assert hears.may("s3:PutObject", f"{BUCKET}/events/heard/x")
    assert not hears.may("s3:PutObject", f"{BUCKET}/events/alarm/x.json")
    assert not hears.may("s3:GetObject", f"{BUCKET}/events/result/x.json")


def test_records_of_runs_are_written_by_the_functions_around_the_pipeline(by_description: dict[str, Role]) -> None:
    writers = {name for name, role in by_description.items() if role.may("s3:PutObject", f"{BUCKET}/{RECORD}")}
    assert writers == {function(step) for step in ("take", "note", "result")}


def test_labels_are_read_from_the_installations_store_alone(by_description: dict[str, Role]) -> None:
    asks = "sagemaker:DescribeFeatureGroup"
    own = f"{SAGEMAKER}:feature-group/{INSTALLATION}-labels"
    assert {name for name, role in by_description.items() if role.may(asks, own)} == {
        function("decide"),
        function("version"),
    }
    decides = by_description[function("decide")]
    assert not decides.may(asks, own.replace("prod", "dev"))
    table = f"arn:aws:glue:{REGION}:{ACCOUNT}:table/sagemaker_featurestore"
    assert decides.may("glue:GetTable", f"{table}/edge_inspector_prod_labels_1700000000")
    assert not decides.may("glue:GetTable", f"{table}/edge_inspector_dev_labels_1700000000")


def test_the_pipeline_and_its_jobs_are_of_this_account_alone(synthesized: Synthesized) -> None:
    taken = [
        each["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        for each in synthesized.resources(STACK, "AWS::IAM::Role").values()
        if each["Properties"]["Description"] in {JOBS, RUNS}
    ]
    assert len(taken) == 2
    for (statement,) in taken:
        assert statement["Principal"] == {"Service": "sagemaker.amazonaws.com"}
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
