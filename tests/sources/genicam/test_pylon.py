"""PylonCamera against Basler's own emulated cameras: the real driver, without the wire."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_inspector.errors import ConfigError, SourceError
from edge_inspector.settings import ProductCamera, PylonSource
from edge_inspector.sources.genicam import pylon_driver
from edge_inspector.sources.genicam.finding import FoundCamera
from edge_inspector.sources.genicam.nodes import Kind, RefusedByCameraError
from edge_inspector.sources.genicam.pylon import PylonCamera
from edge_inspector.sources.genicam.pylon_driver import find_cameras
from edge_inspector.sources.grabbing import Incomplete, IndustrialCamera, Picture, Waiting
from tests.pylon_emulator import SERIALS, require_pylon, showing, write_pictures

IMAGE_WH = (64, 48)
BLUE, GREEN, RED = 200, 120, 40


@pytest.fixture(scope="module")
def answers() -> Sequence[tuple[FoundCamera, Any]]:
    """The cameras that pylon finds."""
    require_pylon()
    return pylon_driver._find(pylon_driver.library())


@pytest.fixture(autouse=True)
def _no_search(answers: Sequence[tuple[FoundCamera, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Spares every test pylon's search, a quarter of a second each time; the cameras stay the same."""
    monkeypatch.setattr(pylon_driver, "_find", lambda _pylon: answers)


@pytest.fixture
def numbered(tmp_path: Path) -> Path:
    """Pictures that say which they are."""
    return write_pictures(tmp_path / "pictures", [np.full((48, 64), 10 * number, np.uint8) for number in range(20)])


@pytest.fixture
def triggered(numbered: Path) -> Iterator[PylonCamera]:
    with closing(opened(showing(numbered, IMAGE_WH, pixel_format="Mono8", trigger={"by": "command"}))) as camera:
        yield camera


def opened(source: dict[str, Any], *, gray: bool = False) -> PylonCamera:
    return PylonCamera(PylonSource.model_validate(source), gray=gray)


def image(camera: PylonCamera) -> NDArray[np.uint8]:
    grabbed = camera.grab()
    assert isinstance(grabbed, Picture), grabbed
    return grabbed.image


def fail_next(camera: PylonCamera, count: int) -> None:
    camera.nodes.write("ForceFailedBufferCount", count)
    camera.nodes.execute("ForceFailedBuffer")


def test_cameras_are_found_with_all_that_tells_them_apart() -> None:
    found = {camera.serial: camera for camera in find_cameras()}
    assert set(SERIALS) <= set(found)
    camera = found[SERIALS[0]]
    assert (camera.vendor, camera.model, camera.protocol) == ("Basler", "Emulation", "emulated")


def test_frames_come_in_order_and_as_they_were(numbered: Path) -> None:
    with closing(opened(showing(numbered, IMAGE_WH, pixel_format="Mono8", rate_hz=200))) as camera:
        assert isinstance(camera, IndustrialCamera)
        images = [image(camera) for _ in range(5)]
    assert [int(found[0, 0]) for found in images] == [0, 10, 20, 30, 40]  # none was overwritten by a later one
    assert {found.shape for found in images} == {(48, 64)}


@pytest.mark.parametrize("pixel_format", ["BGR8Packed", "RGB8Packed", "BayerRG8", "BayerGB8", "BayerRG12", "BayerBG16"])
def test_colors_are_right_in_every_format(tmp_path: Path, pixel_format: str) -> None:
    picture = np.empty((48, 64, 3), np.uint8)
    picture[:] = BLUE, GREEN, RED
    folder = write_pictures(tmp_path / "pictures", [picture])
    with closing(opened(showing(folder, IMAGE_WH, pixel_format=pixel_format))) as camera:
        found = image(camera)
    assert found.shape == (48, 64, 3)
    assert found[20, 20].tolist() == pytest.approx([BLUE, GREEN, RED], abs=1)


@pytest.mark.parametrize("pixel_format", ["Mono8", "Mono10", "Mono12", "Mono16"])
def test_gray_of_more_bits_is_scaled(tmp_path: Path, pixel_format: str) -> None:
    folder = write_pictures(tmp_path / "pictures", [np.full((48, 64), 200, np.uint8)])
    with closing(opened(showing(folder, IMAGE_WH, pixel_format=pixel_format))) as camera:
        assert int(image(camera)[20, 20]) == pytest.approx(200, abs=1)


def test_a_model_without_colors_gets_gray(tmp_path: Path) -> None:
    picture = np.empty((48, 64, 3), np.uint8)
    picture[:] = BLUE, GREEN, RED
    folder = write_pictures(tmp_path / "pictures", [picture])
    with closing(opened(showing(folder, IMAGE_WH, pixel_format="BayerRG8"), gray=True)) as camera:
        found = image(camera)
    assert found.shape == (48, 64)
    expected = int(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[0, 0])
    assert int(found[20, 20]) == pytest.approx(expected, abs=2)


def test_each_software_trigger_brings_one_frame(triggered: PylonCamera) -> None:
    for _ in range(5):
        triggered.fire()
    assert [int(image(triggered)[0, 0]) for _ in range(5)] == [0, 10, 20, 30, 40]
    assert triggered.grab() == Waiting()


