import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_inspector.camera import Skipped
from edge_inspector.errors import EndOfSource, SourceError
from edge_inspector.frame import DropCause, Frame
from edge_inspector.sources.video import VideoSource

FRAMES = 6


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A file whose frames are brighter and brighter."""
    path = tmp_path / "belt: 1.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for number in range(FRAMES):
        writer.write(np.full((48, 64, 3), 40 * number, np.uint8))
    writer.release()
    return path


def open_video(path: Path, *, loop: bool = False, rate_hz: float | None = None, gray: bool = False) -> VideoSource:
    return VideoSource(path, loop=loop, rate_hz=rate_hz, stop=threading.Event(), gray=gray)


def read_frames(source: VideoSource, count: int) -> list[Frame]:
    frames = [source.read(1.0) for _ in range(count)]
    assert all(isinstance(frame, Frame) for frame in frames)
    return frames  # type: ignore[return-value]


def test_every_frame_comes_once_in_order_without_a_part_and_then_the_end(video: Path) -> None:
    source = open_video(video)
    frames = read_frames(source, FRAMES)
    assert [frame.frame_id for frame in frames] == list(range(FRAMES))
    assert [round(float(frame.image.mean()) / 40) for frame in frames] == list(range(FRAMES))
    assert {(frame.part_id, frame.source) for frame in frames} == {(None, "belt: 1.avi")}
    for _ in range(2):
        with pytest.raises(EndOfSource):
            source.read(1.0)


def test_a_loop_begins_again_with_new_frame_numbers(video: Path) -> None:
    frames = read_frames(open_video(video, loop=True), 2 * FRAMES + 1)
    assert [frame.frame_id for frame in frames] == list(range(2 * FRAMES + 1))
    assert frames[FRAMES].image.mean() == frames[0].image.mean() == frames[2 * FRAMES].image.mean()


def test_a_frame_whose_time_has_not_come_is_not_read(video: Path) -> None:
    source = open_video(video, rate_hz=1e-3)
    assert source.read(0.0) is not None
    assert source.read(0.01) is None


def test_frames_do_not_share_their_pixels(video: Path) -> None:
    first, second = read_frames(open_video(video), 2)
    assert first.image.mean() < second.image.mean()


def test_a_gray_model_gets_gray_frames(video: Path) -> None:
    (frame,) = read_frames(open_video(video, gray=True), 1)
    assert frame.image.shape == (48, 64)


def test_a_damaged_frame_is_counted_and_the_others_come(video: Path) -> None:
    content = video.read_bytes()
    starts = [place for place in range(len(content)) if content.startswith(b"\xff\xd8\xff", place)]
    broken = bytearray(content)
    broken[starts[2] : starts[3] - 8] = bytes(starts[3] - 8 - starts[2])
    video.write_bytes(broken)
    source = open_video(video)
    items = [source.read(1.0) for _ in range(FRAMES)]
    assert [item for item in items if isinstance(item, Skipped)] == [Skipped(DropCause.FRAME_DAMAGED, 1)]
    assert [item.frame_id for item in items if isinstance(item, Frame)] == [0, 1, 2, 3, 4]
    with pytest.raises(EndOfSource):
        source.read(1.0)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.mp4: expected a video file, found: No such file"):
        open_video(tmp_path / "gone.mp4")


@pytest.mark.parametrize("content", [b"", b"no video", b"\x00" * 4096, b"RIFF\x00\x00\x00\x00AVI LIST"])
def test_a_file_that_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="found none that can be decoded"):
        open_video(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="Is a directory"):
        open_video(tmp_path)


def test_a_looped_file_that_goes_away_ends_the_source(video: Path) -> None:
    source = open_video(video, loop=True)
    read_frames(source, FRAMES)
    video.unlink()
    with pytest.raises(SourceError, match="No such file"):
        source.read(1.0)
