from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_inspector.errors import FrameError
from edge_inspector.frame import Frame
from edge_inspector.imaging import SUFFIXES, decode_for, decode_image

LOSSLESS = (".png", ".bmp", ".tiff")


def picture(*, channels: int = 3, dtype: str = "uint8") -> NDArray[np.uint8]:
    random = np.random.default_rng(0)
    shape = (12, 16) if channels == 1 else (12, 16, channels)
    small = random.integers(0, np.iinfo(dtype).max, shape, dtype=dtype)
    return np.asarray(cv2.resize(small, (96, 72), interpolation=cv2.INTER_CUBIC), dtype)


def encode(image: NDArray[np.uint8], suffix: str) -> bytes:
    _, content = cv2.imencode(suffix, image)
    return content.tobytes()


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
@pytest.mark.parametrize("channels", [1, 3])
def test_every_format_that_is_promised_can_be_read(suffix: str, channels: int) -> None:
    image = picture(channels=channels)
    read = decode_image(encode(image, suffix), "part")
    assert read.dtype == np.uint8
    assert read.shape[:2] == image.shape[:2]
    if suffix in LOSSLESS:
        np.testing.assert_array_equal(read, image)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tiff"])
def test_a_grey_image_stays_grey(suffix: str) -> None:
    assert decode_image(encode(picture(channels=1), suffix), "part").shape == (72, 96)


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_a_gray_model_gets_the_pixels_that_its_training_reads(suffix: str, tmp_path: Path) -> None:
    content = encode(picture(), suffix)
    (tmp_path / f"part{suffix}").write_bytes(content)
    trained_on = cv2.imread(str(tmp_path / f"part{suffix}"), cv2.IMREAD_GRAYSCALE)
    read = decode_image(content, "part", gray=True)
    assert read.shape == (72, 96)
    np.testing.assert_array_equal(read, trained_on)


def test_a_gray_reading_refuses_a_cut_image_too() -> None:
    with pytest.raises(FrameError, match="cut off"):
        decode_image(encode(picture(), ".jpg")[:-40], "part", gray=True)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tiff", ".webp"])
