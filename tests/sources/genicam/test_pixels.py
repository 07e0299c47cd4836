"""What the bytes of a camera become: every pixel format against pictures whose colors are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_inspector.errors import FrameError
from edge_inspector.sources.genicam import pixels

RED, GREEN, BLUE = (0, 0, 255), (0, 255, 0), (255, 0, 0)
# Which color the pixels of a mosaic see, from its corner: BayerRG begins with red, then green.
ORDERS = {"RG": "RGGB", "GR": "GRBG", "GB": "GBRG", "BG": "BGGR"}
RAMP = np.arange(0, 96, dtype=np.uint16).reshape(8, 12)


def mosaic(order: str, seen: str, brightest: int = 255) -> NDArray[np.uint16]:
    """Return the (8, 12) mosaic of a scene of one pure color."""
    tile = np.array([brightest if color == seen else 0 for color in order], np.uint16).reshape(2, 2)
    return np.tile(tile, (4, 6))


@pytest.mark.parametrize(("seen", "bgr"), [("R", RED), ("G", GREEN), ("B", BLUE)])
@pytest.mark.parametrize(("name", "order"), ORDERS.items())
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_a_pure_color_keeps_its_color_in_every_bayer_order(
    bits: int, name: str, order: str, seen: str, bgr: tuple[int, int, int]
) -> None:
    samples = mosaic(order, seen, (1 << bits) - 1)
    raw = (samples.astype(np.uint8) if bits == 8 else samples.astype("<u2")).reshape(-1).view(np.uint8)
    image = pixels.to_image(raw, pixels.by_name(f"Bayer{name}{bits}"), 12, 8)
    assert image.shape == (8, 12, 3)
    assert (image == bgr).all()


@pytest.mark.parametrize(("name", "order"), ORDERS.items())
def test_a_packed_mosaic_keeps_its_color(name: str, order: str) -> None:
    for bits in (10, 12):
        samples = mosaic(order, "R", (1 << bits) - 1)
        assert (pixels.to_image(packed(samples, bits), pixels.by_name(f"Bayer{name}{bits}p"), 12, 8) == RED).all()
        raw = gige_packed(samples, bits)
        assert (pixels.to_image(raw, pixels.by_name(f"Bayer{name}{bits}Packed"), 12, 8) == RED).all()


@pytest.mark.parametrize(("name", "order"), ORDERS.items())
def test_gray_is_made_of_the_mosaic_with_the_weights_of_the_colors(name: str, order: str) -> None:
    for seen, gray in (("R", 76), ("G", 150), ("B", 29)):
        image = pixels.to_image(
            mosaic(order, seen).astype(np.uint8).reshape(-1), pixels.by_name(f"Bayer{name}8"), 12, 8, gray=True
        )
        assert image.shape == (8, 12)
        assert np.abs(image.astype(int) - gray).max() <= 1


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_more_than_8_bits_are_cut_to_the_8_most_significant(bits: int) -> None:
    every = np.arange(1 << bits, dtype="<u2").reshape(4, -1)
    image = pixels.to_image(every.reshape(-1).view(np.uint8), pixels.by_name(f"Mono{bits}"), every.shape[1], 4)
    assert (image == every >> (bits - 8)).all()


def packed(samples: NDArray[np.uint16], bits: int) -> NDArray[np.uint8]:
    """Pack samples as PFNC's `p` formats do: one after the other, the least significant bit first."""
    each = (samples.reshape(-1, 1) >> np.arange(bits)) & 1
    return np.packbits(each.astype(np.uint8).reshape(-1), bitorder="little")


def gige_packed(samples: NDArray[np.uint16], bits: int) -> NDArray[np.uint8]:
    """Pack samples as GigE Vision does: the high bytes of two around one with the rest of both."""
    even, odd = samples.reshape(-1, 2).T
    low_mask = (1 << (bits - 8)) - 1
    raw = np.stack([even >> (bits - 8), (even & low_mask) | ((odd & low_mask) << 4), odd >> (bits - 8)], axis=1)
    return raw.astype(np.uint8).reshape(-1)


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("image_wh", [(12, 8), (5, 3), (7, 1)])
def test_packed_pixels_are_unpacked_even_where_the_last_bytes_are_not_full(
    bits: int, image_wh: tuple[int, int]
) -> None:
    width, height = image_wh
    samples = np.random.default_rng(1).integers(0, 1 << bits, (height, width), dtype=np.uint16)
    image = pixels.to_image(packed(samples, bits), pixels.by_name(f"Mono{bits}p"), width, height)
    assert (image == samples >> (bits - 8)).all()


