"""What the new model is compared with, and what it replaces."""

import shutil
from pathlib import Path

from cloud_side.training import places
from cloud_side.training.evaluation.champion import KEPT
from cloud_side.training.exporting.files import write_json
from cloud_side.training.predictions import read_predictions
from cloud_side.training.registry.champions import SCHEMA
from cloud_side.training.registry.packages import next_version
from cloud_side.training.shipped.recipe import MODEL_NAME
from edge_inspector.detectors.model_file import MANIFEST_NAME, ModelPackage
from edge_inspector.errors import ConfigError


def write_champion(work: Path, given: Path | None, replaced: Path) -> None:
    """Write what the new model is compared with, and what its version will be: above all that are known.

    Args:
        work: Of the new model; gets `champion`.
        given: Another work folder, or any with `package/` and `predictions.jsonl`, what it found on images that its
            models did not know; None: nothing is compared.
        replaced: Folder that may hold an older package.

    Raises:
        ConfigError: If the folder of the champion is the same, or its predictions cannot be read.
        ModelError: If a package is damaged or missing.
    """
    if given is not None and given.resolve().is_relative_to(work.resolve()):
        msg = f"--champion: expected another folder than that of the work, {work}, found {given}"
        raise ConfigError(msg)
    champion = None if given is None else ModelPackage.open(given / places.PACKAGE).manifest
    older = ModelPackage.open(replaced).manifest if (replaced / MANIFEST_NAME).is_file() else None
    folder = work / places.CHAMPION
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if given is not None:
        read_predictions(given / KEPT)
        shutil.copytree(given / places.PACKAGE, folder / places.PACKAGE)
        shutil.copyfile(given / KEPT, folder / KEPT)
    document = {
        "schema": SCHEMA,
        "package": None if champion is None else places.PACKAGE,
        "name": MODEL_NAME,
        "version": None if champion is None else champion.version,
        "next_version": next_version(each.version for each in (champion, older) if each is not None),
        "dataset_version": None if champion is None else champion.dataset_version,
    }
    write_json(folder / places.CHAMPION_FILE, document)
