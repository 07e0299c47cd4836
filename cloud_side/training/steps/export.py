"""Export: from the weights of a training job to model packages, one for each model that it trained."""

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from cloud_side.training.dataset import LabeledImage, TrainingData, read_labels
from cloud_side.training.exporting.agreement import Agreement
from cloud_side.training.exporting.calibration import input_tensors, spread_choice
from cloud_side.training.exporting.files import emptied, write_json
from cloud_side.training.exporting.onnx_file import INPUT_NAME, LARGEST_FILE_BYTES, OUTPUT_NAME, one_thread, onnx_bytes
from cloud_side.training.exporting.package import (
    Contents,
    Lineage,
    OnnxFile,
    network_input,
    network_output,
    no_thresholds,
    write_package,
)
from cloud_side.training.exporting.parity import PARITY_IMAGES, parity
from cloud_side.training.exporting.record import TrainingRecord
from cloud_side.training.network.weights import read_weights
from cloud_side.training.places import (
    DATA,
    MODEL,
    PACKAGES,
    PARITY_FILE,
    TRAINING_FILE,
    WEIGHTS,
    input_folder,
    output_folder,
)
from cloud_side.training.registry.archive import unpack
from cloud_side.training.steps.entry import say, told
from edge_inspector.errors import ConfigError

SCHEMA: Final = "edge-inspector/parity/1"
ARCHIVE: Final = "model.tar.gz"
VERSION: Final = "0.0.0"  # the real one is given to the package that leaves
_LARGEST_BYTES: Final = {"nano": LARGEST_FILE_BYTES, "small": 12_000_000}


def run(  # noqa: PLR0913 - the options of the step
    model: Path,
    data: Path,
    packages: Path,
    *,
    name: str | None = None,
    images: int = PARITY_IMAGES,
    largest_bytes: int | None = None,
) -> None:
    """Write a package of each trained model, whose thresholds are not chosen yet, and how exact its file is.

    Args:
        model: What the training job left: its `model.tar.gz`, or the files of it.
        data: What prepare made; images of its training are looked at.
        packages: Gets a folder for each model, `training.json` and `parity.json`; what was there before is gone.
        name: Of the model; by default that of the dataset.
        images: How many are looked at, with the weights and with the file.
        largest_bytes: Of a file; by default what the size of the network allows.

    Raises:
        ConfigError: If something is missing, damaged or too large.
    """
    emptied(packages)
    dataset = TrainingData.read(data)
    rows = _to_compare(read_labels(data / "train", dataset.class_names), images)
    if not rows:
        msg = f"{data / 'train'}: expected labeled images, found none"
        raise ConfigError(msg)
    with one_thread(), _unpacked(model) as folder:
        record = TrainingRecord.read(folder)
        limit = largest_bytes or _LARGEST_BYTES.get(str(record.hyperparameters.get("size")), LARGEST_FILE_BYTES)
        found = {}
        for each in record.runs:
            found[each.run] = _export(
                folder / WEIGHTS / f"{each.run}.pt",
                packages / each.run,
                _contents(record, name or model_name(record.dataset.name)),
                rows,
                limit,
            )
            say(f"{each.run}: exported; {_told(found[each.run])}")
        shutil.copyfile(folder / TRAINING_FILE, packages / TRAINING_FILE)
    write_json(packages / PARITY_FILE, parity_document(found))


def parity_document(found: dict[str, Agreement]) -> dict[str, Any]:
    """Return `parity.json`: the greatest differences of all models, and those of each."""
    return {
        "schema": SCHEMA,
        "confidence": max(each.confidence for each in found.values()),
        "box_px": max(each.box_px for each in found.values()),
        "runs": {run: each.document() for run, each in sorted(found.items())},
    }


def model_name(dataset: str) -> str:
    """Return the name of a dataset as that of a model: small letters, digits and `._-`, at most 64."""
    return re.sub(r"[^a-z0-9._-]+", "-", dataset.lower()).strip("._-")[:64] or "model"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the job's arguments."""
    made = argparse.ArgumentParser(prog="export", description=__doc__)
    made.add_argument("--name", help="of the model; by default that of the dataset")
    made.add_argument(
        "--images", type=int, default=PARITY_IMAGES, help="that weights and file are compared on (default: %(default)s)"
    )
    made.add_argument("--largest-bytes", type=int, help="of a file; by default what the size of the network allows")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the step as the program of a processing job; returns the exit code."""
    said = parser().parse_args(arguments)
    return told(
        lambda: run(
            input_folder(MODEL),
            input_folder(DATA),
            output_folder(PACKAGES),
            name=said.name,
            images=said.images,
            largest_bytes=said.largest_bytes,
        )
    )


@contextmanager
def _unpacked(model: Path) -> Iterator[Path]:
    archive = model / ARCHIVE
    if not archive.exists() and (model / TRAINING_FILE).exists():
        yield model
        return
    with tempfile.TemporaryDirectory() as scratch:
        unpack(archive, Path(scratch))
        yield Path(scratch)


def _told(found: Agreement) -> str:
    if not found.detections:
        return f"nothing to compare with the weights: neither finds anything on {found.images} images"
    return f"scores differ from those of the weights by at most {found.confidence:.1e}, boxes by {found.box_px:.3f} px"


def _to_compare(rows: Sequence[LabeledImage], count: int) -> list[LabeledImage]:
    """Return images with defects if there are any: where nothing is found, nothing differs."""
    return spread_choice([row for row in rows if len(row.boxes)] or rows, count)


def _contents(record: TrainingRecord, name: str) -> Contents:
    names = record.dataset.class_names
    return Contents(
        name,
        network_input(record.model_wh, record.color, name=INPUT_NAME),
        network_output(name=OUTPUT_NAME),
        names,
        no_thresholds(names),
        Lineage(VERSION, record.dataset.version, record.git_commit, record.trained_at),
    )


def _export(
    weights: Path, folder: Path, contents: Contents, rows: Sequence[LabeledImage], largest_bytes: int
) -> Agreement:
    network, class_names = read_weights(weights)
    asked, given = contents.model_input, network.shape
    if (class_names, given.model_wh, given.channels) != (contents.class_names, asked.model_wh, asked.color.channels):
        msg = (
            f"{weights}: expected a network for {contents.class_names}, {asked.model_wh} and {asked.color.channels} "
            f"channels, as {TRAINING_FILE} says; found {class_names}, {given.model_wh} and {given.channels}"
        )
        raise ConfigError(msg)
    try:
        content = onnx_bytes(network, largest_bytes=largest_bytes)
    except ValueError as error:
        msg = f"{weights}: {error}"
        raise ConfigError(msg) from error
    write_package(folder, contents, [OnnxFile(content)])
    return parity(network, content, input_tensors(rows, asked), input_name=asked.name)


if __name__ == "__main__":
    sys.exit(main())