def test_a_triggered_camera_waits_no_longer_than_a_stop_may_take(triggered: PylonCamera) -> None:
    began_s = time.monotonic()
    assert triggered.grab() == Waiting()
    assert time.monotonic() - began_s < 1.0


def test_failed_buffers_are_told_and_show_nothing(triggered: PylonCamera) -> None:
    fail_next(triggered, 2)
    for _ in range(4):
        triggered.fire()
    failed = [triggered.grab() for _ in range(2)]
    assert all(isinstance(one, Incomplete) and not one.is_missing for one in failed)
    assert "incompletely grabbed" in failed[0].problem  # type: ignore[union-attr]
    assert [int(image(triggered)[0, 0]) for _ in range(2)] == [20, 30]
    assert triggered.counts().failed == 2


def test_a_free_running_camera_that_is_silent_is_an_error(numbered: Path) -> None:
    source = showing(numbered, IMAGE_WH, read_timeout_s=0.5, features={"AcquisitionMode": "SingleFrame"})
    with closing(opened(source)) as camera:
        image(camera)
        with pytest.raises(SourceError, match=r"no frame came in 0\.5 s, though the camera is there"):
            camera.grab()


def test_a_camera_that_was_pulled_out_is_an_error(triggered: PylonCamera) -> None:
    triggered._camera = _PulledOut(triggered._camera)
    with pytest.raises(SourceError, match=r"Basler Emulation, serial 0815-0000, .* is gone: its power or its cable"):
        triggered.check()
    with pytest.raises(SourceError, match="is gone"):
        triggered.grab()


class _PulledOut:
    """pylon's camera, which says that it was removed: an emulated one cannot be."""

    def __init__(self, camera: Any) -> None:
        self._camera = camera

    def IsCameraDeviceRemoved(self) -> bool:  # noqa: N802 - pylon's name
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._camera, name)


def test_another_set_up_gives_back_what_was_taken_under_the_old_one(triggered: PylonCamera) -> None:
    for _ in range(3):
        triggered.fire()
    time.sleep(0.1)  # they have arrived, and nobody has taken them
    left = triggered.set_up(ProductCamera(region=(0, 0, 32, 16), exposure_us=500))
    assert [one.image.shape for one in left if isinstance(one, Picture)] == [(48, 64)] * 3
    triggered.fire()
    assert image(triggered).shape == (16, 32)
    assert triggered.nodes.read("ExposureTime") == pytest.approx(500)


def test_a_refused_set_up_changes_nothing_and_loses_no_frame(triggered: PylonCamera) -> None:
    exposure_us = triggered.nodes.read("ExposureTime")
    for _ in range(3):
        triggered.fire()
    time.sleep(0.1)  # they have arrived, and nobody has taken them
    with pytest.raises(ConfigError, match="Width: asked for 99999, allowed is 1 to 4096"):
        triggered.set_up(ProductCamera(region=(0, 0, 99_999, 16), exposure_us=500))
    assert triggered.nodes.read("ExposureTime") == exposure_us
    triggered.fire()
    assert [image(triggered).shape for _ in range(4)] == [(48, 64)] * 4


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"features": {"Nonsense": 1}}, "Nonsense: asked for 1, but the camera has no such feature"),
        ({"gain": 900}, r"Gain: asked for 900\.0, allowed is 0 to 48"),
        ({"pixel_format": "Mono9"}, "PixelFormat: asked for 'Mono9', allowed are Mono8, Mono10"),
        (
            {"pixel_format": "BGRA8Packed"},
            "BGRA8Packed: PixelFormat 0x02200017 cannot be read; set pixel_format to one of",
        ),
        ({"trigger": {"by": "hardware", "source": "Line9"}}, "TriggerSource: asked for 'Line9', allowed are Software"),
    ],
)
def test_a_refused_feature_is_told_and_the_camera_is_free_again(
    numbered: Path, keys: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        opened(showing(numbered, IMAGE_WH, **keys))
    opened(showing(numbered, IMAGE_WH)).close()


def test_a_camera_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(
        SourceError, match="camera '4711' does not answer pylon; these do: Basler Emulation, serial 0815"
    ):
        opened({"type": "pylon", "camera": "4711"})
    with pytest.raises(SourceError, match=f"which of 2 cameras: .*{SERIALS[1]}"):
        opened({"type": "pylon"})


def test_features_can_be_looked_through(triggered: PylonCamera) -> None:
    nodes = triggered.nodes
    assert nodes.kind("TriggerSoftware") is Kind.COMMAND
    assert (nodes.kind("PixelFormat"), nodes.kind("Nonsense")) == (Kind.ENUMERATION, None)
    assert nodes.unit("ExposureTime") == "us"
    assert "PixelFormat" in dict(nodes.categories())["ImageFormatControl"]
    with pytest.raises(RefusedByCameraError):
        nodes.write("SensorWidth", 3)
    with pytest.raises(RefusedByCameraError):
        nodes.read("Nonsense")


def test_without_pypylon_the_error_names_the_extra() -> None:
    script = (
        "import sys; sys.modules['pypylon'] = sys.modules['pypylon.pylon'] = None\n"
        "from edge_inspector.settings import PylonSource\n"
        "from edge_inspector.sources.genicam.pylon import PylonCamera\n"
        "try: PylonCamera(PylonSource(type='pylon'))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.startswith("SourceError pypylon cannot be imported")
    assert said.strip().endswith("pip install edge-inspector[pylon]")
