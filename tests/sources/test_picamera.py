import sys
import time
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from packaging.requirements import Requirement

from edge_inspector.errors import SourceError
from edge_inspector.settings import PiCameraSource, parse
from edge_inspector.sources.picamera import PiCamera

AGE_NS = 25_000_000


class FakeRequest:
    def __init__(self, log: list[Any], stamp: object) -> None:
        self._log, self._stamp = log, stamp

    def make_array(self, name: str) -> np.ndarray:
        self._log.append(f"make_array {name}")
        return np.full((48, 64, 3), 5, np.uint8)

    def get_metadata(self) -> dict[str, object]:
        self._log.append("get_metadata")
        return {} if self._stamp is None else {"SensorTimestamp": self._stamp, "ExposureTime": 9000}

    def release(self) -> None:
        self._log.append("release")


class FakePicamera2:
    """picamera2's camera: the calls that this project makes of it, in the order in which they came."""

    log: list[Any]
    cameras = 1
    delivers = True
    starts = True
    has_stamps = True

    def __init__(self, camera_num: int) -> None:
        if camera_num >= self.cameras:
            raise IndexError("list index out of range")  # noqa: EM101, TRY003 - as the real one does
        self.log.append(f"open {camera_num}")

    def create_video_configuration(self, main: dict[str, object], controls: dict[str, object]) -> dict[str, object]:
        return {"main": main, "controls": controls}

    def configure(self, camera_config: dict[str, object]) -> None:
        self.log.append(camera_config)

    def start(self) -> None:
        if not self.starts:
            raise RuntimeError("Camera __init__ sequence did not complete.")  # noqa: EM101, TRY003
        self.log.append("start")

    def capture_request(self, wait: float) -> FakeRequest:
        self.log.append(f"capture_request {wait:g}")
        if not self.delivers:
            raise TimeoutError
        stamp = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - AGE_NS if self.has_stamps else None
        return FakeRequest(self.log, stamp)

    def stop(self) -> None:
        self.log.append("stop")

    def close(self) -> None:
        self.log.append("close")


@pytest.fixture
def picamera2(monkeypatch: pytest.MonkeyPatch) -> type[FakePicamera2]:
    class Camera(FakePicamera2):
        log: list[Any] = []  # noqa: RUF012 - new for every test

    module = ModuleType("picamera2")
    module.Picamera2 = Camera  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    return Camera


def settings(**more: Any) -> PiCameraSource:
    source = parse({"source": {"type": "picamera", **more}}).source
    assert isinstance(source, PiCameraSource)
    return source


def test_the_camera_is_configured_started_read_and_closed_in_picamera2s_order(picamera2: type[FakePicamera2]) -> None:
    camera = PiCamera(settings(image_wh=[1456, 1088], rate_hz=30, exposure_us=2000, gain=1.5, read_timeout_s=3))
    image = camera.grab().image
    camera.close()
    assert picamera2.log == [
        "open 0",
        {
            "main": {"format": "RGB888", "size": (1456, 1088)},
            "controls": {"FrameRate": 30.0, "ExposureTime": 2000, "AnalogueGain": 1.5},
        },
        "start",
        "capture_request 3",
        "make_array main",
        "get_metadata",
        "release",
        "stop",
        "close",
    ]
    assert image.shape == (48, 64, 3)


def test_nothing_is_set_that_nobody_asked_for(picamera2: type[FakePicamera2]) -> None:
    PiCamera(settings())
    assert picamera2.log[1] == {"main": {"format": "RGB888"}, "controls": {}}


@pytest.mark.usefixtures("picamera2")
def test_a_picture_carries_the_sensors_time_on_our_clock() -> None:
    picture = PiCamera(settings()).grab()
    assert picture.captured_monotonic_ns is not None
    assert AGE_NS <= time.monotonic_ns() - picture.captured_monotonic_ns < AGE_NS + 10_000_000_000
    assert picture.captured_at_source == "camera"


def test_a_picture_without_the_sensors_time_has_none(picamera2: type[FakePicamera2]) -> None:
    picamera2.has_stamps = False
    picture = PiCamera(settings()).grab()
    assert (picture.captured_monotonic_ns, picture.captured_at_source) == (None, "host")


def test_a_camera_that_delivers_nothing_in_its_time_is_lost(picamera2: type[FakePicamera2]) -> None:
    picamera2.delivers = False
    with pytest.raises(SourceError, match="no picture came in 5 s"):
        PiCamera(settings()).grab()


def test_a_camera_that_is_not_there_is_named(picamera2: type[FakePicamera2]) -> None:
    with pytest.raises(SourceError, match="Pi camera 1 cannot be opened: list index out of range"):
        PiCamera(settings(camera=1))
    assert picamera2.log == []


def test_a_camera_that_cannot_be_started_is_closed(picamera2: type[FakePicamera2]) -> None:
    picamera2.starts = False
    with pytest.raises(SourceError, match="cannot be started"):
        PiCamera(settings())
    assert picamera2.log[-1] == "close"


def test_without_picamera2_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(SourceError, match=r"apt install python3-picamera2.*--system-site-packages") as error:
        PiCamera(settings())
    assert "edge-inspector[picamera]" in str(error.value)


def test_the_extra_asks_for_picamera2_where_it_runs_and_for_nothing_elsewhere() -> None:
    project = tomllib.loads(Path(__file__).parents[2].joinpath("pyproject.toml").read_text())["project"]
    (wanted,) = map(Requirement, project["optional-dependencies"]["picamera"])
    assert wanted.name == "picamera2"
    assert "0.3.18" not in wanted.specifier, "its capture_request knows no time-out"
    assert wanted.marker is not None
    assert [wanted.marker.evaluate({"platform_machine": name}) for name in ("aarch64", "x86_64")] == [True, False]
