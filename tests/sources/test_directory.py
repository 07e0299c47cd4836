import os
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_inspector.errors import EndOfSource, SourceError
from edge_inspector.events import EventWriter
from edge_inspector.frame import DamagedFrame, Frame
from edge_inspector.parts import ClosedPart
from edge_inspector.sources.directory import DirectorySource, list_images
from tests.fakes import ScriptedDetector
from tests.pipeline.line import TOPICS, inspector_of


def write_image(path: Path, level: int = 0, *, suffix: str = ".png") -> Path:
    _, content = cv2.imencode(suffix, np.full((12, 16), level, np.uint8))
    path.write_bytes(content.tobytes())
    return path


def open_folder(
    path: Path,
    *,
    loop: bool = False,
    rate_hz: float | None = None,
    stop: threading.Event | None = None,
    frames_per_part: int = 1,
) -> DirectorySource:
    return DirectorySource(
        path, loop=loop, rate_hz=rate_hz, stop=stop or threading.Event(), frames_per_part=frames_per_part
    )


def read_all(source: DirectorySource) -> list[Frame | DamagedFrame]:
    items: list[Frame | DamagedFrame] = []
    while True:
        try:
            item = source.read(1.0)
        except EndOfSource:
            return items
        assert item is not None
        items.append(item)


def test_images_come_in_the_order_of_their_names_each_as_one_part(tmp_path: Path) -> None:
    for level, name in ((30, "c.png"), (10, "a.png"), (20, "b.png")):
        write_image(tmp_path / name, level)
    frames = read_all(open_folder(tmp_path))
    assert [frame.part_id for frame in frames] == ["a.png", "b.png", "c.png"]
    assert [frame.frame_id for frame in frames] == [0, 1, 2]
    assert [int(frame.image[0, 0]) for frame in frames if isinstance(frame, Frame)] == [10, 20, 30]


def test_images_that_follow_each_other_are_the_frames_of_one_part_in_every_round(tmp_path: Path) -> None:
    for name in ("a1.png", "a2.png", "b1.png"):
        write_image(tmp_path / name)
    (tmp_path / "b2.png").write_bytes(b"no image")
    source = open_folder(tmp_path, loop=True, frames_per_part=2)
    frames = [frame for frame in (source.read(1.0) for _ in range(6)) if frame is not None]
    assert [(frame.part_id, frame.part_frame) for frame in frames] == [
        ("a1.png", 0), ("a1.png", 1), ("b1.png", 0), ("b1.png", 1), ("a1.png#1", 0), ("a1.png#1", 1),
    ]  # fmt: skip
    assert isinstance(frames[3], DamagedFrame)
    assert [frame.frame_id for frame in frames] == list(range(6))


