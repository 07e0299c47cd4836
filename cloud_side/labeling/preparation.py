"""What a selected sample is made of before people see it: whether its picture is whole, and where labeling starts."""

import hashlib
import io
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from PIL import Image, UnidentifiedImageError

from cloud_side.catalog.index import split_key
from cloud_side.catalog.labels import Box, LabelError, Origin, parse_json
from cloud_side.labeling.fitting import read_raw
from cloud_side.labeling.items import PROPOSAL, Item

MOST_BYTES: Final = 64 << 20
MOST_PIXELS: Final = 100_000_000  # 300 MB when decoded: what a function has room for
_FORMATS: Final = ("JPEG", "PNG")  # what browsers and Ground Truth both show
_ENDS: Final = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND"}  # MPO: a JPEG with further views behind it
_TAIL_BYTES: Final = 4096  # in which the end is looked for; some writers put notes behind it
_ORIENTATION: Final = 0x0112
_TURNED: Final = frozenset({5, 6, 7, 8})  # by a quarter: width and height change places
_SUFFIX: Final = re.compile(r"\.[^./]*$")


class Flaw(StrEnum):
    """Why an image is put aside."""

    MISSING = "missing"
    EMPTY = "empty"
    TOO_LARGE = "too large"
    OTHER_CONTENT = "other content than its sidecar says"
    NO_IMAGE = "no image"
    CUT_OFF = "cut off"


class FlawedError(ValueError):
    """An image that nobody can label.

    Attributes:
        flaw: Of which kind.
    """

    def __init__(self, flaw: Flaw, found: str) -> None:
        """Keep the kind, and say what was found."""
        super().__init__(found)
        self.flaw = flaw


@dataclass(frozen=True, slots=True)
class Sample:
    """A line of what a batch took.

    Attributes:
        sha256: Of the picture.
        image: Its key.
        part_group: What must not be torn apart, as the settings ask.
        reason: Why it was kept.
    """

    sha256: str
    image: str
    part_group: str
    reason: str | None

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> "Sample":
        """Read it."""
        return cls(str(row["sha256"]), str(row["image"]), str(row["part_group"]), row.get("reason") or None)

    @property
    def sidecar(self) -> str:
        """The key of the sidecar."""
        return _SUFFIX.sub("", self.image) + ".json"


@dataclass(frozen=True, slots=True)
class PreLabels:
    """Where labeling starts.

    Attributes:
        boxes: Inside the image.
        confidences: Of the model, a box each; None for one that an operator drew.
        class_names: That the model knows, or the operator named.
        origin: Where the image comes from.
        cut: Boxes of which a part lay outside.
        dropped: Boxes that lay outside, or were none.
        problem: Why there are none; None where there may be some.
    """

    boxes: tuple[Box, ...]
    confidences: tuple[float | None, ...]
    class_names: tuple[str, ...]
    origin: Origin
    cut: int = 0
    dropped: int = 0
    problem: str | None = None

    def among(self, class_names: Sequence[str]) -> "PreLabels":
        """Return those of some classes; the others are dropped."""
        kept = [pair for pair in zip(self.boxes, self.confidences, strict=True) if pair[0].label in class_names]
        return replace(
            self,
            boxes=tuple(box for box, _ in kept),
            confidences=tuple(confidence for _, confidence in kept),
            class_names=tuple(class_names),
            dropped=self.dropped + len(self.boxes) - len(kept),
        )


def picture_wh(content: bytes, sha256: str) -> tuple[int, int]:
    """Return width and height of a whole picture as browsers and models see it: its orientation note is followed.

    The name says nothing: a PNG that is called `.jpg` is as good as another.

    Raises:
        FlawedError: If it is not the one that was meant, or not whole.
    """
    if not content:
        raise FlawedError(Flaw.EMPTY, "expected an image, found an empty file")
    if (found := hashlib.sha256(content).hexdigest()) != sha256:
        msg = f"expected SHA-256 {sha256}, found {found}"
        raise FlawedError(Flaw.OTHER_CONTENT, msg)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # notes that cannot be read, sizes: both are looked at here
            return _loaded_wh(content)
    except UnidentifiedImageError as error:
        msg = f"expected a JPEG or PNG, found {len(content)} bytes that begin with {content[:8]!r}"
        raise FlawedError(Flaw.NO_IMAGE, msg) from error
    except Image.DecompressionBombError as error:
        msg = f"expected at most {MOST_PIXELS} pixels: {error}"
        raise FlawedError(Flaw.TOO_LARGE, msg) from error
    except (OSError, SyntaxError, ValueError, OverflowError) as error:
        if isinstance(error, FlawedError):
            raise
        msg = f"expected a whole image, found {len(content)} bytes: {error}"
        raise FlawedError(Flaw.CUT_OFF, msg) from error


