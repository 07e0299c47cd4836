"""The deployment unit: what each step of a rollout may do, and that a station may do what the examples say, no more."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cloud_side.deployment.planning import Plan
from cloud_side.deployment.workflow import NAME
from cloud_side.infrastructure.deployment_station import artifact_prefixes, station_policy
from edge_inspector.topics import CATALOGUE, Channel, TopicTree
from tests.cloud.infrastructure.conftest import Synthesized
from tests.cloud.infrastructure.policies import ACCOUNT, REGION, Role, Statement, roles, text

EXAMPLES = Path(__file__).parents[3] / "examples" / "greengrass"
STACK = "edge-inspector-dev-deployment"
INSTALLATION = "edge-inspector-dev"
BUCKET = f"arn:aws:s3:::{INSTALLATION}-{ACCOUNT}-{REGION}"
IOT = f"arn:aws:iot:{REGION}:{ACCOUNT}"
GREENGRASS = f"arn:aws:greengrass:{REGION}:{ACCOUNT}"
CANARY, OTHERS_CANARY = (f"{IOT}:thinggroup/{each}-canary" for each in (INSTALLATION, "edge-inspector-prod"))
DEPLOYING = {"deploy", "restore"}

Row = tuple[str, str, str]  # action, resource, condition


def example(name: str, *, topics: str = INSTALLATION) -> set[Row]:
    """Return what an example allows, with an installation's names in place of the guide's."""
    said = (EXAMPLES / name).read_text()
    filled = {
        "edge-inspector/*": f"{topics}/*",
        "EdgeInspectorRoleAlias": f"{INSTALLATION}-station",
        "edge-inspector-*": f"{INSTALLATION}-*",
        "arn:aws:s3:::COMPONENT_BUCKET": BUCKET,
        "arn:aws:s3:::SAMPLE_BUCKET": BUCKET,
        "REGION": REGION,
        "ACCOUNT": ACCOUNT,
    }
    for placeholder, value in filled.items():
        said = said.replace(placeholder, value)
    return rows(json.loads(said))


def rows(policy: Mapping[str, Any]) -> set[Row]:
    """Return a policy one action and resource a row, so that two of them can be compared."""
    return {
        (action, text(resource), json.dumps(statement.get("Condition", {}), sort_keys=True))
        for statement in policy["Statement"]
        for action in listed(statement["Action"])
        for resource in listed(statement.get("Resource", ""))
    }


def rows_of(statements: tuple[Statement, ...]) -> set[Row]:
    return {
        (action, resource, json.dumps(dict(each.conditions), sort_keys=True))
        for each in statements
        for action in each.actions
        for resource in each.resources
    }


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_the_policy_of_stations_is_that_of_the_guide_but_for_names() -> None:
    assert rows(station_policy(IOT, "edge-inspector", f"{INSTALLATION}-station")) == example(
        "iot-policy.json", topics="edge-inspector"
    )


def test_the_policy_of_stations_fits_in_what_aws_iot_takes_with_the_longest_names() -> None:
    longest = f"edge-inspector-{'x' * 24}-station"
    policy = station_policy(f"arn:aws:iot:ap-southeast-1:{ACCOUNT}", "x" * 32, longest)
    written = json.dumps(policy, separators=(",", ":"))
    assert len(written) <= 2048
    assert len(written.replace("${iot:Connection.Thing.ThingName}", "x" * 48)) <= 2048


def test_what_gdk_and_what_the_rollout_publish_is_where_stations_read() -> None:
    config = Path(__file__).parents[3] / "gdk-config.json"
    (inspector,) = json.loads(config.read_text())["component"]
    model = Plan().component
    assert set(artifact_prefixes()) == {
        *(f"{inspector}/*", f"{model}/*"),
        *(f"components/{inspector}/*", f"components/{model}/*"),
    }


@pytest.fixture(scope="module")
def by_step(synthesized: Synthesized) -> dict[str, Role]:
    described = f"What {NAME.replace('edge-inspector', INSTALLATION)}-"
    return {
        each.described.removeprefix(described).removesuffix(" may do"): each
        for each in roles(STACK, synthesized.templates[STACK])
        if each.described.startswith(described)
    }


@pytest.fixture(scope="module")
def station(synthesized: Synthesized) -> tuple[Role, Mapping[str, Any]]:
    """The role that stations take, and its template."""
    template = synthesized.templates[STACK]
    (role,) = [each for each in roles(STACK, template) if each.described.startswith("What stations may do")]
    return role, template["Resources"][role.name]["Properties"]


@pytest.mark.thorough
def test_the_certificates_of_stations_get_the_policy_with_the_topics_of_their_installation(
    synthesized: Synthesized,
) -> None:
    for installation, topics in ((INSTALLATION, INSTALLATION), ("edge-inspector-prod", "edge-inspector")):
        found = synthesized.resources(f"{installation}-deployment", "AWS::IoT::Policy").values()
        (policy,) = [each["Properties"]["PolicyDocument"] for each in found]
        wanted = {
            (
                action,
                resource.replace(INSTALLATION, installation, 1) if "rolealias" in resource else resource,
                condition,
            )
            for action, resource, condition in example("iot-policy.json", topics=topics)
        }
        assert rows(policy) == wanted


@pytest.mark.thorough
def test_a_station_of_one_installation_cannot_speak_as_one_of_another(synthesized: Synthesized) -> None:
    (found,) = synthesized.resources(STACK, "AWS::IoT::Policy").values()
    allowed = rows(found["Properties"]["PolicyDocument"])

    def may(action: str, resource: str) -> bool:
        patterns = [
            pattern.replace("${iot:Connection.Thing.ThingName}", "s-3") for did, pattern, _ in allowed if did == action
        ]
        return any(re.fullmatch(re.escape(each).replace(r"\*", ".*"), resource) for each in patterns)

    for channel in CATALOGUE:
        for root, station_name, is_its_own in (
            (INSTALLATION, "s-3", True),
            (INSTALLATION, "s-4", False),
            ("edge-inspector", "s-3", False),
        ):
            topic = TopicTree(root, "augsburg", "line-1", station_name, "top").topic(channel, name="self-test")
            assert may("iot:Publish", f"{IOT}:topic/{topic}") is is_its_own
    assert not may("iot:Receive", f"{IOT}:topic/{TopicTree(INSTALLATION, 'a', 'b', 's-3', 'c').topic(Channel.RESULT)}")


@pytest.mark.thorough
def test_the_role_of_stations_is_that_of_the_guide_but_for_one_bucket_and_its_key(
    station: tuple[Role, Mapping[str, Any]],
) -> None:
    role, _ = station
    found, guide = rows_of(role.statements), example("token-exchange-permissions.json")
    assert guide <= found
    below = {
        ("s3:GetObject", f"{BUCKET}/components/com.edgeinspector.{each}/*", "{}") for each in ("Inspector", "Model")
    }
    left = found - guide - below
    assert {action for action, _, _ in left} == {"kms:Decrypt", "kms:GenerateDataKey"}
    by_s3 = {"StringEquals": {"kms:ViaService": [f"s3.{REGION}.amazonaws.com"]}}
    assert {condition for _, _, condition in left} == {json.dumps(by_s3)}


@pytest.mark.thorough
def test_the_role_of_stations_is_for_one_alias_of_one_account(station: tuple[Role, Mapping[str, Any]]) -> None:
    _, properties = station
    found = json.loads(json.dumps(properties["AssumeRolePolicyDocument"]), object_hook=flat)
    said = json.loads((EXAMPLES / "token-exchange-trust.json").read_text())
    wanted = json.dumps(said).replace("EdgeInspectorRoleAlias", f"{INSTALLATION}-station")
    assert found == json.loads(wanted.replace("REGION", REGION).replace("ACCOUNT", ACCOUNT))


def flat(value: dict[str, Any]) -> Any:
    return text(value) if value.keys() & {"Ref", "Fn::Join"} else value


@pytest.mark.thorough
def test_who_publishes_may_do_what_the_guide_says_but_make_buckets_or_deploy_to_other_installations(
    synthesized: Synthesized,
) -> None:
    (found,) = synthesized.resources(STACK, "AWS::IAM::ManagedPolicy").values()
    allowed, guide = rows(found["Properties"]["PolicyDocument"]), example("publisher-permissions.json")
    left_out = {(action, resource) for action, resource, _ in guide} - {(did, on) for did, on, _ in allowed}
    # The bucket is there, and each right is on what the reference of its service knows for it alone.
    assert left_out == {
        ("s3:CreateBucket", BUCKET),
        *((f"greengrass:{verb}", f"{GREENGRASS}:coreDevices:*") for verb in ("GetDeployment", "CancelDeployment")),
        *(
            (f"greengrass:{verb}", f"{GREENGRASS}:deployments:*")
            for verb in ("GetCoreDevice", "ListEffectiveDeployments", "ListInstalledComponents")
        ),
        *((f"iot:{verb}", f"{IOT}:thinggroup/{INSTALLATION}-*") for verb in ("DescribeJob", "UpdateJob", "CancelJob")),
        ("iot:DescribeThingGroup", f"{IOT}:job/*"),
    }
    assert not {resource for action, resource, _ in allowed if "thinggroup" in resource} - {
        f"{IOT}:thinggroup/{INSTALLATION}-*"
    }


@pytest.mark.thorough
def test_no_step_of_a_rollout_may_touch_images_labels_or_another_installation(by_step: dict[str, Role]) -> None:
    assert len(by_step) == 10
    others = [f"arn:aws:s3:::edge-inspector-prod-{ACCOUNT}-{REGION}/deployment/current.json"]
    keys = [f"{BUCKET}/{key}" for key in ("samples/a.jpg", "labeling/batches/a/settings.json", "catalog/index/a")]
    for step, role in by_step.items():
        for resource in (*keys, *others):
            assert not [verb for verb in ("Get", "Put", "Delete") if role.may(f"s3:{verb}Object", resource)], step


@pytest.mark.thorough
def test_models_and_plans_are_read_and_never_written_by_a_rollout(by_step: dict[str, Role]) -> None:
    for step, role in by_step.items():
        for key in ("models/metal/1.0.0/model.tar.gz", "deployment/plan.json", "deployment/rollouts/r/wish.json"):
            assert not role.may("s3:PutObject", f"{BUCKET}/{key}"), step
            assert not role.may("s3:DeleteObject", f"{BUCKET}/{key}"), step
    assert by_step["build"].may("s3:GetObject", f"{BUCKET}/models/metal/1.0.0/model.tar.gz")
    assert by_step["begin"].may("s3:GetObject", f"{BUCKET}/deployment/plan.json")


@pytest.mark.thorough
def test_two_steps_deploy_and_to_groups_of_their_installation_alone(by_step: dict[str, Role]) -> None:
    deploying = {step for step, role in by_step.items() if role.may("greengrass:CreateDeployment", "*")}
    assert deploying == DEPLOYING
    for step in DEPLOYING:
        assert by_step[step].may("iot:CreateJob", CANARY)
        assert not by_step[step].may("iot:CreateJob", OTHERS_CANARY)
        assert not by_step[step].may("iot:CreateJob", f"{IOT}:thing/station-3")


@pytest.mark.thorough
def test_a_rollout_makes_versions_of_the_models_component_and_of_no_other(by_step: dict[str, Role]) -> None:
    model, inspector = (f"{GREENGRASS}:components:com.edgeinspector.{each}" for each in ("Model", "Inspector"))
    assert {step for step, role in by_step.items() if role.may("greengrass:CreateComponentVersion", model)} == {"build"}
    assert not by_step["build"].may("greengrass:CreateComponentVersion", inspector)
    assert by_step["look-component"].may("greengrass:DescribeComponent", f"{model}:versions:1.0.0")


@pytest.mark.thorough
def test_one_step_says_no_to_a_model_and_only_to_those_of_its_installation(by_step: dict[str, Role]) -> None:
    mine, others = (
        f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/edge-inspector-{each}/7" for each in ("dev", "prod")
    )
    assert {step for step, role in by_step.items() if role.may("sagemaker:UpdateModelPackage", mine)} == {"close"}
    assert not by_step["close"].may("sagemaker:UpdateModelPackage", others)
    assert not by_step["close"].may("sagemaker:DeleteModelPackage", mine)


@pytest.mark.thorough
def test_what_is_deleted_is_the_lock_alone(by_step: dict[str, Role]) -> None:
    deleted = {
        (step, resource)
        for step, role in by_step.items()
        for statement in role.statements
        if "s3:DeleteObject" in statement.actions
        for resource in statement.resources
    }
    assert deleted == {(step, f"{BUCKET}/deployment/current.json") for step in ("begin", "finish", "close")}


@pytest.mark.thorough
def test_the_groups_of_a_plans_defaults_are_there_and_outlive_the_stack(synthesized: Synthesized) -> None:
    found = synthesized.resources(STACK, "AWS::IoT::ThingGroup").values()
    names = {each["Properties"]["ThingGroupName"] for each in found}
    assert names == {group.replace("edge-inspector", INSTALLATION) for group in Plan().groups}
    for each in (*found, *synthesized.resources(STACK, "AWS::IoT::Policy").values()):
        assert each["DeletionPolicy"] == "RetainExceptOnCreate"


@pytest.mark.thorough
def test_people_hear_of_every_rollout_that_ends_badly(synthesized: Synthesized) -> None:
    alarms = [each["Properties"] for each in synthesized.resources(STACK, "AWS::CloudWatch::Alarm").values()]
    assert {each["MetricName"] for each in alarms} == {"ExecutionsFailed", "ExecutionsAborted", "ExecutionsTimedOut"}
    assert all(each["AlarmActions"] for each in alarms)
    (published,) = [each for name, each in parameters(synthesized) if name == f"/{INSTALLATION}/rollout-alarms"]
    assert set(published.split(",")) == {each["AlarmName"] for each in alarms}


@pytest.mark.thorough
def test_a_package_has_room_three_times_where_its_component_is_built(synthesized: Synthesized) -> None:
    sizes = {
        each["Properties"]["FunctionName"]: each["Properties"]["EphemeralStorage"]["Size"]
        for each in synthesized.resources(STACK, "AWS::Lambda::Function").values()
    }
    assert {name for name, size in sizes.items() if size == 2048} == {f"{INSTALLATION}-rollout-build"}


def parameters(synthesized: Synthesized) -> Iterator[tuple[str, str]]:
    for each in synthesized.resources(STACK, "AWS::SSM::Parameter").values():
        yield each["Properties"]["Name"], text(each["Properties"]["Value"])
