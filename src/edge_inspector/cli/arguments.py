"""What reads single arguments, with one clear error for each."""

import argparse
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_inspector.postprocess import Decode


def number(kind: type[int] | type[float], lowest: float, highest: float) -> Callable[[str], float]:
    """Return what reads an argument that is a number from `lowest` to `highest`."""

    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not lowest <= value <= highest:
            bounds = f"of at least {lowest:g}" if highest == math.inf else f"from {lowest:g} to {highest:g}"
            msg = f"expected a{' whole' if kind is int else ''} number {bounds}, found {text!r}"
            raise argparse.ArgumentTypeError(msg)
        return value

    return read


def image_wh(text: str) -> tuple[int, int]:
    """Read an argument that is the size of an image."""
    from edge_inspector.settings import LARGEST_IMAGE_SIDE, SMALLEST_IMAGE_SIDE

    sides = text.split("x")
    if len(sides) == 2 and all(side.isascii() and side.isdigit() for side in sides):
        width, height = map(int, sides)
        if min(width, height) >= SMALLEST_IMAGE_SIDE and max(width, height) <= LARGEST_IMAGE_SIDE:
            return width, height
    bounds = f"with sides of {SMALLEST_IMAGE_SIDE} to {LARGEST_IMAGE_SIDE} pixels"
    msg = f"expected WIDTHxHEIGHT {bounds}, for example 1920x1080, found {text!r}"
    raise argparse.ArgumentTypeError(msg)


def sha256_prefix(text: str) -> str:
    """Read an argument that is a sha256, or how one begins."""
    if not re.fullmatch(r"[0-9a-f]{8,64}", text):
        msg = f"expected 8 to 64 lower-case hexadecimal digits, found {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return text


def decode(text: str) -> "Decode":
    """Read an argument that is the layout of a model's output."""
    from edge_inspector.postprocess import Decode

    if text not in [*Decode]:
        msg = f"expected one of {', '.join(Decode)}, found {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return Decode(text)
