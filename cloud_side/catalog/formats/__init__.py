"""The forms in which others keep labels: read into labeled images, and written from them, without a loss.

    COCO, YOLO, Pascal VOC, augmented manifest, our rows  <->  LabelSet

A form writes files of labels only; whoever writes a set puts its images at `folder/{name}`. What a form has no word
for (group, split, where a label comes from) is kept beside it, in `edge-inspector.jsonl` or under the key
`edge-inspector`, where other programs pass it over.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from cloud_side.catalog.formats import coco, manifest, rows, voc, yolo
from cloud_side.catalog.interchange import FormatError, LabelSet


@dataclass(frozen=True, slots=True)
class Form:
    """A form of labels.

    Attributes:
        name: As commands have it.
        read: Returns the set that a folder, or one file of labels, holds; raises FormatError with all problems.
        write: Writes a set's labels into a folder of its own; the same again changes nothing. Raises FormatError
            before it writes anything if the form has no place for something of the set.
        is_here: Whether a folder or a file looks as if it had this form.
        describes: What it is, in a line for people.
    """

    name: str
    read: Callable[[Path], LabelSet]
    write: Callable[[LabelSet, Path], None]
    is_here: Callable[[Path], bool]
    describes: str


FORMS: Final[Mapping[str, Form]] = MappingProxyType(
    {
        form.name: form
        for form in (
            Form("coco", coco.read, coco.write, coco.is_here, "COCO: annotations/instances_*.json"),
            Form("yolo", yolo.read, yolo.write, yolo.is_here, "YOLO as Ultralytics has it: data.yaml and labels/*.txt"),
            Form("voc", voc.read, voc.write, voc.is_here, "Pascal VOC: Annotations/*.xml"),
            Form("augmented", manifest.read, manifest.write, manifest.is_here, "manifests of Ground Truth: *.manifest"),
            Form("rows", rows.read, rows.write, rows.is_here, "rows of our own: labels.jsonl"),
        )
    }
)


def detect(path: Path) -> str:
    """Return the name of the form that a folder, or a file of labels, has.

    Raises:
        FormatError: If it has none, or more than one.
    """
    if not path.exists():
        raise FormatError([f"{path}: expected a folder or a file of labels, found nothing there"])
    found = [form.name for form in FORMS.values() if form.is_here(path)]
    if len(found) != 1:
        forms = "; ".join(form.describes for form in FORMS.values())
        raise FormatError(
            [f"{path}: expected labels of one form ({forms}), found {' and '.join(found) or 'none of these'}"]
        )
    return found[0]
