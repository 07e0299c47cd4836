"""Pascal VOC: one XML an image in `Annotations`, and lists of them in `ImageSets/Main/{train,val,test}.txt`.

Corners count pixels from 1, and the last pixel belongs to the box: `xmin = x + 1`, `xmax = x + width`. Some tools count
from 0 and do not say so: their boxes begin a pixel too far left and up. An image without objects shows no defect; one
without an XML is in no set. Other elements pass through, but for an absolute `path` on somebody's machine.

Without a list, a folder `train`, `valid` or `test` around an XML says the split. `labelmap.txt` has all classes.

Source:
    http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html, "Annotation files".
"""

from pathlib import Path, PurePosixPath
from typing import Final

from cloud_side.catalog.formats.beside import (
    FILE,
    Beside,
    known_classes,
    read_beside,
    unsaid,
    unsaid_header,
    used_classes,
    with_own,
    write_beside,
)
from cloud_side.catalog.formats.files import Problems, image_wh, read_text, write_text
from cloud_side.catalog.formats.gathering import Gathered, check_writable, inside
from cloud_side.catalog.formats.voc_file import OWN, VocFile, voc_text
from cloud_side.catalog.interchange import SPLIT_WORDS, SPLITS, ImageLabels, Json, LabelSet, first_existing, image_name
from cloud_side.catalog.labels import LabelError

_ANNOTATIONS: Final = "Annotations"
_LISTS: Final = "ImageSets/Main"
_CLASSES: Final = "labelmap.txt"
_IMAGES: Final = ("JPEGImages", "images")


def is_here(path: Path) -> bool:
    """Return whether a folder has such files, or a file is called as they are."""
    if path.is_file():
        return path.suffix.lower() == ".xml"
    return bool(_files(path)) or ((path / _ANNOTATIONS).is_dir() and (path / FILE).is_file())


def read(path: Path) -> LabelSet:
    """Return the set of a folder, or of one XML.

    An image is looked for at its `path`, beside its XML, and in `JPEGImages` and `images`. It is opened only where
    its XML has no size.

    Raises:
        FormatError: With all problems.
    """
    files, folder = (_files(path), path) if path.is_dir() else ([path], _folder_of(path))
    problems = Problems()
    beside = read_beside(folder, problems)
    splits = _read_lists(folder, problems)
    gathered = Gathered(folder, problems)
    for file in inside(folder, files, problems):
        with problems.at(file):
            gathered.add(str(file), _read_image(folder, file, splits, beside))
    for name, row in beside.images.items():
        if path.is_dir() and not row.is_labeled:
            with problems.at(f"{folder}: {name}"):
                gathered.add(name, _unlabeled(name, beside))
    listed = _read_classes(folder) if beside.class_names is None else beside.class_names
    return gathered.end(path, known_classes(listed, gathered.images), beside.extra)


def write(labels: LabelSet, folder: Path) -> None:
    """Write a set into a folder. Images that nobody has looked at are named beside only, in `edge-inspector.jsonl`.

    Raises:
        FormatError: If the set has no image, or names that differ in their suffix alone.
    """
    files = [_annotation_of(image.name) for image in labels.images]
    check_writable(labels, files)
    (folder / _ANNOTATIONS).mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Json]] = []
    lists: dict[str, list[str]] = {}
    for image, file in zip(labels.images, files, strict=True):
        said = _folder_split(file)
        if image.is_labeled:
            write_text(folder / _ANNOTATIONS / f"{file}.xml", voc_text(image))
            if image.split in SPLITS:
                said = image.split
                lists.setdefault(said, []).append(file)
        rows.append(_row(image, said))
    for split, stems in lists.items():
        write_text(folder / _LISTS / f"{split}.txt", "".join(f"{stem}\n" for stem in stems))
    write_beside(folder, unsaid_header(labels, own="", class_names=used_classes(labels.images)), rows)


