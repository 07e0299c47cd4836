"""Small folders of labels for the tests of forms."""

import re
from pathlib import Path

from PIL import Image

from cloud_side.catalog.formats import FORMS
from cloud_side.catalog.interchange import FormatError, ImageLabels, LabelSet
from cloud_side.catalog.labels import Box

# Where the one image of `SMALL` is labeled.
FILES = {
    "coco": "annotations/instances.json",
    "yolo": "labels/a.txt",
    "voc": "Annotations/a.xml",
    "augmented": "labels.manifest",
    "rows": "labels.jsonl",
}
SMALL = LabelSet(("scratch", "dent"), (ImageLabels("images/a.jpg", 100, 50, (Box("dent", 10, 20, 30, 25),)),))


def written(name: str, folder: Path) -> Path:
    """Write the small set in a form; return the file with its labels."""
    FORMS[name].write(SMALL, folder)
    return folder / FILES[name]


def changed(file: Path, *changes: tuple[str, str]) -> None:
    """Change a text by patterns, each of which must be there."""
    text = file.read_text(encoding="utf-8")
    for pattern, replacement in changes:
        text, count = re.subn(pattern, replacement, text, count=1, flags=re.DOTALL)
        assert count == 1, pattern
    file.write_text(text, encoding="utf-8")


def problem(name: str, path: Path) -> str:
    """Return what is said of a folder that cannot be read."""
    try:
        labels = FORMS[name].read(path)
    except FormatError as error:
        return str(error)
    raise AssertionError(labels)


def picture(path: Path, width: int, height: int) -> None:
    """Write an image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (width, height)).save(path)
