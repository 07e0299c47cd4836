"""Lines of YOLO: `class cx cy w h` in parts of the image's size, as exact decimals.

A pixel value that was a whole number comes back as that number, though its share of the width was rounded to some
digits. Of any other, so many digits are written that reading gives the same number again.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Context, Decimal
from fractions import Fraction
from itertools import chain, count
from pathlib import Path
from typing import Final

from cloud_side.catalog.formats.files import Problems, read_text
from cloud_side.catalog.interchange import ImageLabels, fit_box
from cloud_side.catalog.labels import Box, LabelError

_FEWEST_DIGITS: Final = 6  # what trainers' own tools write
_NUMBER: Final = re.compile(r"[+-]?(\d{1,20}(\.\d{0,1200})?|\.\d{1,1200})([eE][+-]?\d{1,2})?")
_EXACT: Final = Context(prec=2_600)
_HALF: Final = Decimal("0.5")


def read_lines(file: Path, class_names: Sequence[str], image_wh: tuple[int, int]) -> tuple[Box, ...]:
    """Return the boxes of a file.

    Raises:
        FormatError: If lines are none; all of them.
    """
    problems = Problems()
    boxes = []
    for number, line in enumerate(read_text(file).splitlines(), 1):
        if line.strip():
            with problems.at(f"{file}:{number}"):
                boxes.append(_box(line.split(), class_names, image_wh))
    problems.end()
    return tuple(boxes)


def write_lines(image: ImageLabels, numbers: Mapping[str, int]) -> str:
    """Return the lines of an image; `numbers` are those of the classes."""
    return "".join(
        f"{numbers[box.label]} {x} {y} {width} {height}\n"
        for box in image.boxes
        for x, width in [_shares(box.x, box.width, image.width)]
        for y, height in [_shares(box.y, box.height, image.height)]
    )


def _box(words: Sequence[str], class_names: Sequence[str], image_wh: tuple[int, int]) -> Box:
    if len(words) != 5:
        more = ": polygons and turned boxes are not read" if len(words) > 6 else ""
        msg = f"expected class, center x, center y, width and height, found {len(words)} words{more}"
        raise LabelError(msg)
    if not re.fullmatch(r"\d{1,9}", words[0]) or int(words[0]) >= len(class_names):
        msg = f"class: expected a number from 0 to {len(class_names) - 1}, found {words[0]!r:.80}"
        raise LabelError(msg)
    for name, word in zip(("center x", "center y", "width", "height"), words[1:], strict=True):
        if not _NUMBER.fullmatch(word):
            msg = f"{name}: expected a share of the image's size, found {word!r:.80}"
            raise LabelError(msg)
    x, width = _pixels(words[1], words[3], image_wh[0])
    y, height = _pixels(words[2], words[4], image_wh[1])
    return fit_box(class_names[int(words[0])], (x, y, width, height), *image_wh)


def _pixels(center: str, length: str, size: int) -> tuple[float, float]:
    """Return start and length in pixels; whole ones where the text can mean them."""
    middle, half = Decimal(center), _EXACT.multiply(Decimal(length), _HALF)
    tolerance = _rounding(center, length) * size
    start = _snap(_EXACT.multiply(_EXACT.subtract(middle, half), Decimal(size)), tolerance)
    end = _snap(_EXACT.multiply(_EXACT.add(middle, half), Decimal(size)), tolerance)
    return float(start), float(_EXACT.subtract(end, start))


def _rounding(center: str, length: str) -> Decimal:
    """How far from what was meant an edge can be: half a digit of the center, and a quarter of one of the length."""
    digits = max(_FEWEST_DIGITS, *(_digits(text) for text in (center, length)))
    return Decimal(75).scaleb(-digits - 2)


def _digits(text: str) -> int:
    exponent = Decimal(text).as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _snap(value: Decimal, tolerance: Decimal) -> Decimal:
    whole = value.to_integral_value()
    return whole if abs(_EXACT.subtract(value, whole)) <= tolerance else value


def _shares(start: float, length: float, size: int) -> tuple[str, str]:
    """Return center and length as parts of the size, with as many digits as bring the pixels back."""
    center = (Fraction(start) + Fraction(length) / 2) / size
    part = Fraction(length) / size
    for digits in chain((_FEWEST_DIGITS, 9, 12, 18, 24, 40), count(80, 80)):
        texts = _decimal(center, digits), _decimal(part, digits)
        if _pixels(*texts, size) == (start, length):
            return texts
    raise AssertionError


def _decimal(value: Fraction, digits: int) -> str:
    whole = str(round(value * 10**digits)).rjust(digits + 1, "0")
    return f"{whole[:-digits]}.{whole[-digits:]}"
