"""A real GigE Vision camera changes over with the line: frames taken before are judged as what they were taken for."""

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.alarms import PRODUCT_REFUSED
from edge_inspector.errors import ConfigError, SourceError
from edge_inspector.sources.genicam.device import AravisDevice
from edge_inspector.sources.genicam.stream import Stream
from tests.gige_camera import GigeCamera
from tests.mosquitto import eventually
from tests.plc import plc
from tests.products.line import A, B, Station, products_in, settings_of

pytestmark = pytest.mark.thorough

TIMER = {"by": "timer", "rate_hz": 10}
WIDE, TALL = (0, 0, 256, 64), (0, 0, 128, 192)
SIZES = {A: [256, 64], B: [128, 192]}
BAD = "over-exposed"
_PACKET_SOCKET_DISABLED = 1  # of ArvGvStreamOption


@pytest.fixture(autouse=True)
def own_packets_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Aravis receive by a UDP socket.

    The packet socket that it takes where it may has no filter at first: packets of the cameras of tests beside this one
    come in, and by their higher numbers the frames of the camera in question pass for late ones and are discarded.
    """
    begin = Stream.__init__

    def begin_with_a_socket(stream: Stream, device: AravisDevice, buffers: int) -> None:
        aravis = ctypes.CDLL("libaravis-0.8.so.0")
        aravis.arv_camera_gv_set_stream_options(ctypes.c_void_p(device.handle), _PACKET_SOCKET_DISABLED)
        begin(stream, device, buffers)

    monkeypatch.setattr(Stream, "__init__", begin_with_a_socket)


class Camera:
    """Stands in for the line of a station: the camera that its configuration names."""

    def __bool__(self) -> bool:
        return False


def station_of(
    folder: Path,
    gige: GigeCamera,
    *,
    trigger: dict[str, Any] | None = None,
    frames_per_part: int = 1,
    **sections: Any,
) -> Station:
    products = products_in(folder)
    products = {
        A: {**products[A], "camera": {"region": WIDE, "exposure_us": 1000}},
        B: {**products[B], "camera": {"region": TALL, "exposure_us": 2000}},
        BAD: {**products[B], "camera": {"region": TALL, "exposure_us": 1e12}},
    }
    source = {"type": "genicam", "camera": gige.address, "pixel_format": "Mono8", "rate_hz": 50, "reopen_min_s": 0.1}
    if trigger is not None:
        source = {**source, "trigger": trigger, "rate_hz": None, "frames_per_part": frames_per_part}
    settings = settings_of(folder, products=products, source=source, flow={"staleness_ms": 5000}, **sections)
    return Station(settings, Camera())


def results_of(station: Station, product: str, *, least: int) -> Callable[[], bool]:
    return lambda: sum(each["product"] == product for each in station.told.of("result")) >= least


def judged_as(station: Station, product: str) -> list[dict[str, Any]]:
    results = station.told.of("result")
    return [each for each in results if each["product"] == product and each["outcome"] != "no_verdict"]


def wrong_sizes(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in results if each["image_wh"] != SIZES[each["product"]]]


@pytest.mark.parametrize("rounds", [1, pytest.param(5, marks=pytest.mark.nightly)])
def test_frames_of_the_old_region_are_judged_as_the_old_product(tmp_path: Path, rounds: int) -> None:
    with GigeCamera() as gige, station_of(tmp_path, gige) as station:
        eventually(results_of(station, A, least=10), what="frames of the first product")
        for number in range(rounds):
            station.change(B)
            eventually(results_of(station, B, least=10 * (number + 1)), what="frames of the second")
            station.change(A)
            eventually(results_of(station, A, least=10 * (number + 2)), what="frames of the first")
        station.stop.set()
        station.end()
        results = station.told.of("result")
        models = {(each["product"], each["model"]["version"]) for each in results}
    assert wrong_sizes(results) == []
    assert models == {(A, "1.0.0"), (B, "2.0.0")}
    assert "no_verdict" not in {each["outcome"] for each in results}


def test_a_camera_that_refuses_a_feature_leaves_all_as_it_was(tmp_path: Path) -> None:
    with GigeCamera() as gige, station_of(tmp_path, gige) as station:
        eventually(results_of(station, A, least=5), what="frames of the first product")
        with pytest.raises(ConfigError, match=r"1e\+12|1000000000000"):
            station.change(BAD)
        eventually(lambda: station.told.of(f"alarm/{PRODUCT_REFUSED}"), what="the alarm")
        seen = len(station.told.of("result"))
        eventually(results_of(station, A, least=seen + 5), what="the line goes on")
        station.change(B)
        eventually(results_of(station, B, least=5), what="frames of the second product")
        station.stop.set()
        station.end()
        results = station.told.of("result")
    assert wrong_sizes(results) == []
    assert {each["product"] for each in results} == {A, B}


def test_a_camera_that_is_away_refuses_and_comes_back_as_it_was(tmp_path: Path) -> None:
    with GigeCamera() as gige, station_of(tmp_path, gige) as station:
        eventually(results_of(station, A, least=5), what="frames of the first product")
        station.change(B)
        eventually(results_of(station, B, least=5), what="frames of the second product")
        gige.kill()
        eventually(lambda: station.told.of("alarm/camera-lost"), what="the camera is lost")
        with pytest.raises(SourceError, match=r"away|come to its set-up|lost"):
            station.change(A)
        gige.start()
        seen = sum(each["product"] == B for each in station.told.of("result"))
        eventually(results_of(station, B, least=seen + 5), what="it is back, set up as before")
        station.change(A)
        station.stop.set()
        station.end()
        results = station.told.of("result")
    assert wrong_sizes(results) == []


def test_the_register_of_the_plc_changes_camera_model_and_policy_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_inspector.app.plc_product._AWAY_S", 1.0)  # a camera may be away at first

    def says(code: str) -> None:
        raw = code.encode().ljust(16, b"\0")
        machine.registers = lambda: {n: raw[2 * n] << 8 | raw[2 * n + 1] for n in range(8)}

    with GigeCamera() as gige, plc() as machine:
        says(A)
        identity = {"product": {"address": 0}, "hold_ms": 1000}
        with station_of(tmp_path, gige, trigger=TIMER, plc=machine.settings, identity=identity) as line:
            eventually(lambda: len(judged_as(line, A)) >= 5, what="parts of the first product that were seen")
            says(B)
            eventually(lambda: len(judged_as(line, B)) >= 5, what="parts of the second that were seen")
            says("unknown")
            eventually(lambda: line.told.of(f"alarm/{PRODUCT_REFUSED}"), what="the alarm")
            line.stop.set()
            line.end()
            results, changes = line.told.of("result"), line.told.of("product")
    assert [(each["product"], each["cause"]) for each in changes] == [(A, "start"), (B, "plc")]
    judged = [each for each in results if each["outcome"] != "no_verdict"]
    assert wrong_sizes(judged) == []
    assert {(each["product"], each["model"]["version"]) for each in judged} == {(A, "1.0.0"), (B, "2.0.0")}
    causes = {each["no_verdict"]["cause"] for each in results if each["outcome"] == "no_verdict"}
    assert causes <= {"product_mismatch", "stopped"}  # parts that came before the line was changed over


def test_a_part_of_several_frames_is_of_one_product_or_gets_no_verdict(tmp_path: Path) -> None:
    with GigeCamera() as gige, station_of(tmp_path, gige, trigger=TIMER, frames_per_part=3) as line:
        eventually(results_of(line, A, least=3), what="parts of the first product")
        for code in (B, A):
            line.change(code)
            seen = sum(each["product"] == code for each in line.told.of("result"))
            eventually(results_of(line, code, least=seen + 3), what=f"parts of {code}")
        line.stop.set()
        totals = line.end()
        results = line.told.of("result")
    judged = [each for each in results if each["outcome"] != "no_verdict"]
    assert wrong_sizes(judged) == []
    assert {(each["product"], each["model"]["version"]) for each in judged} == {(A, "1.0.0"), (B, "2.0.0")}
    assert {each["frames_total"] for each in judged} == {3}
    causes = [each["no_verdict"]["cause"] for each in results if each["outcome"] == "no_verdict"]
    assert set(causes) <= {"product_mismatch", "stopped", "frame_missing"}
    assert causes.count("product_mismatch") <= 2
    assert totals.parts.seen == len(results)