def test_an_image_that_was_cut_off_is_never_taken_for_a_whole_one(
    suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    content = encode(picture(), suffix)
    whole = decode_image(content, "part")
    cuts = {*range(1, 64), *range(64, len(content), 97), *range(len(content) - 20, len(content))}
    for cut in sorted(cuts):
        try:
            read = decode_image(content[:cut], "part")
        except FrameError as error:
            assert str(error).startswith("part: ")  # noqa: PT017 - it may also be decoded, see below
        else:
            # A format may end in bytes that carry no pixel.
            np.testing.assert_array_equal(read, whole)
    capfd.readouterr()  # what the decoders say to the terminal


@pytest.mark.parametrize(("suffix", "kind"), [(".jpg", "JPEG"), (".png", "PNG")])
def test_the_error_of_a_cut_image_says_so(suffix: str, kind: str) -> None:
    content = encode(picture(), suffix)
    with pytest.raises(FrameError, match=f"part-7: expected a whole {kind}, found one that is cut off after 700 bytes"):
        decode_image(content[:700], "part-7")


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_notes_behind_the_end_do_no_harm(suffix: str) -> None:
    content = encode(picture(), suffix)
    np.testing.assert_array_equal(decode_image(content + b"note" * 100, "part"), decode_image(content, "part"))


def test_the_thumbnail_of_a_cut_jpeg_is_not_taken_for_its_end() -> None:
    # Cameras put one into the headers, and decoders fill what is missing below it with grey.
    content = encode(picture(), ".jpg")
    thumbnail = b"Exif\0\0" + encode(picture()[::4, ::4].copy(), ".jpg")
    header = b"\xff\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    with_thumbnail = content[:2] + header + content[2:]
    np.testing.assert_array_equal(decode_image(with_thumbnail, "part"), decode_image(content, "part"))
    for cut in range(len(header) + 2, len(with_thumbnail), 53):
        with pytest.raises(FrameError, match="found one that is cut off"):
            decode_image(with_thumbnail[:cut], "part")


def test_an_empty_file_is_told_from_a_damaged_one() -> None:
    with pytest.raises(FrameError, match="part-7: expected an image, found an empty file"):
        decode_image(b"", "part-7")


@pytest.mark.parametrize(
    "content",
    [b"This is a text, renamed to .jpg.\n" * 10, b"\0" * 500, b"GIF89a", b"BM", b"\xff\xd8 no JPEG", b"RIFF0000WEBP"],
)
def test_what_is_no_image_is_refused_with_its_name_and_its_first_bytes(
    content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FrameError, match=rf"notes\.jpg: expected an image, found {len(content)} bytes that are none"):
        decode_image(content, "notes.jpg")
    capfd.readouterr()


def test_an_image_too_large_to_be_one_is_refused_and_takes_no_memory(capfd: pytest.CaptureFixture[str]) -> None:
    header = b"BM" + (54).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
    huge = (40).to_bytes(4, "little") + (2**30).to_bytes(4, "little") * 2 + b"\1\0\x18\0" + bytes(24)
    with pytest.raises(FrameError, match=r"bomb\.bmp: "):
        decode_image(header + huge, "bomb.bmp")
    capfd.readouterr()


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits_are_scaled_to_8(channels: int) -> None:
    deep = picture(channels=channels, dtype="uint16")
    read = decode_image(encode(deep, ".png"), "part")
    assert read.shape == deep.shape
    np.testing.assert_allclose(read, deep / 257, atol=1)


def test_transparency_is_dropped_and_the_colors_stay() -> None:
    image = picture()
    transparent = np.dstack([image, np.zeros(image.shape[:2], np.uint8)])
    np.testing.assert_array_equal(decode_image(encode(transparent, ".png"), "part"), image)


def photo(width: int, height: int, *, channels: int = 3) -> NDArray[np.uint8]:
    """Return a smooth picture with a shape that no turn leaves as it is."""
    ramp = np.add.outer(np.linspace(0, 150, height), np.linspace(0, 100, width)).astype(np.uint8)
    return ramp if channels == 1 else np.dstack([ramp, ramp // 2, 255 - ramp])


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """Return a JPEG with a camera's note on how it was held, 1 to 8 as in EXIF."""
    entry = (
        (0x0112).to_bytes(2, "big") + (3).to_bytes(2, "big") + (1).to_bytes(4, "big") + bytes([0, orientation, 0, 0])
    )
    note = b"Exif\0\0MM\0*" + (8).to_bytes(4, "big") + (1).to_bytes(2, "big") + entry + bytes(4)
    return jpeg[:2] + b"\xff\xe1" + (len(note) + 2).to_bytes(2, "big") + note + jpeg[2:]


@pytest.mark.parametrize(
    ("image_wh", "reduced_wh"),
    [
        ((1280, 896), (640, 448)),  # twice the model's input is enough
        ((1279, 896), (640, 448)),  # sides are rounded up
        ((1278, 896), (1278, 896)),
        ((1280, 894), (1280, 894)),
        ((2560, 1792), (640, 448)),
        ((2557, 1789), (640, 448)),
        ((5120, 3584), (640, 448)),
        ((9000, 3600), (1125, 450)),
        ((450, 300), (450, 300)),
        ((4000, 200), (4000, 200)),
    ],
)
def test_a_large_jpeg_is_decoded_to_no_less_than_twice_the_model_input(
    image_wh: tuple[int, int], reduced_wh: tuple[int, int]
) -> None:
    decoded = decode_for(encode(photo(*image_wh), ".jpg"), "part", smallest_wh=(320, 224))
    assert decoded.pixels.shape == (reduced_wh[1], reduced_wh[0], 3)
    assert decoded.full_wh == (None if reduced_wh == image_wh else image_wh)


@given(width=st.integers(1, 700), height=st.integers(1, 700), orientation=st.integers(1, 8), gray=st.booleans())
def test_whatever_the_size_and_the_orientation_the_frame_speaks_in_pixels_as_captured(
    width: int, height: int, orientation: int, *, gray: bool
) -> None:
    content = with_orientation(encode(photo(width, height), ".jpg"), orientation)
    whole = decode_image(content, "part", gray=gray)
    decoded = decode_for(content, "part", smallest_wh=(40, 24), gray=gray)
    captured = Frame(decoded.pixels, 0, datetime.now(UTC), 0, "part", full_wh=decoded.full_wh)
    assert captured.image_wh == (whole.shape[1], whole.shape[0])
    if decoded.full_wh is not None:
        assert captured.image.shape[0] >= 48
        assert captured.image.shape[1] >= 80
        assert captured.image.size < 0.3 * whole.size
    shrunk = cv2.resize(whole, captured.image.shape[1::-1], interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(captured.image, shrunk, atol=16)


def test_a_reduced_picture_is_what_a_good_resize_makes_of_the_whole_one() -> None:
    content = encode(cv2.resize(picture(), (1600, 1200), interpolation=cv2.INTER_CUBIC), ".jpg")
    for gray in (False, True):
        reduced = decode_for(content, "part", smallest_wh=(320, 224), gray=gray).pixels
        whole = decode_image(content, "part", gray=gray)
        assert reduced.shape[:2] == (600, 800)
        assert np.abs(reduced - cv2.resize(whole, (800, 600), interpolation=cv2.INTER_AREA).astype(float)).mean() < 2


@pytest.mark.parametrize("channels", [1, 3])
def test_a_reduced_gray_picture_stays_gray(channels: int) -> None:
    content = encode(photo(1280, 896, channels=channels), ".jpg")
    assert decode_for(content, "part", smallest_wh=(320, 224), gray=True).pixels.shape == (448, 640)
    assert decode_for(content, "part", smallest_wh=(320, 224)).pixels.ndim == (2 if channels == 1 else 3)


@pytest.mark.parametrize("suffix", sorted(SUFFIXES - {".jpg", ".jpeg"}))
def test_formats_that_gain_nothing_are_read_as_they_are(suffix: str) -> None:
    content = encode(photo(1280, 896), suffix)
    decoded = decode_for(content, "part", smallest_wh=(320, 224))
    assert decoded.full_wh is None
    np.testing.assert_array_equal(decoded.pixels, decode_image(content, "part"))


def test_without_a_model_every_pixel_is_read() -> None:
    decoded = decode_for(encode(photo(1280, 896), ".jpg"), "part", smallest_wh=None)
    assert (decoded.pixels.shape, decoded.full_wh) == ((896, 1280, 3), None)


def test_a_progressive_jpeg_is_reduced_too() -> None:
    _, content = cv2.imencode(".jpg", photo(1280, 896), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    decoded = decode_for(content.tobytes(), "part", smallest_wh=(320, 224))
    assert (decoded.pixels.shape, decoded.full_wh) == ((448, 640, 3), (1280, 896))


def test_the_size_is_that_of_the_picture_and_not_of_its_thumbnail() -> None:
    content = encode(photo(1280, 896), ".jpg")
    thumbnail = b"Exif\0\0" + encode(photo(160, 112), ".jpg")
    content = content[:2] + b"\xff\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail + content[2:]
    assert decode_for(content, "part", smallest_wh=(320, 224)).full_wh == (1280, 896)


def test_the_size_is_found_behind_tables_that_other_encoders_write_first() -> None:
    content = encode(photo(1280, 896), ".jpg")
    start = content.index(b"\xff\xc4")
    table = content[start : start + 2 + int.from_bytes(content[start + 2 : start + 4], "big")]
    assert decode_for(content[:2] + table + content[2:], "part", smallest_wh=(320, 224)).full_wh == (1280, 896)


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_picture_that_would_be_reduced_to_a_square_is_not_lest_nobody_knows_how_it_was_turned(
    orientation: int,
) -> None:
    content = with_orientation(encode(photo(1001, 1002), ".jpg"), orientation)
    decoded = decode_for(content, "part", smallest_wh=(40, 24))
    assert decoded.full_wh is None
    assert decoded.pixels.shape[:2] == ((1002, 1001) if orientation == 1 else (1001, 1002))


def test_a_cut_jpeg_is_refused_before_and_behind_its_size_though_it_would_be_reduced(
    capfd: pytest.CaptureFixture[str],
) -> None:
    content = encode(photo(1280, 896), ".jpg")
    for cut in (*range(1, 700, 7), *range(700, len(content) - 1, 997), len(content) - 1):
        with pytest.raises(FrameError, match="part: expected "):
            decode_for(content[:cut], "part", smallest_wh=(320, 224))
    capfd.readouterr()


@given(st.data())
def test_damaged_headers_give_a_frame_that_agrees_with_itself_or_one_clear_error(data: st.DataObject) -> None:
    content = bytearray(encode(photo(120, 90), ".jpg"))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, 700))] = data.draw(st.integers(0, 255))
    try:
        decoded = decode_for(bytes(content), "part", smallest_wh=(20, 15))
    except FrameError as error:
        assert str(error).startswith("part: ")  # noqa: PT017 - either is right
    else:
        Frame(decoded.pixels, 0, datetime.now(UTC), 0, "part", full_wh=decoded.full_wh)


def frame_of(image_wh: tuple[int, int], full_wh: tuple[int, int] | None) -> Frame:
    return Frame(np.zeros(image_wh[::-1], np.uint8), 0, datetime.now(UTC), 0, "camera-1", full_wh=full_wh)


@given(
    full_wh=st.tuples(st.integers(1, 9000), st.integers(1, 9000)),
    factor=st.sampled_from([1, 2, 4, 8]),
    up=st.booleans(),
)
def test_a_copy_whose_sides_are_rounded_either_way_is_one_of_its_frame(
    full_wh: tuple[int, int], factor: int, *, up: bool
) -> None:
    width, height = (-(-side // factor) if up else max(1, side // factor) for side in full_wh)
    assert frame_of((width, height), full_wh).image_wh == full_wh


@pytest.mark.parametrize("full_wh", [(63, 48), (64, 47), (96, 128), (128, 102), (200, 96), (0, 0)])
def test_an_image_of_another_shape_or_a_larger_one_is_no_reduced_copy(full_wh: tuple[int, int]) -> None:
    with pytest.raises(
        FrameError, match=r"camera-1: expected a reduced copy of a frame of .*, found an image of \(64, 48\)"
    ):
        frame_of((64, 48), full_wh)


def test_boxes_on_a_reduced_copy_are_mapped_to_the_frame_and_stay_inside_it() -> None:
    boxes = np.array([[0, 0, 64, 48], [16, 12, 32, 24]], np.float32)
    assert frame_of((64, 48), (511, 383)).to_captured(boxes)[0].tolist() == [0, 0, 511, 383]
    assert frame_of((64, 48), (512, 384)).to_captured(boxes)[1].tolist() == [128, 96, 256, 192]
    assert frame_of((64, 48), None).to_captured(boxes) is boxes