def _loaded_wh(content: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
        width, height = image.size
        if min(width, height) < 1:
            msg = f"expected pixels, found {width} x {height}"
            raise FlawedError(Flaw.NO_IMAGE, msg)
        if width * height > MOST_PIXELS:
            msg = f"expected at most {MOST_PIXELS} pixels, found {width} x {height}"
            raise FlawedError(Flaw.TOO_LARGE, msg)
        image.load()
        end = _ENDS[image.format or ""]
        if end not in content[-_TAIL_BYTES:]:  # decoders make up the last lines
            msg = f"expected a whole {image.format}, found no end in {len(content)} bytes"
            raise FlawedError(Flaw.CUT_OFF, msg)
        return (height, width) if _orientation(image) in _TURNED else (width, height)


def _orientation(image: Image.Image) -> object:
    try:
        return image.getexif().get(_ORIENTATION)
    except (OSError, SyntaxError, ValueError, KeyError, TypeError):
        return None  # a note that nobody can read turns nothing


def read_pre_labels(sidecar: bytes | None, sample: Sample, image_wh: tuple[int, int]) -> PreLabels:
    """Return what a sidecar says; an image whose sidecar is gone or broken is labeled from nothing.

    Args:
        sidecar: Its content; None where there is none of use.
        sample: The image.
        image_wh: Width and height of the image.
    """
    if sidecar is None:
        return _nothing(_origin({}, sample), "there is no sidecar, or one that is far too large")
    try:
        document = parse_json(sidecar)
        ours: Mapping[str, Any] = document["edge-inspector"]
        if ours["sha256"] != sample.sha256:
            msg = f"expected the sidecar of {sample.sha256}, found that of {ours['sha256']}"
            return _nothing(_origin({}, sample), msg)
        origin = _origin(ours, sample)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return _nothing(_origin({}, sample), f"expected a sidecar, found {sidecar[:80]!r}: {error!r}")
    try:
        return _proposed(document, origin, image_wh)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        return _nothing(origin, f"expected boxes as {PROPOSAL!r}: {error!r}")


def _nothing(origin: Origin, problem: str) -> PreLabels:
    return PreLabels((), (), (), origin, problem=problem)


def _proposed(document: Mapping[str, Any], origin: Origin, image_wh: tuple[int, int]) -> PreLabels:
    value, metadata = document[PROPOSAL], document[f"{PROPOSAL}-metadata"]
    class_map = metadata["class-map"]
    size = value["image_size"][0]
    if (size["width"], size["height"]) != image_wh:
        msg = f"expected boxes on {image_wh[0]} x {image_wh[1]} pixels, found {size['width']} x {size['height']}"
        raise ValueError(msg)
    annotations, objects = value["annotations"], metadata.get("objects", [])
    boxes: list[Box] = []
    confidences: list[float | None] = []
    cut = 0
    for number, annotation in enumerate(annotations):
        try:
            raw = read_raw(annotation, class_map)
        except LabelError:
            continue
        if (box := raw.inside(*image_wh)) is not None:
            boxes.append(box)
            confidences.append(_confidence(objects, number))
            cut += raw.overhang(*image_wh) > 0
    names = tuple(sorted({name for name in class_map.values() if isinstance(name, str) and name}))
    return PreLabels(tuple(boxes), tuple(confidences), names, origin, cut, len(annotations) - len(boxes))


def _confidence(objects: Sequence[Mapping[str, Any]], number: int) -> float | None:
    """Return how sure the model was of a box; None for a person's."""
    each = objects[number] if number < len(objects) else {}
    value = each.get("confidence")
    if each.get("source") == "operator" or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= 1 else None


def _origin(ours: Mapping[str, Any], sample: Sample) -> Origin:
    result: Mapping[str, Any] = ours.get("result") or {}
    model: Mapping[str, Any] = result.get("model") or {}
    said = {
        **_of_key(sample.image),
        **{name: value for name, value in result.items() if value},
        "reason": ours.get("reason") or sample.reason,
        "disposition": (ours.get("disposition") or {}).get("disposition"),
        "model": f"{model['name']}/{model['version']}" if model else None,
        "model_sha256": model.get("sha256"),
        "source": None,
    }
    return Origin.parse(said)


def _of_key(image: str) -> dict[str, str]:
    try:
        _, partition, _ = split_key(image)
    except ValueError:
        return {}
    return {"site": partition.site, "line": partition.line, "station": partition.station}


def make_item(sample: Sample, bucket: str, image_wh: tuple[int, int], pre_labels: PreLabels) -> Item:
    """Return the item that people get."""
    return Item(
        f"s3://{bucket}/{sample.image}",
        sample.sha256,
        *image_wh,
        sample.part_group,
        pre_labels.class_names,
        pre_labels.boxes,
        pre_labels.confidences,
        pre_labels.origin,
    )
