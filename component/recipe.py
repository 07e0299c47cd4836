"""What gdk-config.json says of a component, and its recipe filled with that, as `gdk component build` leaves both."""

import json
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from component.errors import BuildError
from component.rules import findings
from component.rules.finding import artifact_names, list_at


@dataclass(frozen=True)
class Component:
    """A component as gdk knows it; the version may be NEXT_PATCH, which is resolved when it is published."""

    name: str
    version: str
    author: str


@dataclass(frozen=True)
class BuildFolder:
    """A `greengrass-build` as `gdk component publish` reads it: it uploads all of `artifacts`, and no other file.

    Attributes:
        root: The folder itself; what lies in it directly is for people.
        artifacts: Of this version.
        recipe: The filled recipe.
    """

    root: Path
    artifacts: Path
    recipe: Path


def read_component(project: Path) -> Component:
    """Return what the gdk-config.json of a project says.

    Raises:
        BuildError: If it is not there, or not one component.
    """
    path = project / "gdk-config.json"
    try:
        ((name, settings),) = json.loads(path.read_text(encoding="utf-8"))["component"].items()
        return Component(name, settings["version"], settings["author"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{path}: expected one component with its version and author, found {error!r}"
        raise BuildError(msg) from error


def empty_build_folder(component: Component, root: Path) -> BuildFolder:
    """Make the folders anew and return them; the recipe has the component's name, as what a project links to."""
    shutil.rmtree(root, ignore_errors=True)
    artifacts = root / "artifacts" / component.name / component.version
    artifacts.mkdir(parents=True)
    recipe = root / "recipes" / f"{component.name}.json"
    recipe.parent.mkdir()
    return BuildFolder(root, artifacts, recipe)


def write_recipe(source: Path, component: Component, folder: BuildFolder) -> None:
    """Write the filled recipe, for what was built, and check it.

    Raises:
        BuildError: If a rule is broken; it names every one.
    """
    built = {path.name for path in folder.artifacts.iterdir()}
    text = fill_recipe(source.read_text(encoding="utf-8"), component, built=built)
    folder.recipe.write_text(text, encoding="utf-8")
    if found := findings(text, artifacts=built):
        msg = "\n".join(f"{source.name}: {finding}" for finding in found)
        raise BuildError(msg)


def fill_recipe(text: str, component: Component, *, built: Collection[str]) -> str:
    """Return a recipe with name, version and author, and the manifests whose artifacts were built.

    The bucket in the addresses is filled in when it is published. What cannot be read stays, for the rules to name.
    """
    recipe = json.loads(text)
    recipe |= {
        "ComponentName": component.name,
        "ComponentVersion": component.version,
        "ComponentPublisher": component.author,
    }
    recipe["Manifests"] = [each for each in list_at(recipe, "Manifests") if artifact_names(each) <= set(built)]
    return json.dumps(recipe, indent=2, ensure_ascii=False) + "\n"
