"""Augmented manifests of SageMaker Ground Truth: JSON lines with `source-ref` and a label attribute.

Empty lists of boxes say that nothing is on the image. A line without a label, with a failure, or with one that its
verification rejects is of an image that nobody has labeled. All other keys pass through.

One file a split, `train.manifest` and so on; `labels.manifest` for images without one; `unlabeled.manifest`.
"""

from pathlib import Path
from typing import Final

from cloud_side.catalog.formats.beside import known_classes, read_beside, unsaid_header, write_beside
from cloud_side.catalog.formats.files import Problems, json_text, read_json_lines, read_text, write_text
from cloud_side.catalog.formats.gathering import Gathered, check_writable, inside
from cloud_side.catalog.formats.manifest_line import line_of, read_line
from cloud_side.catalog.interchange import SPLIT_WORDS, SPLITS, FormatError, ImageLabels, LabelSet

_UNSPLIT: Final = "labels"
_UNLABELED: Final = "unlabeled"


def is_here(path: Path) -> bool:
    """Return whether a folder has such files, or a file looks like one."""
    if not path.is_file():
        return bool(_files(path))
    return path.suffix.lower() == ".manifest" or (path.suffix.lower() == ".jsonl" and _has_references(path))


def read(path: Path) -> LabelSet:
    """Return the set of a folder with manifests, or of one manifest.

    The name of an image is the key of its `source-ref`, or the end of it at which the folder has a file. Images are
    opened only where no size is known.

    Raises:
        FormatError: With all problems.
    """
    files, folder = (_files(path), path) if path.is_dir() else ([path], path.parent)
    problems = Problems()
    gathered = Gathered(folder, problems)
    numbers: dict[str, int] = {}
    for file in inside(folder, files, problems):
        split = _split_of(file)
        for number, document in read_json_lines(file, problems):
            place = f"{file}:{number}"
            with problems.at(place):
                image, classes = read_line(document, folder, split)
                gathered.add(place, image)
                for class_number, name in classes.items():
                    numbers[name] = min(class_number, numbers.get(name, class_number))
    beside = read_beside(folder, problems)
    listed = tuple(sorted(numbers, key=lambda name: (numbers[name], name)))
    class_names = known_classes(listed if beside.class_names is None else beside.class_names, gathered.images)
    return gathered.end(path, class_names, beside.extra)


def write(labels: LabelSet, folder: Path) -> None:
    """Write a set into a folder, a manifest a split.

    A `source-ref` that was read is kept; otherwise it is the image's name: whoever wants an address in S3 there puts
    it into `extra["augmented"]["source-ref"]`.

    Raises:
        FormatError: If the set has no image.
    """
    check_writable(labels)
    files: dict[str, list[ImageLabels]] = {}
    for image in labels.images:
        files.setdefault(_stem_of(image), []).append(image)
    for stem, images in files.items():
        file = folder / f"{stem}.manifest"
        lines = (json_text(line_of(image, labels.class_names, _split_of(file))) for image in images)
        write_text(file, "".join(f"{line}\n" for line in lines))
    said = labels.class_names if any(image.is_labeled for image in labels.images) else ()
    write_beside(folder, unsaid_header(labels, own="", class_names=said), [])


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.manifest"))


def _has_references(file: Path) -> bool:
    try:
        return '"source-ref"' in read_text(file)
    except FormatError:
        return False


def _split_of(file: Path) -> str | None:
    return SPLIT_WORDS.get(file.stem.lower())


def _stem_of(image: ImageLabels) -> str:
    if not image.is_labeled:
        return _UNLABELED
    return image.split if image.split in SPLITS else _UNSPLIT
