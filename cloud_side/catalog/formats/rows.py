"""Our own rows: `labels.jsonl`, one JSON object an image, as training reads them.

`{"image", "group", "width", "height", "labelled", "boxes": [{"label", "x", "y", "width", "height"}]}`, and `split`
where it has one. `labelled` is false where nobody has looked. All other keys pass through.
"""

from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from cloud_side.catalog.formats.beside import (
    KEY,
    Pixels,
    Unsaid,
    kept_of_boxes,
    known_classes,
    of_boxes,
    own_of,
    read_beside,
    unsaid,
    unsaid_header,
    used_classes,
    with_own,
    write_beside,
)
from cloud_side.catalog.formats.files import Problems, json_text, parse, read_json_lines, write_text
from cloud_side.catalog.formats.gathering import Gathered, check_writable, inside
from cloud_side.catalog.interchange import ImageLabels, Json, LabelSet, fit_box

FILE: Final = "labels.jsonl"
_OWN: Final = "rows"
_Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class _Box(BaseModel):
    model_config = ConfigDict(extra="allow")
    label: str
    x: _Number
    y: _Number
    width: _Number
    height: _Number


class _Row(BaseModel):
    model_config = ConfigDict(extra="allow")
    image: str
    group: str | None = None
    width: Pixels
    height: Pixels
    labelled: Annotated[bool, Field(strict=True)]
    boxes: list[_Box]
    split: str | None = None


def is_here(path: Path) -> bool:
    """Return whether a folder has such rows, or a file is called as they are."""
    return (path / FILE).is_file() or (path.is_file() and path.name == FILE)


def read(path: Path) -> LabelSet:
    """Return the set of a folder with `labels.jsonl`, or of the file.

    Raises:
        FormatError: With all problems.
    """
    file = path / FILE if path.is_dir() else path
    problems = Problems()
    gathered = Gathered(file.parent, problems)
    for rows in inside(file.parent, [file], problems):
        for number, document in read_json_lines(rows, problems):
            with problems.at(f"{rows}:{number}"):
                gathered.add(f"{rows}:{number}", _image(document))
    beside = read_beside(file.parent, problems)
    return gathered.end(file, known_classes(beside.class_names, gathered.images), beside.extra)


def write(labels: LabelSet, folder: Path) -> None:
    """Write a set as rows into a folder.

    Raises:
        FormatError: If it has no image.
    """
    check_writable(labels)
    write_text(folder / FILE, "".join(f"{json_text(_row(image))}\n" for image in labels.images))
    write_beside(folder, unsaid_header(labels, own=_OWN, class_names=used_classes(labels.images)), [])


def _image(document: dict[str, Any]) -> ImageLabels:
    row = parse(_Row, document)
    ours = parse(Unsaid, (row.model_extra or {}).get(KEY, {}))
    boxes = tuple(
        fit_box(box.label.strip(), (box.x, box.y, box.width, box.height), row.width, row.height) for box in row.boxes
    )
    more = {name: value for name, value in (row.model_extra or {}).items() if name != KEY}
    if kept := kept_of_boxes(boxes, [box.model_extra or {} for box in row.boxes]):
        more["boxes"] = kept
    return ImageLabels(
        row.image,
        row.width,
        row.height,
        boxes,
        row.group,
        row.split,
        row.labelled,
        with_own(ours.extra, _OWN, more),
    )


def _row(image: ImageLabels) -> dict[str, Json]:
    own = own_of(image.extra, _OWN)
    kept = of_boxes(own.pop("boxes", None), image.boxes)
    ours = unsaid(image, own=_OWN, split=image.split)
    ours.pop("group", None)
    return {
        **own,
        "image": image.name,
        "width": image.width,
        "height": image.height,
        "labelled": image.is_labeled,
        "boxes": [{**more, **box.document()} for more, box in zip(kept, image.boxes, strict=True)],
        **({"group": image.group} if image.group is not None else {}),
        **({"split": image.split} if image.split is not None else {}),
        **({KEY: ours} if ours else {}),
    }
