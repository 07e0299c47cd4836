from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_inspector.errors import FrameError
from edge_inspector.imaging import SUFFIXES, decode_image

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
