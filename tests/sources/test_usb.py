import logging
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_inspector.errors import SourceError
from edge_inspector.settings import UsbSource, parse
from edge_inspector.sources.opencv import UsbCamera

NOT_MONOTONIC_MS = 1.8e12  # a wall clock's milliseconds since 1970


class FakeCapture:
    """OpenCV's capture of a V4L2 device, as it answers."""

    def __init__(
        self, *, opens: bool = True, stamp_ms: float | None = None, chooses: dict[int, float] | None = None
    ) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.values: dict[int, float] = {}
        self._opens = opens
        self._stamp_ms = stamp_ms
        self._chooses = chooses or {}
        self.delivers = True

    def __call__(self, device: str, backend: int) -> "FakeCapture":
        self.calls.append(("open", device, backend))
        return self

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return self._opens

    def set(self, key: int, value: float) -> bool:
        self.calls.append(("set", key, value))
        self.values[key] = self._chooses.get(key, value)
        return True

    def get(self, key: int) -> float:
        if key == cv2.CAP_PROP_POS_MSEC:
            return time.monotonic_ns() / 1e6 - 30 if self._stamp_ms is None else self._stamp_ms
        return self.values.get(key, 0.0)

    def grab(self) -> bool:
        return self.delivers

    def retrieve(self) -> tuple[bool, np.ndarray]:
        return True, np.zeros((48, 64, 3), np.uint8)

    def release(self) -> None:
        self.calls.append(("release",))


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "usb-camera-index0"
    path.touch()
    return path


def settings(device: Path, **more: Any) -> UsbSource:
    source = parse({"source": {"type": "usb", "device": str(device), **more}}).source
    assert isinstance(source, UsbSource)
    return source


def test_the_format_is_set_before_the_size_that_depends_on_it(device: Path) -> None:
    capture = FakeCapture()
    UsbCamera(settings(device, image_wh=[1280, 720], rate_hz=30, fourcc="MJPG"), open_capture=capture)
    assert capture.calls == [
        ("open", str(device), cv2.CAP_V4L2),
        ("set", cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        ("set", cv2.CAP_PROP_FRAME_WIDTH, 1280),
        ("set", cv2.CAP_PROP_FRAME_HEIGHT, 720),
        ("set", cv2.CAP_PROP_FPS, 30),
    ]


def test_a_camera_that_chooses_another_size_is_told_about(device: Path, caplog: pytest.LogCaptureFixture) -> None:
    capture = FakeCapture(chooses={cv2.CAP_PROP_FRAME_WIDTH: 640.0})
    with caplog.at_level(logging.WARNING):
        UsbCamera(settings(device, image_wh=[1280, 720]), open_capture=capture)
    assert "expected width 1280, the camera chose 640" in caplog.text


def test_nothing_is_set_that_nobody_asked_for(device: Path) -> None:
    capture = FakeCapture()
    UsbCamera(settings(device), open_capture=capture)
    assert [call[0] for call in capture.calls] == ["open"]


def test_a_picture_carries_the_time_of_the_driver(device: Path) -> None:
    picture = UsbCamera(settings(device), open_capture=FakeCapture()).grab()
    assert picture.captured_monotonic_ns is not None
    assert 0.03 <= (time.monotonic_ns() - picture.captured_monotonic_ns) / 1e9 < 10
    assert picture.captured_at_source == "driver"


@pytest.mark.parametrize("stamp_ms", [0.0, -1.0, 1e15, NOT_MONOTONIC_MS, 1.0])
def test_a_time_that_is_not_on_our_clock_is_not_believed(device: Path, stamp_ms: float) -> None:
    if stamp_ms == 1.0 and time.monotonic() < 100:
        pytest.skip("this machine has just started")
    picture = UsbCamera(settings(device), open_capture=FakeCapture(stamp_ms=stamp_ms)).grab()
    assert (picture.captured_monotonic_ns, picture.captured_at_source) == (None, "host")


def test_a_device_that_is_not_there_is_named_with_what_to_check(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"video7 is not there; check the cable"):
        UsbCamera(settings(tmp_path / "video7"))


def test_a_device_that_is_no_camera_cannot_be_opened(device: Path) -> None:
    with pytest.raises(SourceError, match="could not be opened; check that no other program"):
        UsbCamera(settings(device))  # by OpenCV itself


def test_a_device_that_is_unplugged_does_not_deliver(device: Path) -> None:
    capture = FakeCapture()
    camera = UsbCamera(settings(device), open_capture=capture)
    capture.delivers = False
    with pytest.raises(SourceError, match="delivers no picture"):
        camera.grab()
    camera.close()
    assert capture.calls[-1] == ("release",)
