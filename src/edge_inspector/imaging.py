"""Encoded image bytes -> pixels, with one clear error for what is no whole image."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_inspector.errors import FrameError
from edge_inspector.frame import check_image

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
_TAIL = 4096  # bytes in which the end marker is looked for; some writers put notes behind it

# Decoders return the top of a cut file as if it were whole; the end marker tells the difference.
_FORMATS = (("JPEG", b"\xff\xd8\xff", b"\xff\xd9"), ("PNG", b"\x89PNG\r\n\x1a\n", b"IEND"))


def decode_image(content: bytes, name: str, *, gray: bool = False) -> NDArray[np.uint8]:
    """Return the pixels of an encoded image: (h, w) uint8 where it is grey, else (h, w, 3) uint8 BGR.

    Deeper images are scaled to 8 bits, transparency is dropped, and a camera's orientation note is followed.

    Args:
        content: A whole JPEG, PNG, BMP, TIFF or WebP file.
        name: What to call it in an error.
        gray: Leave the colors out, as a grey model does in its training: a third less to decode.

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
        image = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), flags)
    except cv2.error as error:
        msg = f"{name}: cannot be decoded: {error.err}"
        raise FrameError(msg) from error
    if image is None:
        msg = f"{name}: expected an image, found {len(content)} bytes that are none ({content[:8]!r}...)"
        raise FrameError(msg)
    pixels = np.asarray(image, dtype=np.uint8)
    check_image(pixels, name)
    return pixels


def _behind_headers(content: bytes) -> int:
    """Return where the pixels of a JPEG begin: a thumbnail in its headers has an end marker of its own; else 0."""
    place = len(b"\xff\xd8") if content.startswith(b"\xff\xd8") else 0
    while place and content[place : place + 1] == b"\xff" and content[place + 1 : place + 2] != b"\xda":
        is_padding = content[place + 1 : place + 2] == b"\xff"
        place += 1 if is_padding else 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return place
