"""From the bytes that a camera sent to an image: 8 bit, gray or BGR.

What is done here is the one copy of a frame between the driver and the detector: the driver's buffer is read, a new
image is written, and the buffer goes back to the driver.

Source: GenICam Pixel Format Naming Convention (PFNC) 2.4, and its value list; GigE Vision's own packed formats.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_inspector.errors import FrameError

Bytes: TypeAlias = NDArray[np.uint8]


class _Packing(Enum):
    """How the bits of a pixel lie in bytes."""

    BYTES = auto()
    WORDS = auto()  # 16 bit, the least significant byte first
    PACKED_10 = auto()  # 4 pixels in 5 bytes, without a gap
    PACKED_12 = auto()  # 2 pixels in 3 bytes, without a gap
    GIGE_PACKED = auto()  # 2 pixels in 3 bytes, the middle one of which has the least significant bits of both


class _Layout(Enum):
    """What the pixels are; of a mosaic, the conversions: to color and to gray."""

    MONO = (None, None)
    RGB = (cv2.COLOR_RGB2BGR, cv2.COLOR_RGB2GRAY)
    BGR = (None, cv2.COLOR_BGR2GRAY)
    # OpenCV's older names, COLOR_BayerBG2BGR and so on, are shifted by a pixel against GenICam's: these are not.
    BAYER_RG = (cv2.COLOR_BayerRGGB2BGR, cv2.COLOR_BayerRGGB2GRAY)
    BAYER_GR = (cv2.COLOR_BayerGRBG2BGR, cv2.COLOR_BayerGRBG2GRAY)
    BAYER_GB = (cv2.COLOR_BayerGBRG2BGR, cv2.COLOR_BayerGBRG2GRAY)
    BAYER_BG = (cv2.COLOR_BayerBGGR2BGR, cv2.COLOR_BayerBGGR2GRAY)


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """One pixel format.

    Attributes:
        name: As GenICam's PixelFormat spells it.
        code: Its 32 bit value in PFNC.
        bits: Significant bits of a sample.
        packing: How they lie in bytes.
        layout: What the samples are.
    """

    name: str
    code: int
    bits: int
    packing: _Packing
    layout: _Layout

    @property
    def samples(self) -> int:
        """Samples of a pixel."""
        return 3 if self.layout in {_Layout.RGB, _Layout.BGR} else 1

    def row_bytes(self, width: int) -> int | None:
        """Return the bytes of a row without padding; None where rows do not begin on a byte of their own."""
        match self.packing:
            case _Packing.BYTES:
                return width * self.samples
            case _Packing.WORDS:
                return width * 2
        return None


_BAYER_ORDERS = {
    "GR": _Layout.BAYER_GR,
    "RG": _Layout.BAYER_RG,
    "GB": _Layout.BAYER_GB,
    "BG": _Layout.BAYER_BG,
}


def _bayer(packing: _Packing, bits: int, suffix: str, codes: Sequence[int]) -> tuple[PixelFormat, ...]:
    """Return the four orders of a mosaic; `codes` in the order above, in which PFNC counts them."""
    return tuple(
        PixelFormat(f"Bayer{order}{suffix}", code, bits, packing, layout)
        for code, (order, layout) in zip(codes, _BAYER_ORDERS.items(), strict=True)
    )


_FORMATS = (
    PixelFormat("Mono8", 0x01080001, 8, _Packing.BYTES, _Layout.MONO),
    PixelFormat("Mono10", 0x01100003, 10, _Packing.WORDS, _Layout.MONO),
    PixelFormat("Mono10p", 0x010A0046, 10, _Packing.PACKED_10, _Layout.MONO),
    PixelFormat("Mono10Packed", 0x010C0004, 10, _Packing.GIGE_PACKED, _Layout.MONO),
    PixelFormat("Mono12", 0x01100005, 12, _Packing.WORDS, _Layout.MONO),
    PixelFormat("Mono12p", 0x010C0047, 12, _Packing.PACKED_12, _Layout.MONO),
    PixelFormat("Mono12Packed", 0x010C0006, 12, _Packing.GIGE_PACKED, _Layout.MONO),
    PixelFormat("Mono14", 0x01100025, 14, _Packing.WORDS, _Layout.MONO),
    PixelFormat("Mono16", 0x01100007, 16, _Packing.WORDS, _Layout.MONO),
    *_bayer(_Packing.BYTES, 8, "8", range(0x01080008, 0x0108000C)),
    *_bayer(_Packing.WORDS, 10, "10", range(0x0110000C, 0x01100010)),
    *_bayer(_Packing.PACKED_10, 10, "10p", (0x010A0056, 0x010A0058, 0x010A0054, 0x010A0052)),
    *_bayer(_Packing.GIGE_PACKED, 10, "10Packed", range(0x010C0026, 0x010C002A)),
    *_bayer(_Packing.WORDS, 12, "12", range(0x01100010, 0x01100014)),
    *_bayer(_Packing.PACKED_12, 12, "12p", (0x010C0057, 0x010C0059, 0x010C0055, 0x010C0053)),
    *_bayer(_Packing.GIGE_PACKED, 12, "12Packed", range(0x010C002A, 0x010C002E)),
    *_bayer(_Packing.WORDS, 16, "16", range(0x0110002E, 0x01100032)),
    PixelFormat("RGB8", 0x02180014, 8, _Packing.BYTES, _Layout.RGB),
    PixelFormat("BGR8", 0x02180015, 8, _Packing.BYTES, _Layout.BGR),
)
_BY_CODE = {known.code: known for known in _FORMATS}
_BY_NAME = {known.name: known for known in _FORMATS}
SUPPORTED = tuple(_BY_NAME)
_BY_OLDER_NAME = {"RGB8Packed": _BY_NAME["RGB8"], "BGR8Packed": _BY_NAME["BGR8"]}


def by_code(code: int) -> PixelFormat:
    """Return the format of a PFNC code; raises FrameError for one that cannot be read."""
    if (found := _BY_CODE.get(code)) is None:
        raise FrameError(_unsupported(f"PixelFormat 0x{code:08X}"))
    return found


def by_name(name: str) -> PixelFormat:
    """Return the format that GenICam calls so; raises FrameError for one that cannot be read."""
    if (found := _BY_NAME.get(name) or _BY_OLDER_NAME.get(name)) is None:
        raise FrameError(_unsupported(f"PixelFormat {name}"))
    return found


def to_image(  # noqa: PLR0913 - how a picture lies in memory
    raw: Bytes, pixels: PixelFormat, width: int, height: int, *, row_padding: int = 0, gray: bool = False
) -> Bytes:
    """Turn the bytes of a picture into a new image; `raw` is not needed any more afterwards.

    Samples of more than 8 bits are cut to their 8 most significant ones.

    Args:
        raw: (n,) uint8 as the camera sent them; what is more than the image needs is padding of its end.
        pixels: What they mean.
        width: In pixels.
        height: In pixels.
        row_padding: Bytes after each row that are none of the picture.
        gray: Leave the colors out; a mosaic is turned into gray directly.

    Returns:
        (h, w) uint8 where it is gray, else (h, w, 3) uint8 BGR.

    Raises:
        FrameError: If there are too few bytes, or no picture at all.
    """
    if width < 1 or height < 1:
        msg = f"{width}x{height} {pixels.name}: expected a picture, found none in it"
        raise FrameError(msg)
    to_bgr, to_gray = pixels.layout.value
    conversion = to_gray if gray else to_bgr
    samples = _to_8_bit(raw, pixels, width, height, row_padding)
    if conversion is not None:
        return np.asarray(cv2.cvtColor(samples, conversion), np.uint8)
    return samples if pixels.packing is not _Packing.BYTES else samples.copy()


def _to_8_bit(raw: Bytes, pixels: PixelFormat, width: int, height: int, row_padding: int) -> Bytes:
    row_bytes = pixels.row_bytes(width)
    if row_bytes is None:
        if row_padding:
            msg = f"{width}x{height} {pixels.name}: expected rows without padding, found {row_padding} bytes of it"
            raise FrameError(msg)
        return _unpacked(raw, pixels, width, height)
    stride = row_bytes + row_padding
    needed = stride * height
    if raw.size < needed:
        raise FrameError(_too_few(raw, needed, pixels, width, height))
    rows = raw[:needed].reshape(height, stride)[:, :row_bytes]
    if pixels.packing is _Packing.BYTES:
        return rows.reshape(height, width, 3) if pixels.samples == 3 else rows
    return _high_byte(rows.view("<u2"), pixels.bits)


def _high_byte(words: NDArray[np.uint16], bits: int) -> Bytes:
    # In one pass: OpenCV rounds, and half a step less (but for a hair) makes that a cut; what is too large becomes 255.
    scale = 2.0 ** (8 - bits)
    return np.asarray(cv2.convertScaleAbs(words, alpha=scale, beta=-(1 - scale) / 2), np.uint8)


def _unpacked(raw: Bytes, pixels: PixelFormat, width: int, height: int) -> Bytes:
    """Return the 8 most significant bits of every pixel of a packed format."""
    count = width * height
    unpack, in_pixels, in_bytes = _UNPACKING[pixels.packing]
    groups = -(-count // in_pixels)
    needed = -(-count * pixels.bits // 8) if pixels.packing is not _Packing.GIGE_PACKED else -(-count * 3 // 2)
    if raw.size < needed:
        raise FrameError(_too_few(raw, needed, pixels, width, height))
    packed = raw[: groups * in_bytes]
    if packed.size < groups * in_bytes:  # the last group is not full
        packed = np.concatenate([packed, np.zeros(groups * in_bytes - packed.size, np.uint8)])
    samples = np.empty((groups, in_pixels), np.uint8)
    unpack(packed.reshape(groups, in_bytes), samples)
    return samples.reshape(-1)[:count].reshape(height, width)


def _unpack_10(packed: Bytes, samples: Bytes) -> None:
    for pixel in range(3):
        low, high = packed[:, pixel], packed[:, pixel + 1]
        samples[:, pixel] = (low >> (2 + 2 * pixel)) | (high << (6 - 2 * pixel))
    samples[:, 3] = packed[:, 4]


def _unpack_12(packed: Bytes, samples: Bytes) -> None:
    samples[:, 0] = (packed[:, 0] >> 4) | (packed[:, 1] << 4)
    samples[:, 1] = packed[:, 2]


def _unpack_gige(packed: Bytes, samples: Bytes) -> None:
    samples[:, 0], samples[:, 1] = packed[:, 0], packed[:, 2]


_UNPACKING: dict[_Packing, tuple[Callable[[Bytes, Bytes], None], int, int]] = {
    _Packing.PACKED_10: (_unpack_10, 4, 5),
    _Packing.PACKED_12: (_unpack_12, 2, 3),
    _Packing.GIGE_PACKED: (_unpack_gige, 2, 3),
}


def _unsupported(found: str) -> str:
    return f"{found} cannot be read; set pixel_format to one of {', '.join(SUPPORTED)}"


def _too_few(raw: Bytes, needed: int, pixels: PixelFormat, width: int, height: int) -> str:
    return f"{width}x{height} {pixels.name}: expected {needed} bytes, found {raw.size}"
