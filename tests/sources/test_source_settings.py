import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.errors import ConfigError
from edge_inspector.settings import NetworkSource, PiCameraSource, UsbSource, VideoSource, parse

SECRET = "hunter2"


def source(**fields: Any) -> Any:
    return parse({"source": fields}).source


def problem_of(**fields: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        source(**fields)
    return str(caught.value)


def test_each_kind_needs_nothing_but_where_it_is() -> None:
    assert isinstance(source(type="video", path="belt.mp4"), VideoSource)
    assert isinstance(source(type="usb"), UsbSource)
    assert isinstance(source(type="network", url="rtsp://cam/live"), NetworkSource)
    assert isinstance(source(type="picamera"), PiCameraSource)


def test_frames_of_videos_and_of_cameras_without_a_trigger_belong_to_no_part() -> None:
    assert not source(type="video", path="belt.mp4").is_triggered
    assert not source(type="usb").is_triggered


CAMERAS: list[dict[str, Any]] = [
    {"type": "usb"}, {"type": "network", "url": "rtsp://cam/"}, {"type": "picamera"}, {"type": "genicam"},
]  # fmt: skip


@pytest.mark.parametrize("camera", CAMERAS, ids=lambda camera: camera["type"])
@pytest.mark.parametrize(
    "trigger",
    [{"by": "timer", "rate_hz": 1}, {"by": "command"}, {"by": "digital", "line": 3}, {"by": "plc", "address": 0}],
    ids=lambda trigger: trigger["by"],
)
def test_every_camera_may_have_parts(camera: dict[str, Any], trigger: dict[str, Any]) -> None:
    found = parse({"source": {**camera, "trigger": trigger, "frames_per_part": 3}, "plc": {"host": "plc"}}).source
    assert found.is_triggered
    assert found.frames_per_part == 3


@pytest.mark.parametrize("camera", CAMERAS, ids=lambda camera: camera["type"])
def test_a_part_sensor_gives_one_frame_a_part_and_a_free_running_camera_has_no_parts(camera: dict[str, Any]) -> None:
    assert source(**camera, trigger={"by": "part_sensor"}).is_triggered
    assert "expected 1, found 2" in problem_of(**camera, trigger={"by": "part_sensor"}, frames_per_part=2)
    assert "expected 1, found 2" in problem_of(**camera, frames_per_part=2)


@pytest.mark.parametrize("camera", CAMERAS[:-1], ids=lambda camera: camera["type"])
def test_only_an_industrial_camera_has_an_input_of_its_own(camera: dict[str, Any]) -> None:
    problem = problem_of(**camera, trigger={"by": "hardware"})
    assert "only a genicam or pylon camera has an input of its own; expected 'timer'" in problem
    assert "found 'hardware'" in problem


def test_a_camera_that_the_plc_triggers_needs_one() -> None:
    assert "plc: missing" in problem_of(type="usb", trigger={"by": "plc", "address": 0})


@pytest.mark.parametrize(
    ("device", "path"), [(2, "/dev/video2"), ("2", "/dev/video2"), ("/dev/v4l/by-id/usb-x", "/dev/v4l/by-id/usb-x")]
)
def test_a_usb_device_is_a_number_or_a_path(device: int | str, path: str) -> None:
    assert source(type="usb", device=device).device == Path(path)


def test_everything_may_come_as_text_as_from_a_nucleus() -> None:
    found = source(type="network", url="http://cam/", read_timeout_s="2.5", frozen_after_s="0")
    assert (found.read_timeout_s, found.frozen_after_s) == (2.5, 0.0)


@pytest.mark.parametrize("fourcc", ["MJP", "MJPGX", "MJ\tG", "ÄÖÜß"])
def test_a_picture_format_has_four_plain_characters(fourcc: str) -> None:
    assert "source.fourcc" in problem_of(type="usb", fourcc=fourcc)


@pytest.mark.parametrize(
    "url",
    [
        "", "cam", "ftp://cam/", "rtsp://", "rtsp:///live", "rtsp://cam:port/", "rtsp://cam:0/", "rtsp://cam:70000/",
        "rtsp://[::1/", "rtsp://cam/a b", "http://cam/\r\nX: y", "file:///etc/passwd", "concat:a|b",
    ],
)  # fmt: skip
def test_an_address_has_a_known_scheme_and_a_host(url: str) -> None:
    assert "source.url: expected rtsp://host" in problem_of(type="network", url=url)


@pytest.mark.parametrize("url", [f"rtsp://admin:{SECRET}@cam/live", f"rtsp://{SECRET}@cam/live"])
def test_a_password_in_the_address_is_refused_and_not_repeated(url: str) -> None:
    problem = problem_of(type="network", url=url)
    assert "username and password_file" in problem
    assert SECRET not in problem


@pytest.mark.parametrize(
    "fields",
    [
        {"username": "admin"},
        {"password": SECRET},
        {"password_file": "secret.txt"},
        {"username": "admin", "password": SECRET, "password_file": "secret.txt"},
    ],
)
def test_a_user_comes_with_one_password(fields: dict[str, str]) -> None:
    problem = problem_of(type="network", url="rtsp://cam/", **fields)
    assert "password" in problem
    assert SECRET not in problem


def test_no_secret_is_in_the_printed_settings() -> None:
    found = source(type="network", url=f"http://cam/?pwd={SECRET}", username="admin", password=SECRET)
    assert SECRET not in repr(found)


def test_pauses_are_in_order() -> None:
    assert "reopen_min_s 5 is above reopen_max_s 1" in problem_of(type="usb", reopen_min_s=5, reopen_max_s=1)


def test_an_unknown_kind_is_told_the_known_ones() -> None:
    problem = problem_of(type="webcam")
    assert all(kind in problem for kind in ("video", "usb", "network", "picamera", "directory", "simulated"))


def test_every_example_in_the_documentation_is_a_configuration() -> None:
    kinds = [
        parse(tomllib.loads(example)).source.type
        for page in ("cameras.md", "industrial-cameras.md", "triggers.md")
        for example in re.findall(
            r"```toml\n(.*?)```", (Path(__file__).parents[2] / "docs" / page).read_text(), re.DOTALL
        )
    ]
    assert sorted({*kinds} - {"simulated"}) == ["genicam", "network", "picamera", "pylon", "usb", "video"]
