"""Each rule of a recipe, on a recipe that breaks it and nothing else."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from component.build import ROOT
from component.errors import BuildError
from component.lint_recipe import main
from component.recipe import empty_build_folder, read_component, write_recipe
from component.rules import LARGEST_BYTES, MOST_VALUES, findings, is_install_only

GOOD = json.loads((ROOT / "recipe.json").read_text(encoding="utf-8"))
ABSENT = object()
INSTALL, RUN = "Manifests.0.Lifecycle.install", "Manifests.0.Lifecycle.run"
DEFAULTS = "ComponentConfiguration.DefaultConfiguration"
LOCAL = f"{DEFAULTS}/accessControl/aws.greengrass.ipc.pubsub"
LOCAL_POLICY = f"{LOCAL}/com.edgeinspector.Inspector:pubsub:1"
CLOUD_POLICY = f"{DEFAULTS}/accessControl/aws.greengrass.ipc.mqttproxy/com.edgeinspector.Inspector:mqttproxy:1"
MODEL = "ComponentDependencies/com.edgeinspector.Model"
HARD = {"VersionRequirement": ">=2.0.0", "DependencyType": "HARD"}
SOFT = HARD | {"DependencyType": "SOFT"}


def changed(place: str, value: object) -> dict[str, Any]:
    """Return the good recipe with one value changed, added or taken out.

    Args:
        place: Keys with dots or, where keys have dots themselves, slashes in between.
        value: The value, or ABSENT.
    """
    recipe = copy.deepcopy(GOOD)
    head, _, tail = place.partition("/")
    *path, last = [*head.split("."), *(tail.split("/") if tail else ())]
    target: Any = recipe
    for key in path:
        target = target[int(key) if isinstance(target, list) else key]
    if value is ABSENT:
        del target[last]
    else:
        target[int(last) if isinstance(target, list) else last] = value
    return recipe


def renamed(place: str, name: str) -> dict[str, Any]:
    """Return the good recipe with one key called otherwise."""
    path, _, last = place.rpartition(".")
    recipe = copy.deepcopy(GOOD)
    target: Any = recipe
    for key in path.split(".") if path else ():
        target = target[int(key) if isinstance(target, list) else key]
    target[name] = target.pop(last)
    return recipe


def found(recipe: object, **known: Any) -> list[str]:
    return [str(finding) for finding in findings(json.dumps(recipe), **known)]


def test_the_recipe_that_the_others_are_made_from_is_good() -> None:
    assert found(GOOD) == []


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        # The document.
        ("RecipeFormatVersion", "2021-01-25", "RecipeFormatVersion: found '2021-01-25'; expected '2020-01-25'"),
        ("ComponentType", "aws.greengrass.plugin", "ComponentType: found 'aws.greengrass.plugin'; expected 'aws.green"),
        ("ComponentVersion", "1.2", "ComponentVersion: found '1.2'; expected a version"),
        ("Lifecycle", {}, "Lifecycle: found the key 'Lifecycle'; expected one of RecipeFormatVersion"),
        (f"{DEFAULTS}.flow", {"queue_size": "32"}, f"{DEFAULTS}.flow.queue_size: found the text '32'; expected a valu"),
        (f"{DEFAULTS}.flow", {"a": [{"b": "true"}]}, f"{DEFAULTS}.flow.a[0].b: found the text 'true'; expected a valu"),
        # Dependencies.
        (f"{MODEL}/DependencyType", "HARD", "expected 'SOFT': Lite refuses to start after an install-only one"),
        (f"{MODEL}/DependencyType", "Soft", "DependencyType: found 'Soft'; expected 'HARD' or 'SOFT'"),
        (f"{MODEL}/VersionRequirement", "1.x", "VersionRequirement: found '1.x'; expected comparisons"),
        (f"{MODEL}/VersionRequirement", ">=1.0.0, <2.0.0", "found '>=1.0.0, <2.0.0'; expected comparisons"),
        (f"{MODEL}/VersionRequirement", ABSENT, "VersionRequirement: found None; expected comparisons"),
        (f"{MODEL}/Version", ">=1.0.0", "found the key 'Version'; expected one of VersionRequirement"),
        ("ComponentDependencies/aws.greengrass.Nucleus", HARD, "'HARD'; expected 'SOFT': one recipe for both nuclei"),
        ("ComponentDependencies/aws.greengrass.SecretManager", SOFT, "found a component for the Java nucleus alone"),
        ("ComponentDependencies/aws.greengrass.ShadowManager", HARD, "found a component for the Java nucleus alone"),
        ("ComponentDependencies", [], "ComponentDependencies: found []; expected an object"),
        # Platforms.
        ("Manifests", [], "Manifests: found []; expected a list of manifests"),
        ("Manifests.0", "amd64", "Manifests[0]: found 'amd64'; expected an object"),
        ("Manifests.0.Platform.runtime", ABSENT, "found None; expected '*': without it Lite finds no lifecycle"),
        ("Manifests.0.Platform.runtime", "aws_nucleus_lite", "found 'aws_nucleus_lite'; expected '*'"),
        ("Manifests.0.Platform.os", "windows", "Manifests[0].Platform.os: found 'windows'; expected 'linux'"),
        ("Manifests.0.Platform.architecture", "x86_64", "found 'x86_64'; expected one of amd64, aarch64"),
        ("Manifests.0.Platform.architecture", "aarch64", "Manifests[1].Platform: found a platform of a manifest above"),
        ("Manifests.0.Platform.architecture", ABSENT, "Manifests[1].Platform: found a platform of a manifest above it"),
        ("Manifests.0.Selections", [], "found the key 'Selections'; expected one of Name, Platform"),
        # Phases.
        ("Manifests.0.Lifecycle", {}, "Manifests[0].Lifecycle: found no phase; expected install or run"),
        ("Manifests.0.Lifecycle.bootstrap", {"Script": "true"}, "found the phase 'bootstrap'; expected no bootstrap:"),
        ("Manifests.0.Lifecycle.startup", {"Script": "true"}, "found the phase 'startup'; expected run in its place"),
        ("Manifests.0.Lifecycle.shutdown", {"Script": "true"}, "found the phase 'shutdown'; expected a stop on SIGTER"),
        ("Manifests.0.Lifecycle.recover", {"Script": "true"}, "found the phase 'recover'; expected none: Lite ignores"),
        ("Manifests.0.Lifecycle.start", {"Script": "true"}, "found the key 'start'; expected one of install, run, Set"),
        ("Manifests.0.Lifecycle.Setenv", {"A": 1}, "Lifecycle.Setenv: found {'A': 1}; expected an object of texts"),
        (RUN, "exec sleep infinity", "Lifecycle.run: found 'exec sleep infinity'; expected an object with a Script"),
        (f"{RUN}.Setenv", ["A"], "Lifecycle.run.Setenv: found ['A']; expected an object of texts"),
        (f"{INSTALL}.Skipif", "exists /x", "install.Skipif: found a condition; expected none: Lite runs the script"),
        (f"{INSTALL}.RequiresPrivilege", True, "RequiresPrivilege: found True; expected false: nothing runs as root"),
        (f"{INSTALL}.RequiresPrivilege", "false", "RequiresPrivilege: found 'false'; expected false"),
        (f"{INSTALL}.Timeout", ABSENT, "Lifecycle.install: found no Timeout; expected one in seconds"),
        (f"{INSTALL}.Timeout", "900", "install.Timeout: found '900'; expected a whole number of seconds"),
        (f"{INSTALL}.Timeout", True, "install.Timeout: found True; expected a whole number of seconds"),
        # Scripts.
        (f"{INSTALL}.Script", "true\ntrue", "install.Script: found several lines; expected one line"),
        (f"{RUN}.Script", "{work:path}/venv/bin/python", "found '{work:path}/venv/bin/python'; expected 'exec ...'"),
        (f"{RUN}.Script", "exec ${HOME}/x", "found '{HOME}/x'; expected no brace but of a variable of the recipe"),
        (f"{RUN}.Script", "exec awk '{print}'", "found \"{print}'\"; expected no brace but of a variable of the recip"),
        (f"{RUN}.Script", "exec {dep:artifacts:path}/x", "found '{dep:artifacts:path}/x'; expected no variable of a d"),
        (f"{RUN}.Script", "exec x {dep:configuration:/x}", "found '{dep:configuration:/x}'; expected no variable of a"),
        (f"{RUN}.Script", "exec {artifacts:decompressedPath}/x", "expected '{artifacts:path}': Lite unpacks nothing"),
        (f"{RUN}.Script", "exec {work:path}venv/bin/python", "found {work:path} with a name after it; expected '/' in"),
        (f"{RUN}.Script", "exec x {configuration:/nothing}", "{configuration:/nothing}; expected a key of the Default"),
        (f"{RUN}.Script", "exec sh {artifacts:path}/x.sh", "found the file 'x.sh'; expected an artifact of its manife"),
        # Access.
        (f"{DEFAULTS}.accessControl", [], "accessControl: found []; expected an object"),
        (f"{DEFAULTS}/accessControl/aws.greengrass.pubsub", {}, "found the service 'aws.greengrass.pubsub'; expected"),
        (f"{LOCAL}/other:pubsub:1", {"operations": ["aws.greengrass#PublishToTopic"], "resources": ["a/*"]},
         "found the id 'other:pubsub:1'; expected 'com.edgeinspector.Inspector:service:1'"),
        (f"{DEFAULTS}/accessControl/aws.greengrass.ipc.mqttproxy/com.edgeinspector.Inspector:pubsub:1",
         {"operations": ["aws.greengrass#PublishToIoTCore"], "resources": ["a/#"]},
         "found an id that another policy has; expected an id that is unique on the device"),
        (LOCAL_POLICY, "*", "found '*'; expected an object"),
        (f"{LOCAL_POLICY}/operations", ["*"], "operations[0]: found '*'; expected one of aws.greengrass#PublishToTopi"),
        (f"{LOCAL_POLICY}/operations", ["aws.greengrass#PublishToIoTCore"], "operations[0]: found 'aws.greengrass#Pub"),
        (f"{LOCAL_POLICY}/resources", "edge-inspector/*", "resources: found 'edge-inspector/*'; expected a list of te"),
        (f"{LOCAL_POLICY}/resources", [], "resources: found []; expected a list of texts, not empty"),
        (f"{LOCAL_POLICY}/resources", ["*"], "resources[0]: found '*'; expected a resource that names a part of the t"),
        (f"{LOCAL_POLICY}/resources", ["a/+/b"], "resources[0]: found 'a/+/b'; expected a pattern with '*'"),
        (f"{LOCAL_POLICY}/Operations", [], "found the key 'Operations'; expected 'operations': Lite is case sensitive"),
        (f"{CLOUD_POLICY}/resources", ["a/#/b"], "resources[0]: found 'a/#/b'; expected '#' as the last level"),
        (f"{CLOUD_POLICY}/resources", ["a/b+/c"], "resources[0]: found 'a/b+/c'; expected '+' and '#' as whole levels"),
        (f"{CLOUD_POLICY}/resources", ["a/{thing}/#"], "found 'a/{thing}/#'; expected no variable but {iot:thingName}"),
        # Artifacts.
        ("Manifests.0.Artifacts.1.Unarchive", "ZIP", "Unarchive: found 'ZIP'; expected a plain file: Lite unpacks not"),
        ("Manifests.0.Artifacts.1.Uri", "s3://BUCKET_NAME/COMPONENT_NAME/edge-inspector-linux-amd64.zip",
         "Artifacts[1].Uri: found 's3://BUCKET_NAME/COMPONENT_NAME/edge-inspector-linux-amd64.zip'; expected 's3://BU"),
        ("Manifests.0.Artifacts.1.Uri", "https://somewhere/edge-inspector-linux-amd64.zip", "Artifacts[1].Uri: found"),
        ("Manifests.0.Artifacts.0.Permission", {"Read": "EVERYONE"}, "Permission.Read: found 'EVERYONE'; expected 'NO"),
        ("Manifests.0.Artifacts.0.Permissions", {}, "found the key 'Permissions'; expected one of Uri, Unarchive"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_told_in_one_line_with_its_place_what_was_found_and_what_was_expected(
    place: str, value: object, expected: str
) -> None:
    (line,) = found(changed(place, value))
    assert expected in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("Manifests.0.Lifecycle.run", "Run"),
        ("Manifests.0.Lifecycle.install", "Install"),
        ("Manifests.0.Lifecycle.run.RequiresPrivilege", "requiresPrivilege"),
        ("Manifests.0.Platform.runtime", "Runtime"),
        ("Manifests.0.Lifecycle", "lifecycle"),
        ("Manifests", "manifests"),
        ("Manifests.0.Artifacts.0.Uri", "URI"),
    ],
)
def test_a_key_in_the_wrong_case_is_told_by_its_right_name(place: str, name: str) -> None:
    right = place.rpartition(".")[2]
    assert any(f"found the key {name!r}; expected {right!r}: Lite is case sensitive" in line
               for line in found(renamed(place, name)))  # fmt: skip


def test_a_recipe_in_yaml_is_refused() -> None:
    (line,) = map(str, findings("RecipeFormatVersion: '2020-01-25'\n"))
    assert line.endswith("expected JSON; from YAML, Lite hands every value over as text")


def test_a_key_that_stands_twice_in_one_object_is_refused() -> None:
    (line,) = map(str, findings('{"Manifests": [], "Manifests": []}'))
    assert "the key 'Manifests' twice in one object" in line


def test_something_else_than_an_object_is_refused() -> None:
    assert found([]) == ["found list; expected an object"]


def test_a_recipe_that_lite_could_not_read_is_too_large() -> None:
    (line,) = found(GOOD | {"ComponentDescription": "x" * LARGEST_BYTES})
    assert f"expected less than {LARGEST_BYTES}" in line


def test_a_recipe_has_no_more_values_than_lite_has_room_for() -> None:
    lines = found(changed(f"{DEFAULTS}.many", [1] * MOST_VALUES))
    assert any(f"expected at most {MOST_VALUES}" in line for line in lines)


def test_a_component_has_a_name_which_its_policies_begin_with() -> None:
    name, *policies = found(GOOD | {"ComponentName": "a name"})
    assert name == "ComponentName: found 'a name'; expected a name such as 'com.example.Part'"
    assert all("expected 'a name:service:1': unique on the device" in line for line in policies)


def test_a_hard_dependency_on_any_component_without_a_run_phase_is_found_when_both_are_looked_at() -> None:
    recipe = changed("ComponentDependencies/com.example.Weights", HARD)
    assert found(recipe) == []
    (line,) = found(recipe, install_only=["com.example.Weights"])
    assert "com.example.Weights.DependencyType: found 'HARD'; expected 'SOFT'" in line


def test_the_model_component_is_one_without_a_run_phase() -> None:
    path = ROOT / "component" / "model" / "recipe.json"
    assert is_install_only(path.read_text(encoding="utf-8")) == "com.edgeinspector.Model"
    assert is_install_only(json.dumps(GOOD)) is None
    assert is_install_only("no recipe") is None


def test_every_artifact_must_have_been_built_and_every_file_that_was_built_must_be_an_artifact() -> None:
    built = ["install.sh", "edge-inspector-linux-amd64.zip", "notes.txt"]
    missing, surplus = found(GOOD, artifacts=built)
    assert missing.startswith("Manifests[1].Artifacts[1].Uri: found 'edge-inspector-linux-aarch64.zip', which was not")
    assert surplus.startswith("Manifests: found 'notes.txt' among the artifacts, in no manifest")


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("Manifests.0.Artifacts.1.Uri", "Manifests[0].Artifacts[1].Uri: found 'None'; expected 's3://BUCKET_NAME/COMP"),
        ("Manifests.0.Artifacts", "Manifests[0].Lifecycle.install.Script: found the file 'install.sh'; expected an ar"),
        ("Manifests", "Manifests: found []; expected a list of manifests"),
    ],
)
def test_a_build_ends_with_every_rule_that_its_recipe_breaks_also_where_files_have_no_address(
    place: str, expected: str, tmp_path: Path
) -> None:
    source, component = tmp_path / "recipe.json", read_component(ROOT)
    source.write_text(json.dumps(changed(place, ABSENT) | {"ComponentType": "another"}))
    folder = empty_build_folder(component, tmp_path / "build")
    (folder.artifacts / "install.sh").touch()
    with pytest.raises(BuildError) as ended:
        write_recipe(source, component, folder)
    lines = str(ended.value).splitlines()
    for each in (expected, "ComponentType: found 'another'"):
        assert any(line.startswith(f"recipe.json: {each}") for line in lines), lines


def test_a_published_recipe_is_good_with_its_own_addresses() -> None:
    text = json.dumps(GOOD).replace("BUCKET_NAME/COMPONENT_NAME/COMPONENT_VERSION", "parts-1/com.edgeinspector/0.1.0")
    assert findings(text) == []


def test_the_command_says_each_finding_with_its_file_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(GOOD))
    bad.write_text(json.dumps(changed(f"{INSTALL}.RequiresPrivilege", value=True) | {"ComponentVersion": "one"}))
    assert main([str(good)]) == 0
    assert capsys.readouterr().out == ""
    assert main([str(good), str(bad)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{bad}: ") for line in lines)


def test_the_command_says_in_one_line_that_there_is_nothing_to_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main(["nowhere.json"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
