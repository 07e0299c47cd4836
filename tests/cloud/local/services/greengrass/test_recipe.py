"""What makes a recipe one; those of this repository are."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloud_side.local.services.greengrass.platforms import manifest_for
from cloud_side.local.services.greengrass.recipe import RecipeError, read_recipe, with_digests
from component.recipe import Component, fill_recipe
from component.rules import findings
from tests.cloud.local.fleet import recipe_of

RECIPES = sorted((Path(__file__).parents[5] / "recipes").glob("*.json"))
LITE = {"os": "linux", "architecture": "aarch64", "runtime": "aws_nucleus_lite"}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_our_own_recipes_are_read_and_pass_our_linter_once_filled(path: Path) -> None:
    text = path.read_text()
    built = {
        artifact["Uri"].rpartition("/")[2]
        for manifest in json.loads(text)["Manifests"]
        for artifact in manifest["Artifacts"]
    }
    filled = fill_recipe(text, Component(path.stem, "1.2.3", "Example"), built=built)
    published = (
        filled.replace("BUCKET_NAME", "a-bucket")
        .replace("COMPONENT_NAME", path.stem)
        .replace("COMPONENT_VERSION", "1.2.3")
    )
    assert findings(published, artifacts=built) == []
    recipe = read_recipe(published)
    assert (recipe.name, recipe.version, recipe.publisher) == (path.stem, "1.2.3", "Example")
    assert {artifact.file_name for artifact in recipe.artifacts} == built
    chosen = manifest_for(recipe, LITE)
    assert chosen is not None
    assert chosen.platform["architecture"] == "aarch64"


def test_keys_may_be_in_any_case_and_digests_are_added() -> None:
    document = recipe_of(artifacts=["a.txt"])
    manifest = document["Manifests"][0]
    manifest["Artifacts"] = [{"URI": manifest["Artifacts"][0]["Uri"], "permission": {"EXECUTE": "OWNER"}}]
    document["manifests"] = document.pop("Manifests")
    (artifact,) = read_recipe(json.dumps(document)).artifacts
    assert (artifact.digest, artifact.is_executable) == (None, True)
    (seen,) = read_recipe(with_digests(json.dumps(document), {artifact.uri: "abc="})).artifacts
    assert seen.digest == "abc="


def change(**members: Any) -> Callable[[dict[str, Any]], None]:
    return lambda recipe: recipe.update(members)


def change_manifest(**members: Any) -> Callable[[dict[str, Any]], None]:
    return lambda recipe: recipe["Manifests"][0].update(members)


def change_lifecycle(**phases: Any) -> Callable[[dict[str, Any]], None]:
    return change_manifest(Lifecycle=phases)


@pytest.mark.parametrize(
    ("make_bad", "said"),
    [
        (change(RecipeFormatVersion="2021"), "RecipeFormatVersion: found '2021', expected '2020-01-25'"),
        (change(ComponentName="a b"), "ComponentName: found 'a b'"),
        (change(ComponentName=".."), "ComponentName: found '..'"),
        (change(ComponentVersion="NEXT_PATCH"), "ComponentVersion: found 'NEXT_PATCH', expected a semantic version"),
        (change(ComponentDependencies=[]), "ComponentDependencies: found \\[\\]"),
        (change(ComponentDependencies={"a": {"VersionRequirement": "new"}}), "ComponentDependencies.a.VersionReq"),
        (change(ComponentDependencies={"a": "1.0.0"}), "ComponentDependencies.a.VersionRequirement"),
        (change(ComponentConfiguration={"DefaultConfiguration": []}), "DefaultConfiguration: expected an object"),
        (change(ComponentConfiguration=3), "DefaultConfiguration: expected an object"),
        (change(Manifests=[]), "Manifests: found \\[\\], expected at least one"),
        (change(Manifests=[1]), "Manifests\\[0\\]: found 1, expected an object"),
        (change_manifest(Platform="linux"), "Platform: found 'linux'"),
        (change(Lifecycle={"install": "true"}), "Lifecycle: expected one in each manifest"),
        (change_lifecycle(Bootstrap="true"), "Bootstrap: expected none"),
        (change_lifecycle(setenv=[1]), "Setenv: found \\[1\\], expected an object"),
        (change_lifecycle(install=5), "Lifecycle.install: found 5, expected a script or an object"),
        (change_lifecycle(install={}), "install.Script: found None, expected a script"),
        (change_lifecycle(Install={"script": "true", "timeout": "10m"}), "Timeout: found '10m', expected seconds"),
        (change_lifecycle(install={"Script": "true", "Timeout": 0}), "Timeout: found 0, expected seconds above 0"),
        (change_lifecycle(run={"Script": "true", "Setenv": "A=b"}), "run.Setenv: found 'A=b', expected an object"),
        (change_lifecycle(run={"Script": "true", "Skipif": "onpath sh"}), "run.Skipif: expected none"),
        (change_manifest(Artifacts={}), "Artifacts: found {}, expected a list"),
        (change_manifest(Artifacts=["s3://a/b"]), "Artifacts\\[0\\]: found 's3://a/b', expected an object"),
        (change_manifest(Artifacts=[{"Uri": "https://a/b"}]), "Uri: found 'https://a/b', expected s3://BUCKET/KEY"),
        (change_manifest(Artifacts=[{"Uri": "s3://abc/b", "Unarchive": "ZIP"}]), "Unarchive: found 'ZIP'"),
    ],
)
def test_what_keeps_a_recipe_from_being_one_is_said(make_bad: Callable[[dict[str, Any]], None], said: str) -> None:
    recipe = recipe_of()
    make_bad(recipe)
    with pytest.raises(RecipeError, match=said):
        read_recipe(json.dumps(recipe))


@pytest.mark.parametrize(
    "text", ["", "[]", "RecipeFormatVersion: 2020-01-25", "\0", "[" * 15_999, '"' + "a" * 16_000 + '"']
)
def test_what_is_no_document_is_said(text: str) -> None:
    with pytest.raises(RecipeError, match=r"expected|no JSON"):
        read_recipe(text)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(RecipeError) as error:
        read_recipe("{}")
    assert len(str(error.value).split("; ")) == 4


@pytest.mark.parametrize(
    ("platform", "fits"),
    [
        ({}, True),
        ({"os": "*"}, True),
        ({"os": "all"}, True),
        ({"os": "linux", "architecture": "aarch64"}, True),
        ({"architecture": "/amd64|aarch64/"}, True),
        ({"architecture": "/amd64|arm/"}, False),
        ({"os": "windows"}, False),
        ({"distribution": "debian"}, False),
        ({"runtime": "aws_nucleus_lite"}, True),
        ({"runtime": "aws_nucleus_classic"}, False),
    ],
)
def test_a_manifest_is_for_the_devices_that_have_what_it_names(platform: dict[str, str], *, fits: bool) -> None:
    recipe = recipe_of()
    recipe["Manifests"][0]["Platform"] = platform
    assert (manifest_for(read_recipe(json.dumps(recipe)), LITE) is not None) == fits
