"""Labels between forms: what COCO, YOLO, Pascal VOC, manifests and our own rows all say, as values."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias

from cloud_side.catalog.labels import Box, LabelError, check_inside
from edge_inspector.errors import ConfigError

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

SPLITS: Final = ("train", "val", "test")  # what forms have words for; other names travel in the side file
SPLIT_WORDS: Final = {  # what others call them, in small letters
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
IMAGE_SUFFIXES: Final = frozenset({".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})

_SHOWN: Final = 20
_CUT: Final = 1.0  # pixels: forms that count from 1, or round, are off by so much
# Control characters, line ends of any kind, halves of pairs: no form but JSON could bring them back.
_UNWRITABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_SPLIT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class FormatError(ConfigError):
    """Files of labels that cannot be read, or written, as they are: all problems at once.

    Attributes:
        problems: Each as `file:line: field: expected ..., found ...`. The message shows the first 20.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        rest = len(self.problems) - _SHOWN
        more = [f"and {rest} problems more"] if rest > 0 else []
        super().__init__("\n".join([*self.problems[:_SHOWN], *more]))


@dataclass(frozen=True, slots=True)
class ImageLabels:
    """One image and what is said of it.

    Attributes:
        name: Its path from the folder of the set, with slashes: `images/a.jpg`.
        width, height: In pixels, as a viewer shows it.
        boxes: Inside the image; none where it is not labeled.
        group: What must not be torn apart into training and test; None where nobody said.
        split: `train`, `val`, `test`, or a word of somebody's own.
        is_labeled: False where nobody has looked: not the same as an image without a defect.
        extra: What a form has beyond that, under the form's name, so that it is there when it is written again.

    Raises:
        LabelError: If a field cannot be.
    """

    name: str
    width: int
    height: int
    boxes: tuple[Box, ...] = ()
    group: str | None = None
    split: str | None = None
    is_labeled: bool = True
    extra: Mapping[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if image_name(self.name) != self.name:
            msg = f"expected the name {image_name(self.name)!r}, found {self.name!r}"
            raise LabelError(msg)
        try:
            self._check()
        except LabelError as error:
            msg = f"{self.name}: {error}"
            raise LabelError(msg) from error

    def _check(self) -> None:
        if self.width < 1 or self.height < 1:
            msg = f"expected a size of 1 x 1 pixels or more, found {self.width} x {self.height}"
            raise LabelError(msg)
        if self.boxes and not self.is_labeled:
            msg = f"boxes: expected none in an unlabeled image, found {len(self.boxes)}"
            raise LabelError(msg)
        if self.group is not None:
            check_word(self.group, "group")
        if self.split is not None and not _SPLIT.fullmatch(self.split):
            msg = f"split: expected letters, digits, '_', '.' and '-', found {self.split!r}"
            raise LabelError(msg)
        check_inside(self.boxes, self.width, self.height)


@dataclass(frozen=True, slots=True)
class LabelSet:
    """Labeled images, in the order of their names whatever order they are given in.

    Attributes:
        class_names: All classes that were looked for, in the order of their numbers.
        images: Each name once.
        extra: What a form says of the set as a whole, under the form's name.

    Raises:
        LabelError: If names are there twice, or a box has a class that the set has not.
    """

    class_names: tuple[str, ...]
    images: tuple[ImageLabels, ...]
    extra: Mapping[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "images", tuple(sorted(self.images, key=lambda image: image.name)))
        for name in self.class_names:
            check_word(name, "class")
        if len(set(self.class_names)) < len(self.class_names):
            msg = f"classes: expected each once, found {', '.join(self.class_names)}"
            raise LabelError(msg)
        for image, following in zip(self.images, self.images[1:], strict=False):
            if image.name == following.name:
                msg = f"{image.name}: expected each image once, found it twice"
                raise LabelError(msg)
        self._check_classes()

    def _check_classes(self) -> None:
        known = set(self.class_names)
        for image in self.images:
            if unknown := {box.label for box in image.boxes} - known:
                msg = f"{image.name}: expected classes among {', '.join(self.class_names)}, found {sorted(unknown)}"
                raise LabelError(msg)


def image_name(text: object) -> str:
    """Return the name of an image as sets have it; a leading `./` and doubled slashes are dropped.

    Raises:
        LabelError: If it does not stay in the folder of the set, or is no picture's.
    """
    if not isinstance(text, str) or not text or _UNWRITABLE.search(text):
        msg = f"expected the path of an image, found {text!r:.200}"
        raise LabelError(msg)
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or "\\" in text or re.match(r"[A-Za-z]:", text):
        msg = f"expected a path inside the folder, with '/' between its parts, found {text!r}"
        raise LabelError(msg)
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        msg = f"expected an image file ({', '.join(sorted(IMAGE_SUFFIXES))}), found {text!r}"
        raise LabelError(msg)
    return path.as_posix()


def check_word(text: object, what: str) -> str:
    """Return a class or a group.

    Raises:
        LabelError: If it is no text of one line, without spaces at its ends.
    """
    if not isinstance(text, str) or not text or text != text.strip() or _UNWRITABLE.search(text):
        msg = f"{what}: expected a line of text without spaces at its ends, found {text!r:.200}"
        raise LabelError(msg)
    return text


def check_upright(rotation: object) -> None:
    """Let a box pass that is not turned, as far as its form says; nothing said is 0.

    Raises:
        LabelError: If it is turned: its corners are then not those that the form gives.
    """
    try:
        is_turned = rotation is not None and float(str(rotation)) % 360 != 0
    except ValueError:
        is_turned = True
    if is_turned:
        msg = f"rotation: expected 0, for boxes stand upright, found {rotation!s:.80}"
        raise LabelError(msg)


def fit_box(label: str, xywh: Sequence[float], width: int, height: int) -> Box:
    """Return a box that lies in its image; what is outside by 1 pixel at most is cut off.

    Args:
        label: Its class.
        xywh: Left, top, width and height in pixels.
        width: Of the image.
        height: Of the image.

    Raises:
        LabelError: If it is further outside, or has no area.
    """
    x, y, box_width, box_height = xywh
    left, box_width = _fit(x, box_width, width)
    top, box_height = _fit(y, box_height, height)
    box = Box(label, left, top, box_width, box_height)
    check_inside([box], width, height)
    return box


def _fit(start: float, length: float, limit: int) -> tuple[float, float]:
    if -_CUT <= start < 0:
        start, length = 0.0, start + length
    if limit < start + length <= limit + _CUT:
        length = limit - start
    return start, length


def check_inside_folder(folder: Path, name: str) -> Path:
    """Return the file of a name; it need not be there.

    Raises:
        LabelError: If a link leads out of the folder.
    """
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        msg = f"expected a file inside {folder}, found a link that leads to {path.resolve()}"
        raise LabelError(msg)
    return path


def first_existing(folder: Path, names: Iterable[str]) -> str | None:
    """Return the first name whose file is in the folder, or None."""
    return next((name for name in names if (folder / name).is_file()), None)
