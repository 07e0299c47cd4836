import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_inspector.errors import EndOfSource, SourceError
from edge_inspector.frame import DamagedFrame, DropCause, Frame
from edge_inspector.sources.recorded import PICTURES, RecordedFrame, RecordedFrames, encode_picture
from edge_inspector.web import WebPlace

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
NOISE = np.random.default_rng(0)


def noise(*shape: int) -> NDArray[np.uint8]:
    return NOISE.integers(0, 256, shape, np.uint8)


def frame(
    number: int, image: NDArray[np.uint8], *, part_id: str | None = "part-1", full_wh: tuple[int, int] | None = None
) -> Frame:
    at = AT + timedelta(microseconds=number)
    return Frame(image, number, at, 1_000_000_000 * number, "cam/ß", part_id, "camera", number % 3, full_wh)


def write(folder: Path, frames: list[Frame]) -> list[RecordedFrame]:
    (folder / PICTURES).mkdir()
    recorded = [RecordedFrame.parse(RecordedFrame.of(each).line()) for each in frames]
    for each, written in zip(frames, recorded, strict=True):
        assert written.file is not None
        (folder / written.file).write_bytes(encode_picture(each.image))
    return recorded


@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 3), (1, 1), (3, 1, 3)], ids=str)
def test_a_frame_comes_back_as_it_was_pixel_for_pixel(tmp_path: Path, shape: tuple[int, ...]) -> None:
    before = frame(7, noise(*shape), full_wh=(shape[1] * 2, shape[0] * 2))
    source = RecordedFrames(tmp_path, write(tmp_path, [before]))
    after = source.read(0)
    assert isinstance(after, Frame)
    assert after.image.dtype == np.uint8
    assert np.array_equal(after.image, before.image)
    for name in ("frame_id", "captured_at", "captured_at_source", "source", "part_id", "part_frame", "full_wh"):
        assert getattr(after, name) == getattr(before, name)
    with pytest.raises(EndOfSource):
        source.read(0)


def test_a_damaged_frame_comes_back_with_its_problem(tmp_path: Path) -> None:
    before = DamagedFrame(3, AT, 5, "cam", "part-1", "cut off after 7 bytes", 2, DropCause.FRAME_DAMAGED)
    recorded = RecordedFrame.parse(RecordedFrame.of(before).line())
    after = RecordedFrames(tmp_path, [recorded]).read(0)
    assert isinstance(after, DamagedFrame)
    for name in ("frame_id", "captured_at", "source", "part_id", "problem", "part_frame", "cause"):
        assert getattr(after, name) == getattr(before, name)


def test_without_a_trigger_the_time_between_frames_is_kept(tmp_path: Path) -> None:
    recorded = write(tmp_path, [frame(number, noise(4, 4), part_id=None) for number in (2, 3, 7)])
    source = RecordedFrames(tmp_path, recorded)
    stamps = [source.read(0).captured_monotonic_ns for _ in range(3)]
    assert [stamp - stamps[0] for stamp in stamps] == [0, 1_000_000_000, 5_000_000_000]


def test_frames_of_parts_are_stamped_as_now_and_those_that_came_back_as_later(tmp_path: Path) -> None:
    recorded = write(tmp_path, [frame(number, noise(4, 4)) for number in (2, 3, 7)])
    source = RecordedFrames(tmp_path, recorded, came_back={7}, away_ns=1000)
    stamps = [source.read(0).captured_monotonic_ns for _ in range(3)]
    assert [stamp - stamps[0] for stamp in stamps] == [0, 0, 1000]


def test_a_picture_with_a_flipped_pixel_is_named_with_both_sums(tmp_path: Path) -> None:
    (recorded,) = write(tmp_path, [frame(1, noise(8, 8))])
    path = tmp_path / "frames" / "000001.png"
    image = np.array(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
    image[3, 3] ^= 1
    cv2.imwrite(str(path), image)
    with pytest.raises(
        SourceError, match=rf"000001.png: expected pixels with sha256 {recorded.sha256}, found [0-9a-f]+"
    ):
        RecordedFrames(tmp_path, [recorded]).read(0)


@pytest.mark.parametrize("content", [b"", b"no picture", None], ids=["empty", "text", "missing"])
def test_a_picture_that_is_none_is_named(tmp_path: Path, content: bytes | None) -> None:
    (recorded,) = write(tmp_path, [frame(1, noise(8, 8))])
    path = tmp_path / "frames" / "000001.png"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=r"000001.png: expected a picture"):
        RecordedFrames(tmp_path, [recorded]).read(0)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"frame_id": "x"}, "frame_id: "),
        ({"sha256": None}, "expected either file and sha256, or problem and cause"),
        ({"problem": "p"}, "expected either file and sha256, or problem and cause"),
        ({"file": "../secret.png"}, "file: expected a path inside the recording"),
        ({"captured_at": "2026-03-01T12:00:00"}, "captured_at: expected a time with its offset"),
        ({"more": 1}, "more: "),
    ],
)
def test_a_line_that_is_no_frame_is_refused_with_the_field(change: dict[str, object], expected: str) -> None:
    line = {**json.loads(RecordedFrame.of(frame(1, noise(4, 4))).line()), **change}
    with pytest.raises(ValueError, match=expected):
        RecordedFrame.parse(json.dumps(line))


WEB = WebPlace("roll-7", 4096, 512, first_mm=409.6, mm_per_line=0.1, ends_roll=True)


@pytest.mark.parametrize("web", [None, WEB, replace(WEB, first_mm=None, mm_per_line=None)])
def test_what_the_line_told_of_a_frame_comes_back_with_it(tmp_path: Path, web: WebPlace | None) -> None:
    told = {"lot": "lot-3", "product": "bracket-7", "web": web}
    whole = replace(frame(0, noise(4, 6)), **told)
    damaged = replace(DamagedFrame(1, AT, 5, "cam", "part-1", "torn"), **told)
    recorded = [*write(tmp_path, [whole]), RecordedFrame.parse(RecordedFrame.of(damaged).line())]
    source = RecordedFrames(tmp_path, recorded)
    for _ in recorded:
        after = source.read(0)
        assert {name: getattr(after, name) for name in told} == told


def test_a_recording_of_a_line_that_tells_nothing_says_nothing_of_it() -> None:
    line = RecordedFrame.of(frame(0, noise(4, 6))).line()
    assert not {"lot", "product", "web"} & json.loads(line).keys()
