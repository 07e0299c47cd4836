"""COCO instances: JSON with images, annotations and categories; one file a split.

`annotations/instances_train.json`, `instances_val2017.json` and so on say the split in their names. An image without
annotations shows no defect. A file without the key `annotations` (`image_info_*.json`) lists images that nobody has
looked at. A category that only holds others together, as a project's name, is no class. All keys that are not read pass
through, ids and segmentations too. A box that is turned (`attributes.rotation`) is an error.

Source:
    https://cocodataset.org/#format-data, "Object detection".
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from cloud_side.catalog.formats.beside import KEY, of_boxes, own_of, unsaid, with_own, without
from cloud_side.catalog.formats.coco_file import ANNOTATIONS, OWN, CocoFile, area_of, split_of, stem_of
from cloud_side.catalog.formats.files import Problems, json_text, read_text, write_text
from cloud_side.catalog.formats.gathering import Gathered, check_writable, inside
from cloud_side.catalog.interchange import FormatError, ImageLabels, Json, LabelSet
from cloud_side.catalog.labels import Box

# The common layout; without instances whatever JSON lies there; the layouts of labeling tools.
_LAYOUTS: Final = (("annotations/instances*.json", "annotations/image_info*.json"), ("annotations/*.json",))
_FLAT: Final = (("*.json",), ("*/_annotations.coco.json",))


def is_here(path: Path) -> bool:
    """Return whether a folder has such files, or a file is called as they are."""
    if path.is_file():
        return path.suffix.lower() == ".json"
    return bool(_files(path))


def read(path: Path) -> LabelSet:
    """Return the set of a folder, or of one file, which may lie in the folder's `annotations`.

    Images are looked for under their `file_name` in the folder, in `images`, and in folders of the split's name; one
    that is at none of these places has its `file_name` for a name. They are opened only where a size is missing.

    Raises:
        FormatError: With all problems.
    """
    files, folder = (_files(path), path) if path.is_dir() else ([path], _folder_of(path))
    if not files:
        raise FormatError([f"{path}: expected annotations/*.json, found none"])
    problems = Problems()
    gathered = Gathered(folder, problems)
    read_files = []
    for file in inside(folder, files, problems):
        with problems.at(file):
            read_files.append(CocoFile.read(file, folder))
    for read_file in read_files:
        for place, image in read_file.images(problems):
            with problems.at(place):
                gathered.add(place, image)
    return gathered.end(path, _class_names(read_files), _extra(read_files))


def write(labels: LabelSet, folder: Path) -> None:
    """Write a set into a folder, a file a split; images that nobody has looked at into files of their own.

    Ids that were read are kept; others are given in order.

    Raises:
        FormatError: If the set has no image.
    """
    check_writable(labels)
    files: dict[str, list[ImageLabels]] = {}
    for image in labels.images:
        files.setdefault(stem_of(image.split, is_labeled=image.is_labeled), []).append(image)
    categories = _categories(labels)
    for stem, images in files.items():
        file = folder / ANNOTATIONS / f"{stem}.json"
        write_text(file, f"{json_text(_document(labels, file, images, categories))}\n")


def _files(folder: Path) -> list[Path]:
    for patterns in _LAYOUTS:
        if files := sorted({file for pattern in patterns for file in folder.glob(pattern)}):
            return files
    for patterns in _FLAT:
        if files := sorted(file for pattern in patterns for file in folder.glob(pattern) if _looks_right(file)):
            return files
    return []


def _looks_right(file: Path) -> bool:
    try:
        text = read_text(file)
    except FormatError:
        return False
    return '"images"' in text and ('"annotations"' in text or '"categories"' in text)


def _folder_of(file: Path) -> Path:
    return file.parent.parent if file.parent.name == ANNOTATIONS else file.parent


def _class_names(files: Sequence[CocoFile]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for file in files for name in file.classes.values()))


def _extra(files: Sequence[CocoFile]) -> dict[str, Json]:
    extra: dict[str, Json] = {}
    tops: dict[str, Json] = {}
    categories: dict[str, Json] = {}
    for file in files:
        extra.update(file.ours.extra)
        categories.update(file.categories)
        if file.top:
            tops[file.stem] = file.top
    own: dict[str, Json] = {
        **({"files": tops} if tops else {}),
        **({"categories": categories} if categories else {}),
    }
    return with_own(extra, OWN, own)


def _categories(labels: LabelSet) -> dict[str, dict[str, Json]]:
    kept = own_of(labels.extra, OWN).get("categories")
    kept = kept if isinstance(kept, Mapping) else {}
    known = [own_of(kept, name) for name in labels.class_names]
    ids = _Ids()
    numbers = ids.give([each.get("id") for each in known])
    return {
        name: {**more, "id": number, "name": name}
        for name, more, number in zip(labels.class_names, known, numbers, strict=True)
    }


def _document(
    labels: LabelSet, file: Path, images: Sequence[ImageLabels], categories: Mapping[str, Mapping[str, Json]]
) -> dict[str, Json]:
    top = own_of(own_of(own_of(labels.extra, OWN), "files"), file.stem)
    extra = without(labels.extra, OWN)
    owns = [own_of(image.extra, OWN) for image in images]
    kept = [of_boxes(own.pop("annotations", None), image.boxes) for own, image in zip(owns, images, strict=True)]
    numbers = _Ids().give([own.get("id") for own in owns])
    document: dict[str, Json] = {
        **top,
        "images": [
            _image(image, {**own, "id": number}, file) for image, own, number in zip(images, owns, numbers, strict=True)
        ],
        "categories": [*_headings(top, categories), *categories.values()],
        **({KEY: {"extra": extra}} if extra else {}),
    }
    if images[0].is_labeled:
        document["annotations"] = _annotations(images, numbers, kept, categories)
    return document


def _headings(top: Mapping[str, Json], categories: Mapping[str, Mapping[str, Json]]) -> list[Json]:
    """Return the file's categories that are no classes, but for those whose id a class has now."""
    kept = top.get("categories")
    taken = {str(each["id"]) for each in categories.values()}
    rows = kept if isinstance(kept, Sequence) and not isinstance(kept, str) else []
    return [row for row in rows if isinstance(row, Mapping) and str(row.get("id")) not in taken]