def _files(folder: Path) -> list[Path]:
    if (folder / _ANNOTATIONS).is_dir():
        return sorted((folder / _ANNOTATIONS).rglob("*.xml"))
    return sorted(file for file in folder.rglob("*.xml") if _looks_right(file))


def _folder_of(file: Path) -> Path:
    return next((folder.parent for folder in file.parents if folder.name == _ANNOTATIONS), file.parent)


def _looks_right(file: Path) -> bool:
    with file.open("rb") as opened:
        return b"<annotation" in opened.read(1000)


def _annotation_of(name: str) -> str:
    path = PurePosixPath(name)
    parts = path.parts[1:] if path.parts[0] in _IMAGES else path.parts
    return str(PurePosixPath(*parts).with_suffix(""))


def _read_lists(folder: Path, problems: Problems) -> dict[str, str]:
    splits: dict[str, str] = {}
    for split in SPLITS:
        file = folder / _LISTS / f"{split}.txt"
        if not file.is_file():
            continue
        for number, line in enumerate(read_text(file).split("\n"), 1):
            stem = line.rstrip("\r")
            if stem and splits.setdefault(stem, split) != split:
                problems.add(f"{file}:{number}", f"expected {stem!r} in one split, found it in {splits[stem]} too")
    # Some tools put names with spaces between quotes.
    return {**{stem.strip().strip('"'): split for stem, split in splits.items()}, **splits}


def _read_classes(folder: Path) -> tuple[str, ...] | None:
    """Return the classes of a list `name:color:parts:actions`, where there is one."""
    if not (folder / _CLASSES).is_file():
        return None
    lines = read_text(folder / _CLASSES).splitlines()
    names = [line.partition(":")[0].strip() for line in lines if not line.startswith("#")]
    return tuple(dict.fromkeys(name for name in names if name not in ("", "background")))


def _folder_split(stem: str) -> str | None:
    folder, slash, _ = stem.partition("/")
    return SPLIT_WORDS.get(folder.lower()) if slash else None


def _read_image(folder: Path, file: Path, splits: dict[str, str], beside: Beside) -> ImageLabels:
    voc = VocFile.read(file)
    name = _name(folder, file, voc)
    row = beside.of(name)
    width, height = voc.image_wh or image_wh(folder, name)
    stem, boxes = _stem(folder, file), voc.boxes(width, height)
    return ImageLabels(
        name,
        width,
        height,
        boxes,
        row.group,
        row.split_or(splits.get(stem, _folder_split(stem))),
        is_labeled=True,
        extra=with_own(row.extra, OWN, voc.kept(boxes)),
    )


def _stem(folder: Path, file: Path) -> str:
    root = folder / _ANNOTATIONS
    return file.relative_to(root if file.is_relative_to(root) else folder).with_suffix("").as_posix()


def _name(folder: Path, file: Path, voc: VocFile) -> str:
    """Where the image lies; without the images, what is likeliest."""
    filename = image_name(voc.filename)
    beside = PurePosixPath() if "/" in filename else PurePosixPath(_stem(folder, file)).parent
    said = _said_path(voc.path)
    likely = [*(f"{images}/{beside / filename}" for images in _IMAGES), str(beside / filename), filename]
    names = [image_name(name) for name in ([said, *likely] if said else likely)]
    return first_existing(folder, names) or names[0]


def _said_path(path: str | None) -> str | None:
    try:
        return image_name(path)
    except LabelError:
        return None


def _row(image: ImageLabels, said: str | None) -> dict[str, Json]:
    if image.is_labeled:
        return unsaid(image, own=OWN, split=said, name=image.name)
    return unsaid(image, own="", name=image.name, is_labeled=False, width=image.width, height=image.height)


def _unlabeled(name: str, beside: Beside) -> ImageLabels:
    row = beside.of(name)
    if row.width is None or row.height is None:
        msg = "expected width and height of an image without an XML, found none"
        raise LabelError(msg)
    return ImageLabels(
        name, row.width, row.height, (), row.group, row.split_or(None), is_labeled=False, extra=row.extra
    )
