"""Builds the model's component: `python -m component.model.build [MODEL_DIR]`; by default with the shipped model.

`gdk component build` runs it in this folder and takes the model from the environment variable MODEL_DIR. The version of
the component counts publications (NEXT_PATCH) and is not the model's: two models of different names may both be 1.0.0.
"""

import argparse
import hashlib
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from component.archives import write_tar
from component.build import ROOT, write_checksums
from component.errors import BuildError, exit_status
from component.recipe import empty_build_folder, read_component, write_recipe

PROJECT = ROOT / "component" / "model"
SHIPPED_MODEL = ROOT / "src" / "edge_inspector" / "shipped_model"
SCHEMA = "edge-inspector/model/1"
_FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what the arguments say; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m component.model.build", description=__doc__.splitlines()[0])
    model = os.environ.get("MODEL_DIR") or SHIPPED_MODEL
    parser.add_argument("model", nargs="?", type=Path, default=model, metavar="MODEL_DIR", help="a model package")
    parser.add_argument("--out", type=Path, default=PROJECT / "greengrass-build", metavar="FOLDER")
    chosen = parser.parse_args(arguments)
    return exit_status(lambda: build(Path(chosen.model), chosen.out))


def build(model: Path, out: Path) -> None:
    """Build the component of the model package in `model` into the folder `out`, which is made anew.

    Raises:
        BuildError: If the package is not whole.
    """
    place = check_model(model)
    component = read_component(PROJECT)
    folder = empty_build_folder(component, out)
    files = {f"{place}/{path.relative_to(model)}": path for path in model.rglob("*") if path.is_file()}
    write_tar(folder.artifacts / "model.tar", files)
    (folder.artifacts / "install.sh").write_bytes((PROJECT / "install.sh").read_bytes())
    write_recipe(PROJECT / "recipe.json", component, folder)
    write_checksums(out)
    print(f"{folder.artifacts}: {place}")


def check_model(model: Path) -> str:
    """Return `name/version` of a model package, where it lies on the device, after a look at its files.

    The device checks the whole contract before a model runs; this finds what a copy has lost.

    Raises:
        BuildError: If a file is missing, or is not the one that `model.json` speaks of.
    """
    manifest = model / "model.json"
    try:
        told = json.loads(manifest.read_text(encoding="utf-8"))
        schema, name, version = told["schema"], str(told["name"]), str(told["version"])
        files = {str(file["path"]): str(file["sha256"]) for file in told["files"]}
        golden = [str(sample["image"]) for sample in told.get("golden", ())]
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{manifest}: expected a model package, found {error!r}"
        raise BuildError(msg) from error
    if schema != SCHEMA:
        msg = f"{manifest}: expected the schema {SCHEMA!r}, found {schema!r}"
        raise BuildError(msg)
    for label, value in (("name", name), ("version", version)):
        if not _FOLDER_NAME.fullmatch(value):
            msg = f"{manifest}: expected a {label} that can be a folder, found {value!r}"
            raise BuildError(msg)
    for path, expected in files.items():
        found = _sha256(model / path)
        if found != expected:
            msg = f"{model / path}: expected sha256 {expected}, found {found}"
            raise BuildError(msg)
    for path in golden:
        _sha256(model / path)
    return f"{name}/{version}"


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        msg = f"{path}: expected a file of the model package, found {error.strerror}"
        raise BuildError(msg) from error


if __name__ == "__main__":
    sys.exit(main())
