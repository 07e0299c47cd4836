"""Writes a version into a folder, in a form that others read: its images, held against their hashes, and its labels."""

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cloud_side.catalog.formats import Form
from cloud_side.catalog.importing import LINEAGE
from cloud_side.catalog.interchange import ImageLabels, LabelSet
from cloud_side.catalog.settling import side_by_side
from cloud_side.catalog.shelf import Manifest, Shelf
from cloud_side.catalog.versions import DatasetError, Entry, lineage_of

_IMAGES = "images"


@dataclass(frozen=True)
class Exported:
    """What was written."""

    folder: Path
    images: int


def export(shelf: Shelf, manifest: Manifest, form: Form, folder: Path) -> Exported:
    """Write a version into a folder that is not there or is empty; the folder is there once it is whole.

    Raises:
        DatasetError: If something is in the folder, or an image is not the one of the version.
        FormatError: If the form has no place for something.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        msg = f"{folder}: expected no folder, or an empty one, found something in it"
        raise DatasetError(msg)
    partial = folder.absolute().with_name(f".{folder.absolute().name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / _IMAGES).mkdir(parents=True)
    images = tuple(_written(shelf, manifest, partial))
    form.write(LabelSet(manifest.header.class_names, images), partial)
    partial.replace(folder)
    return Exported(folder, len(images))


def image_of(shelf: Shelf, entry: Entry) -> bytes:
    """Return the bytes of an image of a version.

    Raises:
        DatasetError: If it is gone, or was changed.
    """
    if (kept := shelf.bucket.read(entry.key)) is None:
        msg = f"{shelf.bucket.address(entry.key)}: expected an image, found nothing"
        raise DatasetError(msg)
    if (found := hashlib.sha256(kept.content).hexdigest()) != entry.sha256:
        msg = f"{entry.key}: expected sha256 {entry.sha256}, found {found}: the image was changed"
        raise DatasetError(msg)
    return kept.content


def _written(shelf: Shelf, manifest: Manifest, folder: Path) -> Iterator[ImageLabels]:
    def write(entry: Entry) -> ImageLabels:
        said = _labels(entry)
        (folder / said.name).write_bytes(image_of(shelf, entry))
        return said

    return side_by_side(write, manifest.entries())


def _labels(entry: Entry) -> ImageLabels:
    label = entry.label
    return ImageLabels(
        name=f"{_IMAGES}/{PurePosixPath(entry.key).name}",
        width=label.width,
        height=label.height,
        boxes=label.boxes,
        group=label.group,
        split=entry.split.value,
        extra={LINEAGE: lineage_of(label)},
    )