def _image(image: ImageLabels, more: Mapping[str, Json], file: Path) -> dict[str, Json]:
    ours = unsaid(image, own=OWN, split=split_of(file))
    return {
        **more,
        "file_name": image.name,
        "width": image.width,
        "height": image.height,
        **({KEY: ours} if ours else {}),
    }


def _annotations(
    images: Sequence[ImageLabels],
    image_ids: Sequence[Json],
    kept: Sequence[Sequence[Mapping[str, Json]]],
    categories: Mapping[str, Mapping[str, Json]],
) -> list[Json]:
    rows = [
        (image_id, box, more)
        for image, image_id, extras in zip(images, image_ids, kept, strict=True)
        for box, more in zip(image.boxes, extras, strict=True)
    ]
    numbers = _Ids().give([more.get("id") for _, _, more in rows])
    return [
        _annotation(box, {**more, "id": number, "image_id": image_id, "category_id": categories[box.label]["id"]})
        for (image_id, box, more), number in zip(rows, numbers, strict=True)
    ]


def _annotation(box: Box, more: Mapping[str, Json]) -> dict[str, Json]:
    document = box.document()
    bbox = [document[name] for name in ("x", "y", "width", "height")]
    return {"area": area_of(bbox), "iscrowd": 0, "segmentation": [], **more, "bbox": bbox}


class _Ids:
    """Numbers for what has none: its place in the row, or the next one that nothing else has."""

    def give(self, wanted: Sequence[Json]) -> list[Json]:
        """Return one for each; the first who wants one gets it."""
        taken: set[str] = set()
        given: list[Json] = [None] * len(wanted)
        for index, want in enumerate(wanted):
            if want is not None and str(want) not in taken:
                given[index] = want
                taken.add(str(want))
        following = len(wanted)
        for index, number in enumerate(given):
            if number is None:
                place = index + 1
                while str(place) in taken:
                    place = following = following + 1
                given[index] = place
                taken.add(str(place))
        return given
