"""What a person says of an item: checked once, when it comes, in words that this person understands."""

import hashlib
import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from unicodedata import category
from urllib.parse import quote

from cloud_side.catalog.labels import Box, strict_json
from cloud_side.labeling.items import Item, Verdict
from cloud_side.labeling.places import WorkKind
from cloud_side.labeling.work.orders import instant, told

_log = logging.getLogger(__name__)
MOST_BOXES: Final = 300  # on one image
_LONGEST_TEXT: Final = 500
_NO_TEXT: Final = frozenset({"Cc", "Cs"})  # control characters, and halves of what is no character
_LONGEST_S: Final = 86_400.0
_LONGEST_NAME: Final = 200  # of a file, with room for what is put behind it
_PARTS: Final = 4  # of a pixel: sums of quarters are exact, so a box at the edge stays inside


class AnswerError(ValueError):
    """An answer that cannot be taken; says why to the person who gave it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one person says of one item.

    Attributes:
        person: Who.
        at: When, aware UTC.
        seconds: How long it took, as the page counted it.
        boxes: What is on the image; none: no defect, unless it was not looked at.
        verdict: In a verification.
        reason: Of a verdict.
        unusable: Why nobody can say anything of this image.
    """

    person: str
    at: datetime
    seconds: float
    boxes: tuple[Box, ...] = ()
    verdict: Verdict | None = None
    reason: str | None = None
    unusable: str | None = None

    @property
    def has_boxes(self) -> bool:
        """Whether it says which boxes there are, or that there are none."""
        return self.unusable is None and self.verdict in {None, Verdict.ADJUST}

    def said(self) -> dict[str, Any]:
        """Return what the person said, as it is put."""
        if self.unusable is not None:
            return {"unusable": self.unusable}
        document: dict[str, Any] = {} if self.verdict is None else {"verdict": self.verdict.value}
        if self.reason is not None:
            document["reason"] = self.reason
        if self.has_boxes:
            document |= {"no_defect": not self.boxes, "boxes": [box.document() for box in self.boxes]}
        return document

    def content(self) -> bytes:
        """Return it as it is kept."""
        about = {"person": self.person, "at": told(self.at), "seconds": self.seconds}
        return strict_json(about | {"said": self.said()}).encode()


