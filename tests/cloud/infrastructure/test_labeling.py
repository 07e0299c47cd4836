"""The labeling unit: labels are kept, each function may do its work alone, and Ground Truth is there if asked for."""

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from cloud_side.catalog.store import feature_group_request
from cloud_side.infrastructure.environments import Environment
from cloud_side.infrastructure.node import choose_node
from cloud_side.infrastructure.packages import Packages
from cloud_side.labeling.workflow import LABELING
from edge_inspector.errors import ConfigError
from tests.cloud.infrastructure.conftest import Synthesized, Template
from tests.cloud.infrastructure.policies import ACCOUNT, Role, roles

pytestmark = pytest.mark.thorough

STACK = "edge-inspector-prod-labeling"
TEAM = f"arn:aws:sagemaker:eu-central-1:{ACCOUNT}:workteam/private-crowd/inspectors"
BUCKET = f"arn:aws:s3:::edge-inspector-{{}}-{ACCOUNT}-eu-central-1"
ORDER = "labeling/open/first.1.label.json"
GROUND_TRUTH = "Shows images to the work team"
FUNCTIONS = [each.name.replace("edge-inspector", "edge-inspector-prod") for each in LABELING.functions]


@pytest.fixture(scope="module")
def by_description(synthesized: Synthesized) -> dict[str, Role]:
    return {each.described: each for each in roles(STACK, synthesized.templates[STACK])}


@pytest.fixture(scope="module")
def with_team(tmp_path_factory: pytest.TempPathFactory, packages: Packages) -> Template:
    return labeling_of(Environment(name="crowd", workteam_arn=TEAM), tmp_path_factory.mktemp("crowd"), packages)


def labeling_of(environment: Environment, out: Path, packages: Packages) -> Template:
    """Return the template of an installation's labeling; cdk-nag judges it."""
    choose_node()
    from cloud_side.infrastructure.app import build  # noqa: PLC0415 - once its Node.js is chosen

    build([environment], packages, out).synth()
    (path,) = out.glob("assembly-*/*labeling*.template.json")
    template: Template = json.loads(path.read_text())
    return template


def only(template: Template, kind: str) -> dict[str, Any]:
    (found,) = [each for each in template["Resources"].values() if each["Type"] == kind]
    return dict(found)


def substitutions(template: Template) -> Mapping[str, Any]:
    values: Mapping[str, Any] = only(template, "AWS::StepFunctions::StateMachine")["Properties"][
        "DefinitionSubstitutions"
    ]
    return values


