import json
import subprocess
from typing import Any

import pytest

from component.build import ROOT
from component.model.build import PROJECT
from component.recipe import Component, fill_recipe, read_component
from component.rules import findings
from edge_inspector import __version__
from edge_inspector.settings import GreengrassSettings, Settings, parse
from edge_inspector.topics import Channel, TopicTree
from tests.nucleus.configuration import ConfigurationTree
from tests.nucleus.topics import covers

RECIPES = sorted((ROOT / "recipes").glob("*.json"))
INSPECTOR = json.loads((ROOT / "recipe.json").read_text(encoding="utf-8"))
DEFAULTS: dict[str, Any] = INSPECTOR["ComponentConfiguration"]["DefaultConfiguration"]
CONFIGURATION = {key: value for key, value in DEFAULTS.items() if key != "accessControl"}
THING = "press-7"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_passes_our_linter(path: Any) -> None:
    assert findings(path.read_text(encoding="utf-8")) == []


def test_each_project_has_its_recipe_where_gdk_looks_for_it() -> None:
    for project in (ROOT, PROJECT):
        component = read_component(project)
        recipe = project / "recipe.json"
        assert recipe.is_symlink()
        assert recipe.resolve() == ROOT / "recipes" / f"{component.name}.json"
        assert json.loads(recipe.read_text(encoding="utf-8"))["ComponentName"] == component.name


@pytest.mark.parametrize("project", [ROOT, PROJECT], ids=["inspector", "model"])
def test_gdk_runs_a_build_that_is_there(project: Any) -> None:
    ((_, settings),) = json.loads((project / "gdk-config.json").read_text())["component"].items()
    assert settings["build"]["build_system"] == "custom"
    command = [*settings["build"]["custom_build_command"], "--help"]
    told = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    assert told.stdout.startswith("usage: python -m component.")


def test_the_component_has_the_version_of_the_package() -> None:
    assert read_component(ROOT).version == __version__


def test_a_filled_recipe_names_the_component_and_has_the_manifests_that_were_built() -> None:
    component = Component("com.example.Part", "NEXT_PATCH", "Someone")
    text = fill_recipe(json.dumps(INSPECTOR), component, built=["install.sh", "edge-inspector-linux-aarch64.zip"])
    recipe = json.loads(text)
    assert [recipe[f"Component{key}"] for key in ("Name", "Version", "Publisher")] == [
        "com.example.Part", "NEXT_PATCH", "Someone",
    ]  # fmt: skip
    assert [manifest["Platform"]["architecture"] for manifest in recipe["Manifests"]] == ["aarch64"]


def test_every_key_of_the_recipe_is_a_setting_with_its_built_in_value() -> None:
    assert parse(CONFIGURATION) == Settings()


def test_a_key_of_the_recipe_is_told_as_the_settings_themselves_tell_it() -> None:
    assert json.dumps(_of_the_same_keys(Settings().model_dump(mode="json"), CONFIGURATION)) == json.dumps(CONFIGURATION)


def _of_the_same_keys(value: Any, keys: object) -> Any:
    return {key: _of_the_same_keys(value[key], each) for key, each in keys.items()} if isinstance(keys, dict) else value


@pytest.mark.parametrize(
    "merged",
    [
        {"source": {"type": "usb", "device": "/dev/video0"}},
        {"source": {"type": "network", "url": "rtsp://camera/stream"}},
        {"source": {"type": "picamera"}},
        {"source": {"type": "directory", "path": "/srv/images"}},
        {"samples": {"upload": {"target": {"type": "s3", "bucket": "my-samples", "region": "eu-central-1"}}}},
        {"mqtt": {"host": "broker"}},
    ],
    ids=lambda merged: json.dumps(merged)[:50],
)
def test_what_a_deployment_merges_stands_in_no_conflict_with_a_default(merged: dict[str, Any]) -> None:
    tree = ConfigurationTree(CONFIGURATION)
    tree.change(merged, reset=(), to_default=True)
    assert parse(tree.get()) == parse(merged)


def _granted(service: str) -> tuple[set[str], list[str]]:
    (policy,) = DEFAULTS["accessControl"][service].values()
    resources = [resource.replace("{iot:thingName}", THING) for resource in policy["resources"]]
    return {operation.removeprefix("aws.greengrass#") for operation in policy["operations"]}, resources


def _topics(station: str) -> list[str]:
    tree = TopicTree("edge-inspector", "hall", "line-1", station, "top")
    return [*(tree.topic(channel, name="no-camera") for channel in Channel), tree.commands]


def test_the_grants_cover_the_catalogue_and_the_commands_on_the_device_and_in_the_cloud() -> None:
    assert Settings().station.topic_prefix == "edge-inspector"
    operations, (local,) = _granted("aws.greengrass.ipc.pubsub")
    assert operations == {"PublishToTopic", "SubscribeToTopic"}
    assert all(covers(local, topic, is_mqtt=False) for topic in _topics(THING))
    operations, (cloud,) = _granted("aws.greengrass.ipc.mqttproxy")
    assert operations == {"PublishToIoTCore", "SubscribeToIoTCore"}
    assert all(covers(cloud, topic, is_mqtt=True) for topic in _topics(THING))


def test_no_station_is_granted_the_topics_of_another_in_the_cloud() -> None:
    _, (cloud,) = _granted("aws.greengrass.ipc.mqttproxy")
    assert not any(covers(cloud, topic, is_mqtt=True) for topic in _topics("another"))
    assert set(DEFAULTS["accessControl"]) == {"aws.greengrass.ipc.pubsub", "aws.greengrass.ipc.mqttproxy"}


def test_the_grants_are_those_of_the_contract() -> None:
    resources = [_policy["resources"] for each in DEFAULTS["accessControl"].values() for _policy in each.values()]
    assert resources == [["edge-inspector/*"], ["edge-inspector/+/+/{iot:thingName}/#"]]
    assert set(GreengrassSettings().iot_core) < set(GreengrassSettings().local)


def test_the_inspector_is_a_component_of_the_station_and_the_model_one_that_may_be_absent() -> None:
    assert "station" not in CONFIGURATION["station"], "the station is the thing"
    assert INSPECTOR["ComponentDependencies"]["com.edgeinspector.Model"]["DependencyType"] == "SOFT"
    assert "aws.greengrass.TokenExchangeService" in INSPECTOR["ComponentDependencies"]
