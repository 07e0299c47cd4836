"""YOLO as Ultralytics lays it out: `data.yaml`, images in `images`, and a text file an image in `labels`.

An image without a text file, or with an empty one, shows no defect: that is how trainers take it. So images that
nobody has looked at are in no list that trainers read, but in `unlabeled.txt`; those without a split in `unsplit.txt`.

Source:
    https://docs.ultralytics.com/datasets/detect/, "Ultralytics YOLO format".
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from cloud_side.catalog.formats.beside import (
    Beside,
    own_of,
    read_beside,
    unsaid,
    unsaid_header,
    with_own,
    write_beside,
)
from cloud_side.catalog.formats.files import Problems, image_wh, read_text, write_text
from cloud_side.catalog.formats.gathering import Gathered, check_writable
from cloud_side.catalog.formats.yolo_lines import read_lines, write_lines
from cloud_side.catalog.formats.yolo_settings import OWN, YoloSettings, settings_file, settings_text
from cloud_side.catalog.interchange import (
    IMAGE_SUFFIXES,
    SPLITS,
    FormatError,
    ImageLabels,
    Json,
    LabelSet,
    check_inside_folder,
    image_name,
)
from cloud_side.catalog.labels import Box, LabelError

_UNLABELED: Final = "unlabeled"
_UNSPLIT: Final = "unsplit"


def is_here(path: Path) -> bool:
    """Return whether a folder has such files, or a file is called as they are."""
    return (path.is_file() and path.suffix.lower() in (".yaml", ".yml")) or settings_file(path) is not None


def read(path: Path) -> LabelSet:
    """Return the set of a folder with `data.yaml`, or of the file.

    The sizes of images are read from their heads, or, where the images are elsewhere, from the file beside.

    Raises:
        FormatError: With all problems.
    """
    file = settings_file(path) if path.is_dir() else path
    if file is None:
        raise FormatError([f"{path}: expected data.yaml, found none"])
    settings = YoloSettings.read(file)
    problems = Problems()
    beside = read_beside(file.parent, problems)
    gathered = Gathered(file.parent, problems)
    for part, place, name in _listed(settings, problems):
        with problems.at(place):
            gathered.add(place, _read_image(settings, part, name, beside))
    return gathered.end(file, settings.class_names, with_own(beside.extra, OWN, settings.kept))


def write(labels: LabelSet, folder: Path) -> None:
    """Write a set into a folder.

    Raises:
        FormatError: If the set has no image, or names that differ in their suffix alone.
    """
    check_writable(labels, [_labels_of(image.name) for image in labels.images])
    numbers = {name: number for number, name in enumerate(labels.class_names)}
    parts: dict[str, list[str]] = {}
    rows: list[dict[str, Json]] = []
    for image in labels.images:
        part = _part(image)
        parts.setdefault(part, []).append(image.name)
        split = part if part in SPLITS else None
        rows.append(unsaid(image, own="", split=split, name=image.name, width=image.width, height=image.height))
        if image.is_labeled:
            write_text(folder / _labels_of(image.name), write_lines(image, numbers))
    for part, names in parts.items():
        write_text(folder / f"{part}.txt", "".join(f"./{name}\n" for name in names))
    splits = [split for split in SPLITS if split in parts]
    write_text(folder / "data.yaml", settings_text(labels.class_names, splits, own_of(labels.extra, OWN)))
    write_beside(folder, unsaid_header(labels, own=OWN, class_names=labels.class_names), rows)


def _part(image: ImageLabels) -> str:
    if not image.is_labeled:
        return _UNLABELED
    return image.split if image.split in SPLITS else _UNSPLIT


def _labels_of(name: str) -> str:
    """The file of labels of an image: in `labels` where the image is in `images`, and beside it elsewhere."""
    parts = list(PurePosixPath(name).with_suffix(".txt").parts)
    folders = [index for index, part in enumerate(parts[:-1]) if part == "images"]
    if folders:
        parts[folders[-1]] = "labels"
    return "/".join(parts)


def _listed(settings: YoloSettings, problems: Problems) -> Iterator[tuple[str, str, str]]:
    """Yield part, place and name of each image."""
    for split, entries in settings.splits.items():
        for entry in entries:
            if split == "test" and not (settings.folder / entry).exists():
                continue  # some tools always say where a test would be, and trainers do not mind
            with problems.at(f"{settings.path}: {split}"):
                yield from ((split, place, name) for place, name in _images(settings.folder, entry, problems))
    for part in (_UNSPLIT, _UNLABELED):
        if (settings.folder / f"{part}.txt").is_file():
            yield from ((part, place, name) for place, name in _lines(settings.folder, f"{part}.txt", problems))


def _images(folder: Path, entry: str, problems: Problems) -> Iterator[tuple[str, str]]:
    path = check_inside_folder(folder, entry)
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file():
                name = file.relative_to(folder).as_posix()
                yield f"{path}: {name}", name
    elif path.is_file():
        yield from _lines(folder, entry, problems)
    else:
        msg = f"expected a folder of images or a list of them, found nothing at {path}"
        raise LabelError(msg)


def _lines(folder: Path, entry: str, problems: Problems) -> Iterator[tuple[str, str]]:
    """Yield place and name of each image of a list; `./` is where the list lies."""
    file = folder / entry
    for number, line in enumerate(read_text(file).split("\n"), 1):
        text = line.rstrip("\r")
        if text.strip():
            place = f"{file}:{number}"
            with problems.at(place):
                base = PurePosixPath(entry).parent if text.startswith("./") else PurePosixPath()
                yield place, image_name((base / text).as_posix())


def _read_image(settings: YoloSettings, part: str, name: str, beside: Beside) -> ImageLabels:
    row = beside.of(name)
    width, height = _wh(settings.folder, name, (row.width, row.height))
    is_labeled = part != _UNLABELED
    boxes = _boxes(settings, name, (width, height)) if is_labeled else ()
    split = row.split_or(part if part in SPLITS else None)
    return ImageLabels(name, width, height, boxes, row.group, split, is_labeled, row.extra)


def _wh(folder: Path, name: str, known: tuple[int | None, int | None]) -> tuple[int, int]:
    width, height = known
    if width is None or height is None:
        return image_wh(folder, name)
    if (folder / name).is_file() and (found := image_wh(folder, name)) != (width, height):
        msg = f"expected an image of {width} x {height} pixels, found {found[0]} x {found[1]}"
        raise LabelError(msg)
    return width, height


def _boxes(settings: YoloSettings, name: str, image_wh: tuple[int, int]) -> tuple[Box, ...]:
    file = check_inside_folder(settings.folder, _labels_of(name))
    return read_lines(file, settings.class_names, image_wh) if file.is_file() else ()