def test_the_label_store_is_that_of_the_local_engine_encrypted_by_the_installations_key_and_kept(
    synthesized: Synthesized,
) -> None:
    store = only(synthesized.templates[STACK], "AWS::SageMaker::FeatureGroup")
    assert (store["DeletionPolicy"], store["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    found = deepcopy(store["Properties"])
    key = found["OnlineStoreConfig"].pop("SecurityConfig")["KmsKeyId"]
    assert "edge-inspector-prod-catalog" in key["Fn::ImportValue"]
    assert found["OfflineStoreConfig"]["S3StorageConfig"].pop("KmsKeyId") == key
    asked = feature_group_request("edge-inspector-prod-labels", "-", "-")
    asked["OfflineStoreConfig"]["S3StorageConfig"]["S3Uri"] = found["OfflineStoreConfig"]["S3StorageConfig"]["S3Uri"]
    assert found == {**asked, "RoleArn": found["RoleArn"]}


def test_each_function_has_a_role_of_its_own(synthesized: Synthesized) -> None:
    functions = synthesized.resources(STACK, "AWS::Lambda::Function").values()
    taken = [each["Properties"]["Role"]["Fn::GetAtt"][0] for each in functions]
    assert len(taken) == len(set(taken)) == len(LABELING.functions)


@pytest.mark.parametrize("action", ["s3:PutObject", "s3:DeleteObject"])
@pytest.mark.parametrize("key", ["samples/site=a/line=b/station=c/dt=2026-03-01/x-0.jpg", "datasets/1/header.json"])
def test_nobody_who_labels_may_change_or_delete_a_sample_or_a_dataset(
    by_description: dict[str, Role], action: str, key: str
) -> None:
    assert not [name for name, role in by_description.items() if role.may(action, f"{BUCKET.format('prod')}/{key}")]


def test_who_opens_and_shuts_orders_and_the_page_alone_read_the_tokens_in_them(by_description: dict[str, Role]) -> None:
    readers = {
        name for name, role in by_description.items() if role.may("s3:GetObject", f"{BUCKET.format('prod')}/{ORDER}")
    }
    steps = {f"What edge-inspector-prod-labeling-{step} may do" for step in ("open", "shut")}
    assert readers == {*steps, "What the labeling page may do"}


def test_one_function_alone_puts_labels_into_the_store_and_that_of_no_other_installation(
    by_description: dict[str, Role],
) -> None:
    store = f"arn:aws:sagemaker:eu-central-1:{ACCOUNT}:feature-group/edge-inspector-{{}}-labels"
    writers = [name for name, role in by_description.items() if role.may("sagemaker:PutRecord", store.format("prod"))]
    assert writers == ["What edge-inspector-prod-labeling-store may do"]
    assert not by_description[writers[0]].may("sagemaker:PutRecord", store.format("dev"))


def test_what_selects_reads_two_tables_within_a_limit_and_writes_below_its_batch(
    synthesized: Synthesized, by_description: dict[str, Role]
) -> None:
    machine, bucket = by_description["What edge-inspector-prod-labeling may do"], BUCKET.format("prod")
    glue = f"arn:aws:glue:eu-central-1:{ACCOUNT}"
    assert machine.may("glue:GetTable", f"{glue}:table/edge_inspector_prod/samples")
    assert not machine.may("glue:GetTable", f"{glue}:table/edge_inspector_dev/samples")
    assert machine.may("s3:PutObject", f"{bucket}/labeling/batches/first/query/1.csv")
    assert not machine.may("s3:PutObject", f"{bucket}/catalog/taken/00000001.jsonl")
    settings = only(synthesized.templates[STACK], "AWS::Athena::WorkGroup")["Properties"]["WorkGroupConfiguration"]
    assert settings["BytesScannedCutoffPerQuery"] <= 10**12
    assert settings["ResultConfiguration"]["EncryptionConfiguration"]["EncryptionOption"] == "SSE_KMS"
    assert substitutions(synthesized.templates[STACK])["WorkGroup"] == "edge-inspector-prod"


def test_the_children_of_a_map_are_executions_of_the_same_machine(by_description: dict[str, Role]) -> None:
    machine, states = (
        by_description["What edge-inspector-prod-labeling may do"],
        f"arn:aws:states:eu-central-1:{ACCOUNT}",
    )
    assert machine.may("states:StartExecution", f"{states}:stateMachine:edge-inspector-prod-labeling")
    assert not machine.may("states:StartExecution", f"{states}:stateMachine:edge-inspector-prod-retrain")
    for execution in ("edge-inspector-prod-labeling:first", "edge-inspector-prod-labeling/index:0a1b:0c2d"):
        assert machine.may("states:StopExecution", f"{states}:execution:{execution}")


def test_sidecars_that_come_are_announced(synthesized: Synthesized) -> None:
    rule = only(synthesized.templates[STACK], "AWS::Events::Rule")["Properties"]
    assert rule["EventPattern"]["detail"]["object"] == {"key": [{"suffix": ".json"}]}
    assert rule["EventPattern"]["detail-type"] == ["Object Created"]
    assert rule["Name"] == "edge-inspector-prod-labeling-notice"


def test_without_a_work_team_nobody_may_have_labeling_jobs_and_who_asks_for_them_is_told(
    synthesized: Synthesized, by_description: dict[str, Role]
) -> None:
    job = f"arn:aws:sagemaker:eu-central-1:{ACCOUNT}:labeling-job/first"
    verbs = ("Create", "Describe", "Stop")
    assert not [
        name for name, role in by_description.items() for verb in verbs if role.may(f"sagemaker:{verb}LabelingJob", job)
    ]
    assert GROUND_TRUTH not in by_description
    values = substitutions(synthesized.templates[STACK])
    assert ":workteam/" not in values["Workteam"]  # what the first step looks at
    assert values["LabelingRole"] == values["Workteam"]


def test_the_machine_may_make_the_rule_of_labeling_jobs_in_any_case_as_its_definition_has_them(
    by_description: dict[str, Role],
) -> None:
    rule = f"arn:aws:events:eu-central-1:{ACCOUNT}:rule/StepFunctionsGetEventsForSageMakerLabelingJobsRule"
    machine = by_description["What edge-inspector-prod-labeling may do"]
    assert all(machine.may(f"events:{verb}", rule) for verb in ("PutRule", "PutTargets", "DescribeRule"))


def test_with_a_work_team_the_machine_has_jobs_run_by_one_role_for_sagemaker_alone(with_team: Template) -> None:
    found = {each.described: each for each in roles("labeling", with_team)}
    machine, values = found["What edge-inspector-crowd-labeling may do"], substitutions(with_team)
    job = f"arn:aws:sagemaker:eu-central-1:{ACCOUNT}:labeling-job/first"
    assert values["Workteam"] == TEAM
    assert machine.may("sagemaker:CreateLabelingJob", job)
    (passing,) = [each for each in machine.statements if "iam:PassRole" in each.actions]
    assert list(passing.resources) == [f"<{values['LabelingRole']['Fn::GetAtt'][0]}.Arn>"]
    assert passing.conditions == {"StringEquals": {"iam:PassedToService": ("sagemaker.amazonaws.com",)}}
    stops = {name for name, role in found.items() if role.may("sagemaker:StopLabelingJob", job)}
    assert stops == {f"What edge-inspector-crowd-labeling{step} may do" for step in ("", "-request", "-end")}


def test_ground_truth_reads_samples_and_writes_beside_its_manifest_and_knows_no_token(with_team: Template) -> None:
    (role,) = [each for each in roles("labeling", with_team) if each.described == GROUND_TRUTH]
    bucket, work = BUCKET.format("crowd"), "labeling/batches/first/round-1/label"
    assert role.may("s3:GetObject", f"{bucket}/samples/site=a/line=b/station=c/dt=2026-03-01/x-0.jpg")
    assert role.may("s3:PutObject", f"{bucket}/{work}/ground-truth/output/job/manifests/output/output.manifest")
    assert not role.may("s3:PutObject", f"{bucket}/{work}/input.manifest")
    assert not role.may("s3:GetObject", f"{bucket}/{ORDER}")
    assert not [each for each in role.statements if any(action.startswith("states:") for action in each.actions)]


def test_a_work_team_where_ground_truth_is_not_is_a_mistake(tmp_path: Path, packages: Packages) -> None:
    team = TEAM.replace("eu-central-1", "eu-north-1")
    with pytest.raises(ConfigError, match="expected a region that has Ground Truth"):
        labeling_of(Environment(name="north", region="eu-north-1", workteam_arn=team), tmp_path, packages)
