"""Encoded image bytes -> pixels, with one clear error for what is no whole image."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_inspector.errors import FrameError
from edge_inspector.frame import check_image

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
_TAIL = 4096  # bytes in which the end marker is looked for; some writers put notes behind it
_JPEG = b"\xff\xd8"

# Decoders return the top of a cut file as if it were whole; the end marker tells the difference.
_FORMATS = (("JPEG", b"\xff\xd8\xff", b"\xff\xd9"), ("PNG", b"\x89PNG\r\n\x1a\n", b"IEND"))
# JPEG decoders can leave out the finer half, quarter or eighth of their work.
_REDUCED_BY = {
    1: 0,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}
_FINER_THAN_THE_MODEL = 2  # times its input: what is left for the resize, which is the better filter
# Start-of-frame markers, without the three of that range that mean something else.
_STARTS_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """The pixels of an encoded image, as `decode_image` returns them, or a reduced copy.

    Attributes:
        pixels: (h, w) or (h, w, 3) uint8.
        full_wh: Width and height of the whole image, where `pixels` is a reduced copy.
    """

    pixels: NDArray[np.uint8]
    full_wh: tuple[int, int] | None = None


def decode_for(content: bytes, name: str, *, smallest_wh: tuple[int, int] | None, gray: bool = False) -> Decoded:
    """Return as much of an encoded image as a model of a known input makes use of.

    A large JPEG takes longer to decode than to inspect. Where a half, a quarter or an eighth of its sides is still at
    least twice `smallest_wh`, only that is decoded; other formats have nothing to gain.

    Args:
        content: As for `decode_image`.
        name: As for `decode_image`.
        smallest_wh: Width and height of the model's input; None for one that looks at every pixel.
        gray: As for `decode_image`.

    Raises:
        FrameError: As `decode_image`.
    """
    stored_wh = None if smallest_wh is None else _jpeg_wh(content)
    if smallest_wh is None or stored_wh is None:
        return Decoded(decode_image(content, name, gray=gray))
    for factor in (8, 4, 2):
        reduced_wh = (-(-stored_wh[0] // factor), -(-stored_wh[1] // factor))
        # A camera's orientation note may turn it, which a square would not tell.
        if _is_enough(reduced_wh, smallest_wh) and (reduced_wh[0] != reduced_wh[1] or stored_wh[0] == stored_wh[1]):
            pixels = decode_image(content, name, gray=gray, reduced_by=factor)
            height, width = pixels.shape[:2]
            if (width, height) == reduced_wh:
                return Decoded(pixels, stored_wh)
            if (height, width) == reduced_wh and _is_enough((width, height), smallest_wh):
                return Decoded(pixels, stored_wh[::-1])
    return Decoded(decode_image(content, name, gray=gray))


def decode_image(content: bytes, name: str, *, gray: bool = False, reduced_by: int = 1) -> NDArray[np.uint8]:
    """Return the pixels of an encoded image: (h, w) uint8 where it is grey, else (h, w, 3) uint8 BGR.

    Deeper images are scaled to 8 bits, transparency is dropped, and a camera's orientation note is followed.

    Args:
        content: A whole JPEG, PNG, BMP, TIFF or WebP file.
        name: What to call it in an error.
        gray: Leave the colors out, as a grey model does in its training: a third less to decode.
        reduced_by: 1, 2, 4 or 8: how many times shorter the sides shall be, rounded up for a JPEG.

    Raises:
        FrameError: If it is empty, cut off, or no image.
    """
    if not content:
        msg = f"{name}: expected an image, found an empty file"
        raise FrameError(msg)
    for kind, start, end in _FORMATS:
        if content.startswith(start) and end not in content[max(_behind_headers(content), len(content) - _TAIL) :]:
            msg = f"{name}: expected a whole {kind}, found one that is cut off after {len(content)} bytes"
            raise FrameError(msg)
    try:
        flags = cv2.IMREAD_GRAYSCALE if gray else cv2.IMREAD_ANYCOLOR
        image = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), flags | _REDUCED_BY[reduced_by])
    except cv2.error as error:
        msg = f"{name}: cannot be decoded: {error.err}"
        raise FrameError(msg) from error
    if image is None:
        msg = f"{name}: expected an image, found {len(content)} bytes that are none ({content[:8]!r}...)"
        raise FrameError(msg)
    pixels = np.asarray(image, dtype=np.uint8)
    check_image(pixels, name)
    return pixels


def _is_enough(image_wh: tuple[int, int], smallest_wh: tuple[int, int]) -> bool:
    return all(side >= _FINER_THAN_THE_MODEL * least for side, least in zip(image_wh, smallest_wh, strict=True))


def _behind_headers(content: bytes) -> int:
    """Return where the pixels of a JPEG begin: a thumbnail in its headers has an end marker of its own; else 0."""
    return max((end for _, _, end in _jpeg_headers(content)), default=0)


def _jpeg_wh(content: bytes) -> tuple[int, int] | None:
    """Return the width and height that a JPEG's headers tell, before any turning; None where they tell none."""
    for marker, start, _ in _jpeg_headers(content):
        if marker in _STARTS_OF_FRAME:
            height, width = (int.from_bytes(content[place : place + 2], "big") for place in (start + 3, start + 5))
            return width, height
    return None


def _jpeg_headers(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the marker of each header of a JPEG, and where its segment starts and ends; nothing for other formats."""
    place = len(_JPEG) if content.startswith(_JPEG) else len(content)
    while place + 1 < len(content) and content[place] == 0xFF and (marker := content[place + 1]) != _START_OF_SCAN:
        if marker == 0xFF:  # padding
            place += 1
            continue
        start = place + 2
        place = start + int.from_bytes(content[start : start + 2], "big")
        yield marker, start, place
