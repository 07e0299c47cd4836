"""The requests of a rollout, as golden files: they hold against botocore's shapes of them, and the recipe's linter."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cloud_side.deployment.building import Built, build_component, component_arn, filled, publish
from cloud_side.deployment.components import (
    deployment_name,
    deployment_request,
    is_ours,
    next_version,
    restoring_name,
    restoring_request,
    version_request,
)
from cloud_side.deployment.planning import Plan
from cloud_side.deployment.records import Before, Model, Record, Wave
from component import lint_recipe
from edge_inspector.errors import ConfigError
from tests.cloud.deployment.site import Site
from tests.cloud.golden import assert_golden
from tests.onnx_models import write_package

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ARN = "arn:aws:iot:eu-central-1:000000000000:thinggroup/{}"
INSPECTOR, MODEL = "com.edgeinspector.Inspector", "com.edgeinspector.Model"
POLICIES = {
    "failureHandlingPolicy": "DO_NOTHING",
    "componentUpdatePolicy": {"timeoutInSeconds": 30, "action": "SKIP_NOTIFY_COMPONENTS"},
}
BEFORE = Before(
    deployment_id="old",
    name="inspector 3.1.0",
    components={
        INSPECTOR: {"componentVersion": "3.1.0", "configurationUpdate": {"merge": '{"a":1}', "reset": ["/b"]}},
        MODEL: {"componentVersion": "1.0.6", "runWith": {"posixUser": "inspector"}},
    },
    policies=POLICIES,
)
RECORD = Record(
    id="rollout-1",
    execution="arn:aws:states:eu-central-1:000000000000:execution:edge-inspector-rollout:rollout-1",
    package="arn:aws:sagemaker:eu-central-1:000000000000:model-package/edge-inspector/7",
    by="ana",
    why="better",
    begun_at=AT,
    since=AT,
    plan=Plan(),
    model=Model(name="tags", version="1.2.0", sha256s=("aa",)),
    component_version="1.0.7",
    waves=tuple(Wave(group=group, target=ARN.format(group), before=BEFORE) for group in Plan().groups),
)


def latest(**changes: Any) -> Before:
    """Return what our own deployment made of the target."""
    components = {**BEFORE.components, MODEL: {**BEFORE.components[MODEL], "componentVersion": "1.0.7"}}
    made = BEFORE.model_copy(
        update={"deployment_id": "ours", "name": deployment_name("rollout-1", 0), "components": components}
    )
    return made.model_copy(update=changes)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("built")
    package = write_package(folder / "package", b"model 1.2.0", version="1.2.0")
    return build_component(package, MODEL, folder / "build")


def test_the_components_version_is_asked_for_as_aws_takes_it(built: Built) -> None:
    recipe = filled(built, "edge-inspector", "1.0.7")
    request = version_request(recipe, "content")
    told = {**request, "inlineRecipe": request["inlineRecipe"].decode(), "clientToken": "token"}
    assert_golden("rollout.create_component_version", told, "greengrassv2", "CreateComponentVersion")
    assert len(request["clientToken"]) == 64
    assert version_request(recipe, "content") == request


def test_the_recipe_passes_the_linter_of_components(
    built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(filled(built, "edge-inspector", "1.0.7"))
    assert lint_recipe.main([str(path)]) == 0, capsys.readouterr().out
    uris = [each["Uri"] for manifest in json.loads(path.read_text())["Manifests"] for each in manifest["Artifacts"]]
    assert set(uris) == {f"s3://edge-inspector/components/{MODEL}/1.0.7/{name}" for name in ("install.sh", "model.tar")}


def test_a_recipe_that_breaks_a_rule_is_not_published(built: Built) -> None:
    recipe = built.recipe.replace('"runtime": "*"', '"runtime": "aws_nucleus_classic"')
    with pytest.raises(ConfigError, match=r"recipe of com\.edgeinspector\.Model: "):
        filled(Built(built.name, built.artifacts, recipe, built.content), "edge-inspector", "1.0.7")


def test_the_same_package_is_the_same_content_and_another_one_is_not(built: Built, tmp_path: Path) -> None:
    same = write_package(tmp_path / "same", b"model 1.2.0", version="1.2.0")
    other = write_package(tmp_path / "other", b"model 1.3.0", version="1.2.0")
    assert build_component(same, MODEL, tmp_path / "a").content == built.content
    assert build_component(other, MODEL, tmp_path / "b").content != built.content


def test_a_package_that_is_not_whole_makes_no_component(tmp_path: Path) -> None:
    package = write_package(tmp_path / "package", b"model")
    (package / "model.onnx").write_bytes(b"other")
    with pytest.raises(ConfigError, match=r"the component cannot be built: .*expected sha256"):
        build_component(package, MODEL, tmp_path / "build")
    with pytest.raises(ConfigError, match=r"component: expected com\.example\.Other, found com\.edgeinspector\.Model"):
        build_component(write_package(tmp_path / "p2", b"m"), "com.example.Other", tmp_path / "build")


@pytest.mark.parametrize(("place", "name"), [(0, "canary"), (1, "wave")])
def test_a_wave_is_deployed_as_aws_takes_it(place: int, name: str) -> None:
    request = deployment_request(RECORD, place, BEFORE)
    assert_golden(f"rollout.create_deployment.{name}", request, "greengrassv2", "CreateDeployment")


def test_what_was_there_is_brought_back_exactly_at_the_plans_rate_and_nothing_stops_it() -> None:
    record, place = RECORD.with_wave(1, deployment_id="ours"), 1
    request = restoring_request(record, place, latest())
    assert request is not None
    assert (request["components"], request["deploymentPolicies"]) == (BEFORE.components, BEFORE.policies)
    there = deployment_request(record, place, BEFORE)["iotJobConfiguration"]
    assert request["iotJobConfiguration"] == {key: there[key] for key in there if key != "abortConfig"}
    assert request["deploymentName"] == restoring_name("rollout-1", place)
    assert_golden("rollout.create_deployment.restore", request, "greengrassv2", "CreateDeployment")


def revised(**changes: Any) -> Before:
    """Return a revision that somebody else made of what was there, with another inspector."""
    inspector = {"componentVersion": "3.2.0"}
    return latest(**{"deployment_id": "theirs", "components": {**latest().components, INSPECTOR: inspector}, **changes})


@pytest.mark.parametrize("name", ["inspector 3.2.0", deployment_name("rollout-1", 0)])
@pytest.mark.parametrize("known", ["ours", None])
def test_what_somebody_else_deployed_meanwhile_stays_whatever_its_name_and_the_model_goes_back(
    known: str | None, name: str
) -> None:
    record, inspector = RECORD.with_wave(0, deployment_id=known), {"componentVersion": "3.2.0"}
    request = restoring_request(record, 0, revised(name=name))
    assert request is not None
    assert request["components"] == {INSPECTOR: inspector, MODEL: BEFORE.components[MODEL]}
    request = restoring_request(record.with_wave(0, before=None), 0, revised(name=name))
    assert request is not None
    assert request["components"] == {INSPECTOR: inspector}


def test_a_deployment_whose_id_could_not_be_written_down_is_known_by_its_name_and_components() -> None:
    assert is_ours(RECORD, 0, latest())
    assert not is_ours(RECORD, 0, latest(name="by hand"))
    assert not is_ours(RECORD, 0, revised())
    assert not is_ours(RECORD.with_wave(0, deployment_id="other"), 0, latest())
    back = RECORD.model_copy(update={"id": "rollback-1", "rollback_of": "rollout-1"})
    assert is_ours(back, 0, latest())


@pytest.mark.parametrize("told", [BEFORE, None])
def test_a_target_whose_deployment_is_told_late_gets_what_it_had_all_the_same(told: Before | None) -> None:
    request = restoring_request(RECORD.with_wave(0, deployment_id="ours"), 0, told)
    assert request is not None
    assert request["components"] == BEFORE.components


def test_a_way_back_that_was_stopped_can_be_gone_again() -> None:
    stopped = BEFORE.model_copy(update={"deployment_id": "stopped", "name": restoring_name("rollout-1", 0)})
    record = RECORD.with_wave(0, deployment_id="ours", restoring_id="stopped")
    again = restoring_request(record.model_copy(update={"id": "rollback-1", "rollback_of": "rollout-1"}), 0, stopped)
    assert again is not None
    assert again["components"] == BEFORE.components
    assert again["deploymentName"] == restoring_name("rollback-1", 0)


def test_where_the_model_was_before_or_has_gone_by_itself_nothing_is_brought_back() -> None:
    assert restoring_request(RECORD.with_wave(0, before=latest()), 0, latest()) is None
    gone = latest(deployment_id="theirs", components={})
    assert restoring_request(RECORD.with_wave(0, deployment_id="ours"), 0, gone) is None


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ([], "1.0.0"),
        (["1.0.9", "1.0.10", "1.0.2"], "1.0.11"),
        (["2.0.0", "1.9.9"], "2.0.1"),
        (["1.0.0-beta", "NEXT_PATCH"], "1.0.1"),
    ],
)
def test_the_next_version_is_above_all_that_were_ever_used(versions: list[str], expected: str) -> None:
    assert next_version(versions) == expected


def test_a_component_is_looked_for_where_the_execution_is() -> None:
    arn = component_arn("arn:aws-cn:states:cn-north-1:123456789012:execution:m:x", MODEL)
    assert arn == f"arn:aws-cn:greengrass:cn-north-1:123456789012:components:{MODEL}"


def test_a_version_that_was_deleted_is_not_given_to_another_content(site: Site, built: Built, tmp_path: Path) -> None:
    other = build_component(write_package(tmp_path / "other", b"model 1.3.0"), MODEL, tmp_path / "build")
    arn = component_arn("arn:aws:states:eu-central-1:000000000000:execution:m:x", MODEL)
    greengrass = site.client("greengrassv2")
    made = publish(greengrass, site.bucket, built, arn)
    assert publish(greengrass, site.bucket, built, arn) == made
    site.settle()
    greengrass.delete_component(arn=made.arn)
    assert publish(greengrass, site.bucket, other, arn).version == "1.0.1"
    assert publish(greengrass, site.bucket, built, arn).version == "1.0.0"
