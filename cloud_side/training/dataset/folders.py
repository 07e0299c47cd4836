"""Labeled images in a folder, in any form that the catalog reads, as a source to train from without a dataset."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Final

from cloud_side.catalog.formats import FORMS, detect
from cloud_side.catalog.images import BrokenImageError, picture_of
from cloud_side.catalog.importing import LINEAGE
from cloud_side.catalog.interchange import FormatError, ImageLabels, check_inside_folder
from cloud_side.catalog.labels import AnnotatorType, Label, LabelError, Origin, Verification
from cloud_side.catalog.leaks import Units, join_look_alikes, look_of
from cloud_side.catalog.near_duplicates import fingerprint
from cloud_side.catalog.settling import side_by_side
from cloud_side.catalog.splits import SplitRule
from cloud_side.catalog.versions import DatasetError, Entry, Identity
from cloud_side.training.dataset.sources import Pair

_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)  # nobody said when it was verified
_OTHER: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST, _DIGITS = 40, 12


@dataclass(frozen=True)
class FolderSource:
    """Labeled images in a folder.

    Attributes:
        folder: Which.
        name: Of the dataset.
        version: Hash of what training sees.
        class_names: Sorted.
        entries: Its images, split by their groups.
        paths: Of the files, from the folder, by hash.
        unlabeled: How many more images nobody labeled.
        copies: How many more labeled files have the content of another.
        told_apart: None: where looks deceive, a version of the catalog can say so.
    """

    folder: Path
    name: str
    version: str
    class_names: tuple[str, ...]
    entries: tuple[Entry, ...]
    paths: Mapping[str, str]
    unlabeled: int
    copies: int
    told_apart: frozenset[Pair] = field(default=frozenset(), init=False)

    def read(self, entry: Entry) -> bytes:
        """Return an image.

        Raises:
            DatasetError: If it was changed meanwhile, or is gone.
        """
        path = self.folder / self.paths[entry.sha256]
        try:
            content = path.read_bytes()
        except OSError as error:
            msg = f"{path}: expected a readable image, found: {error.strerror}"
            raise DatasetError(msg) from error
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            msg = f"{path}: expected an image that stays as it is, found it changed"
            raise DatasetError(msg)
        return content


def folder_source(folder: Path, *, name: str | None = None, form: str | None = None) -> FolderSource:
    """Return the images of a folder as a source, split by the rule of the catalog, whatever they were split by.

    A group that somebody declared stays what it is. An image without one is a group of its own, except that those
    which look nearly the same, and may show one part, count as one.

    Args:
        folder: Of the images and their labels, or the file of labels.
        name: Of the dataset, which shuffles the groups; None: the folder's.
        form: Of the labels; None: the one that is there.

    Raises:
        ConfigError: If labels cannot be read, or images are missing, broken, or not as labeled: a line each.
    """
    labels = FORMS[form or detect(folder)].read(folder)
    base = folder if folder.is_dir() else _base(folder, labels.images[0])
    name = name or _OTHER.sub("-", base.resolve().name).strip("-._").lower() or "folder"
    class_names = tuple(sorted(labels.class_names))
    known = [image for image in labels.images if image.is_labeled]
    if not class_names or not known:
        few = f"found {len(known)} images and {len(class_names)} classes"
        raise FormatError([f"{folder}: expected labeled images of at least one class, {few}"])
    found = _distinct(list(side_by_side(lambda image: _arrived(base, image, class_names), known)))
    units, rule = _units(found), SplitRule(name)
    entries = tuple(_entry(each, units.unit_of(each.label.group), rule) for each in found)
    identity = Identity(class_names)
    for entry in entries:
        identity.add(entry)
    paths = {each.label.sha256: each.label.image for each in found}
    left_out = len(labels.images) - len(known), len(known) - len(found)
    return FolderSource(base, name, identity.version(), class_names, entries, paths, *left_out)


def _base(file: Path, image: ImageLabels) -> Path:
    """Return the folder that a file of labels names images from: its own, or that above, as `annotations/` has it."""
    return next((folder for folder in file.absolute().parents[:2] if (folder / image.name).is_file()), file.parent)


@dataclass(frozen=True, slots=True)
class _Arrived:
    label: Label
    key: str
    fingerprint: str
    is_declared: bool


def _arrived(folder: Path, image: ImageLabels, class_names: tuple[str, ...]) -> _Arrived | str:
    """Return an image of the folder, or what is wrong with it."""
    try:
        content = check_inside_folder(folder, image.name).read_bytes()
        picture = picture_of(content)
        look = fingerprint(content)
    except OSError as error:
        return f"{folder / image.name}: expected a readable image, found: {error.strerror}"
    except (BrokenImageError, LabelError) as error:
        return f"{folder / image.name}: {error}"
    if (picture.width, picture.height) != (image.width, image.height):
        is_turned = (picture.height, picture.width) == (image.width, image.height)
        how = "; if its EXIF turns it, boxes are those of the image as a viewer shows it" if is_turned else ""
        found = f"found {picture.width} x {picture.height}{how}"
        return f"{folder / image.name}: expected {image.width} x {image.height} pixels, as labeled, {found}"
    label = Label(
        image=image.name,
        sha256=picture.sha256,
        width=picture.width,
        height=picture.height,
        group=image.group or picture.sha256,
        class_names=class_names,
        boxes=image.boxes,
        job="folder",
        annotator_type=AnnotatorType.IMPORTED,
        labeled_by=(),
        verification=Verification.UNVERIFIED,
        verified_by=None,
        reason=None,
        event_time=_NEVER,
        origin=_origin(image),
    )
    stem = _OTHER.sub("-", PurePosixPath(image.name).stem)[:_LONGEST]
    key = f"{stem}-{picture.sha256[:_DIGITS]}.{picture.suffix}"
    return _Arrived(label, key, look, is_declared=image.group is not None)


def _origin(image: ImageLabels) -> Origin:
    lineage = image.extra.get(LINEAGE)
    said = lineage.get("origin") if isinstance(lineage, Mapping) else None
    return Origin.parse(said) if isinstance(said, Mapping) else Origin()


def _distinct(arrived: list[_Arrived | str]) -> list[_Arrived]:
    """Return the images in the order of their hashes, a content that is there twice once.

    Raises:
        FormatError: If one cannot be used, or two files with the same content are labeled differently.
    """
    chosen: dict[str, _Arrived] = {}
    problems = []
    for each in arrived:
        if isinstance(each, str):
            problems.append(each)
            continue
        label, first = each.label, chosen.setdefault(each.label.sha256, each).label
        if (first.label_sha256, first.group) != (label.label_sha256, label.group):
            same = f"{first.image} ({first.group}) and {label.image} ({label.group})"
            problems.append(f"expected one label and one group for the same content, found {same}")
    if problems:
        raise FormatError(problems)
    return [chosen[sha256] for sha256 in sorted(chosen)]


def _units(found: list[_Arrived]) -> Units:
    """Return which groups count as one: of images that look the same, where nobody declared their groups."""
    own, units = {each.label.sha256 for each in found if not each.is_declared}, Units()
    if own:
        looks = (look_of(each.label, each.fingerprint) for each in found)
        join_look_alikes(looks, units, lambda pair: not own.isdisjoint(pair.images))
    return units


def _entry(found: _Arrived, unit: str, rule: SplitRule) -> Entry:
    return Entry(found.key, rule.split_of(unit), replace(found.label, group=unit), found.fingerprint)