def test_the_end_stays_the_end(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png")
    source = open_folder(tmp_path)
    source.read(1.0)
    for _ in range(2):
        with pytest.raises(EndOfSource):
            source.read(1.0)


def test_a_loop_begins_again_with_new_parts_and_frame_numbers(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png")
    write_image(tmp_path / "b.png")
    source = open_folder(tmp_path, loop=True)
    items = [source.read(1.0) for _ in range(5)]
    assert [item.part_id for item in items if item] == ["a.png", "b.png", "a.png#1", "b.png#1", "a.png#2"]
    assert [item.frame_id for item in items if item] == [0, 1, 2, 3, 4]


def test_a_paced_folder_returns_in_time_when_the_next_image_is_not_due(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png")
    write_image(tmp_path / "b.png")
    source = open_folder(tmp_path, rate_hz=0.001)
    assert source.read(0.01) is not None
    assert source.read(0.01) is None
    assert source.read(0.01) is None


def test_the_stop_ends_the_wait_of_a_paced_folder(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png")
    write_image(tmp_path / "b.png")
    stop = threading.Event()
    source = open_folder(tmp_path, rate_hz=0.001, stop=stop)
    assert source.read(1.0) is not None
    threading.Timer(0.05, stop.set).start()
    assert source.read(600.0) is None  # the time limit of the test would notice


def cut_off(path: Path) -> None:
    content = write_image(path, suffix=".jpg").read_bytes()
    path.write_bytes(content[: len(content) // 2])


def test_what_is_no_whole_image_is_a_damaged_frame_and_the_next_one_follows(tmp_path: Path) -> None:
    cut_off(tmp_path / "a-cut.jpg")
    (tmp_path / "b-text.jpg").write_text("this is no image")
    (tmp_path / "c-empty.png").write_bytes(b"")
    write_image(tmp_path / "d-good.png")
    items = read_all(open_folder(tmp_path))
    assert [type(item) for item in items] == [DamagedFrame, DamagedFrame, DamagedFrame, Frame]
    problems = [item.problem for item in items if isinstance(item, DamagedFrame)]
    assert "cut off" in problems[0]
    assert "bytes that are none" in problems[1]
    assert "empty file" in problems[2]
    assert [item.part_id for item in items] == ["a-cut.jpg", "b-text.jpg", "c-empty.png", "d-good.png"]


def test_a_file_that_vanishes_after_the_listing_is_a_damaged_frame_that_names_it(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png")
    write_image(tmp_path / "b.png")
    source = open_folder(tmp_path)
    (tmp_path / "a.png").unlink()
    gone, good = read_all(source)
    assert isinstance(gone, DamagedFrame)
    assert "No such file" in gone.problem
    assert "a.png" in gone.problem
    assert isinstance(good, Frame)


def test_a_file_that_became_a_folder_is_a_damaged_frame(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png")
    source = open_folder(tmp_path)
    path.unlink()
    path.mkdir()
    assert isinstance(source.read(1.0), DamagedFrame)


def test_names_that_are_no_utf_8_are_parts_of_their_own_whose_events_are_utf_8(
    tmp_path: Path, writer: EventWriter
) -> None:
    for name in (b"tag-\xff.png", b"tag-\xfe.png"):
        write_image(tmp_path / os.fsdecode(name))
    os.truncate(tmp_path / os.fsdecode(b"tag-\xff.png"), 20)
    items = read_all(open_folder(tmp_path))
    assert len({item.part_id for item in items}) == 2
    inspector = inspector_of(ScriptedDetector())
    (good,) = [item for item in items if isinstance(item, Frame)]
    finding = inspector.inspect(good, taken_ns=0)
    assert good.part_id is not None
    part = ClosedPart(
        good.part_id, good.captured_monotonic_ns, good.captured_monotonic_ns, (finding,), finding.record.outcome
    )
    for message in writer.of_result(inspector.result_of_part(part)):
        message.payload.decode("utf-8")
    (damaged,) = [item for item in items if isinstance(item, DamagedFrame)]
    damaged.problem.encode("utf-8")


@pytest.fixture
def writer() -> EventWriter:
    return EventWriter(TOPICS, "01TESTSESSION")


def test_hidden_files_folders_and_other_files_are_left_out(tmp_path: Path) -> None:
    write_image(tmp_path / ".hidden.png")
    write_image(tmp_path / "a.PNG")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    assert [path.name for path in list_images(tmp_path)] == ["a.PNG"]


def test_one_file_is_a_folder_of_one(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png")
    assert [frame.part_id for frame in read_all(open_folder(path))] == ["a.png"]


@pytest.mark.parametrize("files", [[], ["notes.txt", ".hidden.png"]])
def test_a_folder_without_images_is_refused_in_one_line(tmp_path: Path, files: list[str]) -> None:
    for name in files:
        (tmp_path / name).write_text("x")
    with pytest.raises(SourceError, match="expected images") as caught:
        open_folder(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="expected a folder of images, found: No such file"):
        open_folder(tmp_path / "nowhere")


def test_a_large_jpeg_is_read_only_as_far_as_the_model_makes_use_of_it(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.png"):
        assert cv2.imwrite(str(tmp_path / name), np.full((900, 1400), 90, np.uint8))
    for smallest_wh, shape in ((None, (900, 1400)), ((320, 224), (450, 700))):
        source = DirectorySource(tmp_path, loop=False, rate_hz=None, stop=threading.Event(), smallest_wh=smallest_wh)
        jpeg, png = read_all(source)
        assert isinstance(jpeg, Frame)
        assert isinstance(png, Frame)
        assert jpeg.image.shape == shape
        assert png.image.shape == (900, 1400)
        assert jpeg.image_wh == png.image_wh == (1400, 900)


def test_a_cut_jpeg_is_a_damaged_frame_also_where_it_would_be_reduced(tmp_path: Path) -> None:
    _, content = cv2.imencode(".jpg", np.full((900, 1400), 90, np.uint8))
    (tmp_path / "a.jpg").write_bytes(content.tobytes()[:-20])
    source = DirectorySource(tmp_path, loop=False, rate_hz=None, stop=threading.Event(), smallest_wh=(320, 224))
    (item,) = read_all(source)
    assert isinstance(item, DamagedFrame)
    assert "cut off" in item.problem