def read_answer(content: bytes) -> Answer | None:
    """Return an answer that was kept; None for what nobody can read, which loses one answer and no batch."""
    try:
        document = json.loads(content)
        said = document["said"]
        return Answer(
            document["person"],
            instant(document["at"]),
            float(document["seconds"]),
            tuple(Box(**box) for box in said.get("boxes", ())),
            Verdict(said["verdict"]) if "verdict" in said else None,
            said.get("reason"),
            said.get("unusable"),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        _log.warning("expected an answer, found %.200r: %r", content, error)
        return None


@lru_cache(maxsize=1024)
def person_key(person: str) -> str:
    """Return a name as a part of a key: readable, and as a file's name can be."""
    spelled = quote(person, safe="").replace("~", "%7E").replace("%", "=")
    return spelled if len(spelled) <= _LONGEST_NAME else hashlib.sha256(person.encode()).hexdigest()


def parse_answer(document: object, item: Item, kind: WorkKind, person: str, at: datetime) -> Answer:
    """Return the answer that a person put.

    Args:
        document: Any JSON.
        item: What it is about.
        kind: What was asked.
        person: Who answers.
        at: When.

    Raises:
        AnswerError: If it cannot be taken.
    """
    if not isinstance(document, Mapping):
        msg = f"expected an object, found {document!r:.100}"
        raise AnswerError(msg)
    said = dict(document)
    seconds = _seconds(said.pop("seconds", 0))
    if "unusable" in said:
        unusable = _text(said.pop("unusable"), "unusable", "why the image cannot be used")
        _check_nothing_else(said, "unusable stands alone")
        return Answer(person, at, seconds, unusable=unusable)
    if kind is WorkKind.LABEL:
        boxes = _what_is_there(said, item)
        _check_nothing_else(said, "expected no_defect, boxes or unusable, and seconds")
        return Answer(person, at, seconds, boxes)
    return _verification(said, item, Answer(person, at, seconds))


def _verification(said: dict[str, Any], item: Item, answer: Answer) -> Answer:
    found = said.pop("verdict", None)
    if found not in [each.value for each in Verdict]:
        msg = f"verdict: expected accept, reject or adjust, found {found!r:.100}"
        raise AnswerError(msg)
    verdict = Verdict(found)
    reason = said.pop("reason", None)
    if reason is not None or verdict is Verdict.REJECT:
        reason = _text(reason, "reason", "what is wrong with the boxes")
    boxes = _what_is_there(said, item) if verdict is Verdict.ADJUST else ()
    _check_nothing_else(said, f"expected nothing more with {verdict.value}")
    return Answer(answer.person, answer.at, answer.seconds, boxes, verdict, reason)


def _what_is_there(said: dict[str, Any], item: Item) -> tuple[Box, ...]:
    no_defect, boxes = said.pop("no_defect", False), said.pop("boxes", [])
    if not isinstance(no_defect, bool):
        msg = f"no_defect: expected true or false, found {no_defect!r:.100}"
        raise AnswerError(msg)
    if not isinstance(boxes, list) or len(boxes) > MOST_BOXES:
        msg = f"boxes: expected a list of at most {MOST_BOXES}, found {boxes!r:.100}"
        raise AnswerError(msg)
    if no_defect == bool(boxes):
        found = "both" if no_defect else "neither"
        msg = f"expected either boxes or no_defect, found {found}: draw what there is, or say that there is no defect"
        raise AnswerError(msg)
    return tuple(_box(each, number, item) for number, each in enumerate(boxes, 1))


def _box(document: object, number: int, item: Item) -> Box:
    if not isinstance(document, Mapping) or document.keys() != {"label", "x", "y", "width", "height"}:
        msg = f"box {number}: expected label, x, y, width and height, found {document!r:.200}"
        raise AnswerError(msg)
    label = document["label"]
    if label not in item.class_names:
        msg = f"box {number}: expected a class among {', '.join(item.class_names) or 'none'}, found {label!r:.100}"
        raise AnswerError(msg)
    x, y, width, height = (_pixels(document[name], number, name) for name in ("x", "y", "width", "height"))
    left, top, right, bottom = (round(edge * _PARTS) / _PARTS for edge in (x, y, x + width, y + height))
    if left < 0 or top < 0 or right > item.width or bottom > item.height:
        msg = (
            f"box {number}: reaches outside the image of {item.width} x {item.height} pixels: x {x:g} to {x + width:g}"
        )
        msg += f", y {y:g} to {y + height:g}"
        raise AnswerError(msg)
    if right - left < 1 or bottom - top < 1:
        msg = f"box {number}: expected at least 1 x 1 pixel, found {width:g} x {height:g}"
        raise AnswerError(msg)
    return Box(str(label), left, top, right - left, bottom - top)


def _pixels(value: object, number: int, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e6:
        msg = f"box {number}: {name}: expected a number of pixels, found {value!r:.100}"
        raise AnswerError(msg)
    return float(value)


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        msg = f"seconds: expected how long it took, 0 or more, found {value!r:.100}"
        raise AnswerError(msg)
    return round(float(min(value, _LONGEST_S)), 3)


def _text(value: object, name: str, what: str) -> str:
    words = " ".join(value.split()) if isinstance(value, str) and len(value) <= _LONGEST_TEXT else ""
    if not words or any(category(sign) in _NO_TEXT for sign in words):
        msg = f"{name}: expected words that say {what}, {_LONGEST_TEXT} characters at most, found {value!r:.100}"
        raise AnswerError(msg)
    return words


def _check_nothing_else(said: Mapping[str, Any], expected: str) -> None:
    if said:
        msg = f"{expected}; found {', '.join(sorted(f'{name:.40}' for name in said))}"
        raise AnswerError(msg)