@pytest.mark.parametrize("bits", [10, 12])
def test_gige_visions_own_packing_has_the_low_bits_in_the_middle_byte(bits: int) -> None:
    samples = np.random.default_rng(1).integers(0, 1 << bits, (4, 6), dtype=np.uint16)
    image = pixels.to_image(gige_packed(samples, bits), pixels.by_name(f"Mono{bits}Packed"), 6, 4)
    assert (image == samples >> (bits - 8)).all()


def test_mono_is_copied_so_that_the_drivers_buffer_may_be_filled_again() -> None:
    raw = RAMP.astype(np.uint8).reshape(-1)
    image = pixels.to_image(raw, pixels.by_name("Mono8"), 12, 8)
    raw[:] = 0
    assert (image == RAMP).all()


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("name", pixels.SUPPORTED)
def test_no_format_shares_its_memory_with_the_driver(name: str, *, gray: bool) -> None:
    raw = np.zeros(8 * 12 * 6, np.uint8)
    image = pixels.to_image(raw[: _size(name, 12, 8)], pixels.by_name(name), 12, 8, gray=gray)
    assert not np.shares_memory(image, raw)
    assert image.flags.c_contiguous
    assert image.shape[:2] == (8, 12)
    assert image.ndim == (3 if not gray and not name.startswith("Mono") else 2)


def test_rgb_becomes_bgr() -> None:
    raw = np.tile(np.array([255, 128, 0], np.uint8), 96)
    assert (pixels.to_image(raw, pixels.by_name("RGB8"), 12, 8) == (0, 128, 255)).all()
    assert (pixels.to_image(raw, pixels.by_name("BGR8"), 12, 8) == (255, 128, 0)).all()


def test_the_padding_of_rows_is_left_out() -> None:
    padded = np.full((8, 16), 99, np.uint8)
    padded[:, :12] = RAMP
    assert (pixels.to_image(padded.reshape(-1), pixels.by_name("Mono8"), 12, 8, row_padding=4) == RAMP).all()
    with pytest.raises(FrameError, match="12x8 Mono12p: expected rows without padding, found 4 bytes of it"):
        pixels.to_image(padded.reshape(-1), pixels.by_name("Mono12p"), 12, 8, row_padding=4)


def test_what_follows_the_picture_is_no_padding_of_its_rows() -> None:
    """A camera's chunks of what else it knows follow, and may well be as many bytes as there are rows."""
    raw = np.concatenate([RAMP.reshape(-1), np.full(8, 99, np.uint8)])
    assert (pixels.to_image(raw, pixels.by_name("Mono8"), 12, 8) == RAMP).all()


@pytest.mark.parametrize("name", ["Mono8", "Mono16", "Mono12p", "BayerRG8"])
def test_a_buffer_without_a_picture_is_an_error(name: str) -> None:
    with pytest.raises(FrameError, match=f"0x0 {name}: expected a picture, found none in it"):
        pixels.to_image(np.empty(0, np.uint8), pixels.by_name(name), 0, 0)


def test_the_codes_are_those_of_the_naming_convention() -> None:
    assert pixels.by_code(0x01080009) is pixels.by_name("BayerRG8")
    assert pixels.by_code(0x01080001) is pixels.by_name("Mono8")
    assert pixels.by_code(0x0110000D) is pixels.by_name("BayerRG10")
    assert pixels.by_code(0x010C0047) is pixels.by_name("Mono12p")
    assert pixels.by_code(0x010C0059) is pixels.by_name("BayerRG12p")
    assert pixels.by_code(0x02180014) is pixels.by_name("RGB8Packed")


def test_an_unknown_format_is_one_error_with_those_that_are_known() -> None:
    with pytest.raises(FrameError, match="PixelFormat 0x0210001F cannot be read; set pixel_format to one of Mono8, "):
        pixels.by_code(0x0210001F)
    with pytest.raises(FrameError, match="PixelFormat YUV422_8 cannot be read"):
        pixels.by_name("YUV422_8")


@pytest.mark.parametrize("name", pixels.SUPPORTED)
def test_too_few_bytes_are_an_error_and_never_an_image(name: str) -> None:
    raw = np.zeros(_size(name, 12, 8) - 1, np.uint8)
    with pytest.raises(FrameError, match=f"12x8 {name}: expected {raw.size + 1} bytes, found {raw.size}"):
        pixels.to_image(raw, pixels.by_name(name), 12, 8)


def _size(name: str, width: int, height: int) -> int:
    """Return the bytes of an image; PFNC has the bits of a pixel in its codes."""
    return width * height * (pixels.by_name(name).code >> 16 & 0xFF) // 8


def test_every_format_has_a_code_of_its_own() -> None:
    assert len({pixels.by_name(name).code for name in pixels.SUPPORTED}) == len(pixels.SUPPORTED)
