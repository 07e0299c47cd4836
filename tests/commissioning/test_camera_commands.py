"""`edge-inspector camera` as a person calls it, with a real GigE Vision camera on loopback."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import cv2
import pytest

from edge_inspector.cli import main
from edge_inspector.commissioning.advice import advise
from edge_inspector.commissioning.grabbing import GrabbedFrame, grab
from edge_inspector.commissioning.opening import camera_settings
from edge_inspector.settings import GenicamSource, parse
from edge_inspector.sources.genicam import finding
from edge_inspector.sources.genicam.finding import FoundCamera, find_cameras
from tests.daemons import EDGE_INSPECTOR
from tests.gige_camera import GigeCamera
from tests.mjpeg_server import MjpegServer
from tests.pylon_emulator import SERIALS, load_pylon, require_pylon
from tests.requirements import require_program

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def gige() -> Iterator[GigeCamera]:
    with GigeCamera() as camera:
        yield camera


@pytest.fixture(scope="module")
def answers(gige: GigeCamera) -> Sequence[FoundCamera]:
    """The cameras that Aravis finds, with the one of these tests."""
    found = find_cameras()
    assert gige.serial in {camera.serial for camera in found}
    return found


@pytest.fixture
def no_search(answers: Sequence[FoundCamera], monkeypatch: pytest.MonkeyPatch) -> None:
    """Spares a test Aravis's search, a second each time, where it is not about that."""
    monkeypatch.setattr(finding, "_find", lambda _call: answers)


def station(folder: Path, **source: Any) -> Path:
    file = folder / "station.json"
    file.write_text(json.dumps({"source": source, "state": {"dir": str(folder / "state")}}), encoding="utf-8")
    return file


class Ended(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


class Camera(Protocol):
    def __call__(self, *arguments: str | Path) -> Ended: ...


@pytest.fixture
def camera(capsys: pytest.CaptureFixture[str]) -> Camera:
    """Calls the command in this process, which saves its start."""
    load_pylon()

    def call(*arguments: str | Path) -> Ended:
        code = main(["camera", *map(str, arguments)])
        return Ended(code, *capsys.readouterr())

    return call


def documents(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def check_of(text: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the frames and the self-check."""
    *frames, check = documents(text)
    return frames, check["self_check"]


def test_a_camera_is_listed_with_what_its_configuration_takes(camera: Camera, gige: GigeCamera) -> None:
    listed = camera("list")
    assert listed.returncode == 0, listed.stderr
    (line,) = [line for line in listed.stdout.splitlines() if gige.serial in line]
    assert line.split() == ["genicam", gige.serial, gige.address, "Aravis", "Fake", "GigEVision", gige.name]


@pytest.mark.usefixtures("no_search")
def test_programs_get_the_list_as_json(camera: Camera, gige: GigeCamera) -> None:
    (document,) = [one for one in documents(camera("list", "--json").stdout) if one["serial"] == gige.serial]
    assert document["address"] == gige.address


def test_a_missing_library_is_told_with_the_package_to_install() -> None:
    script = (
        "import ctypes, os, sys\n"
        "def missing(name, *_): raise OSError(f'{name}: cannot open shared object file')\n"
        "ctypes.CDLL = missing\n"
        "sys.modules['pypylon'] = None\n"
        "from edge_inspector.cli import main\n"
        "print(main(['camera', 'list']))"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "apt install libaravis-0.8-0" in ended.stderr
    assert ended.stdout.splitlines()[0] == "no camera answers; check:"
    assert ended.stdout.splitlines()[-1] == "69"


@pytest.mark.usefixtures("no_search")
def test_the_features_that_matter_are_described_with_value_and_range(camera: Camera, gige: GigeCamera) -> None:
    described = camera("describe", gige.serial)
    assert described.returncode == 0, described.stderr
    head, *rows = described.stdout.splitlines()
    assert head == f"Aravis Fake, serial {gige.serial}, {gige.address}, GigEVision"
    table = {name: rest.split(maxsplit=1) for name, rest in (row.split(maxsplit=1) for row in rows)}
    assert table["Width"] == ["512", "1 to 2048"]
    assert table["PixelFormat"][1] == "BayerBG8, BayerGB8, BayerGR8, BayerRG8, Mono16, Mono8, RGB8"
    assert "TestRegister" not in table


@pytest.mark.usefixtures("no_search")
def test_all_features_are_described_by_category(camera: Camera, gige: GigeCamera) -> None:
    described = documents(camera("describe", gige.address, "--all", "--json").stdout)
    found = {one["name"]: one for one in described}
    categories = list(dict.fromkeys(one["category"] for one in described))
    assert categories.index("ImageFormatControl") < categories.index("AcquisitionControl")
    assert found["TestRegister"]["category"] == "Debug"
    assert found["Width"] | {"value": 0} == {
        "name": "Width", "kind": "integer", "value": 0, "unit": "", "allowed": "1 to 2048",
        "category": "ImageFormatControl",
    }  # fmt: skip


def test_every_configured_feature_that_the_camera_refuses_is_told_at_once(
    camera: Camera, gige: GigeCamera, tmp_path: Path
) -> None:
    file = station(
        tmp_path, type="genicam", camera=gige.address, pixel_format="Mono9", region=[0, 0, 640, 4800], exposure_us=2000,
        features={"Nonsense": 1, "GainRaw": 3},
    )  # fmt: skip
    described = camera("describe", "-c", file)
    assert described.returncode == 78
    refused = [line.split(":")[1].strip() for line in described.stderr.splitlines() if line.startswith("refused: ")]
    assert refused == ["Nonsense", "PixelFormat", "Height"]


def test_a_configuration_that_the_camera_takes_is_told_so(camera: Camera, gige: GigeCamera, tmp_path: Path) -> None:
    file = station(tmp_path, type="genicam", camera=gige.address, region=[0, 0, 320, 240], exposure_us=2000)
    described = camera("describe", "-c", file)
    assert described.returncode == 0, described.stderr
    assert "the camera takes all that is configured" in described.stderr
    assert any(line.split()[:2] == ["Width", "320"] for line in described.stdout.splitlines())


def test_frames_are_grabbed_as_configured_saved_and_judged(camera: Camera, gige: GigeCamera, tmp_path: Path) -> None:
    file = station(
        tmp_path, type="genicam", camera=gige.address, region=[0, 0, 320, 240], pixel_format="RGB8", rate_hz=50
    )
    ended = camera("grab", "-c", file, "--count", "12", "--out", tmp_path / "frames", "--json")
    assert ended.returncode == 0, ended.stderr + ended.stdout
    frames, check = check_of(ended.stdout)
    assert [frame["number"] for frame in frames] == list(range(12))
    assert {(frame["state"], *frame["image_wh"], frame["pixel_format"]) for frame in frames} == {
        ("whole", 320, 240, "RGB8")
    }
    assert check["frames"] == {"whole": 12, "incomplete": 0, "missing": 0}
    assert (check["network"]["interface"], check["network"]["packet_size"] > 0) == ("lo", True)
    assert check["frame_bytes"] == 320 * 240 * 3
    saved = sorted((tmp_path / "frames").iterdir())
    assert [file.name for file in saved] == [f"frame-{number:06d}.png" for number in range(12)]
    picture = cv2.imread(str(saved[3]))
    assert picture is not None
    assert picture.shape == (240, 320, 3)
    assert float(picture.mean()) == pytest.approx(frames[3]["mean_gray"], abs=0.5)


def test_a_camera_is_set_up_for_the_product_that_the_line_starts_with() -> None:
    settings = parse({
        "station": {"product": "b"},
        "source": {"type": "genicam", "exposure_us": 500},
        "products": {"a": {"camera": {"region": [0, 0, 64, 64]}}, "b": {"camera": {"region": [0, 0, 96, 64]}}},
    })  # fmt: skip
    found = camera_settings(settings, "22345678")
    assert isinstance(found, GenicamSource)
    assert (found.camera, found.region, found.exposure_us) == ("22345678", (0, 0, 96, 64), 500)


@pytest.mark.usefixtures("no_search")
def test_a_table_for_people_ends_with_the_self_check(camera: Camera, gige: GigeCamera) -> None:
    ended = camera("grab", gige.serial, "--count", "4")
    assert ended.returncode == 0, ended.stderr + ended.stdout
    lines = ended.stdout.splitlines()
    assert lines[0].split() == ["frame", "state", "captured", "told", "by", "size", "format", "gray"]
    assert [line.split()[0] for line in lines[1:5]] == ["0", "1", "2", "3"]
    assert "frames    4 whole, 0 incomplete, 0 missing" in lines


def test_lost_packets_are_told_with_how_many_and_what_to_do(camera: Camera, tmp_path: Path) -> None:
    with GigeCamera(lost_per_thousand=5) as lossy:
        file = station(
            tmp_path, type="genicam", camera=lossy.address, region=[0, 0, 512, 512], packet_size=1400, rate_hz=60
        )
        ended = camera("grab", "-c", file, "--count", "60")
    assert ended.returncode == 69
    fault, *_ = [line for line in ended.stdout.splitlines() if line.startswith("fault: ")]
    assert fault.startswith("fault: frames lost: ")
    assert "none of these is ever inspected" in fault
    percent = float(fault.partition("about ")[2].partition(" %")[0])
    assert 0.2 < percent < 1.0  # of 1000 packets 5 were lost, by chance


def test_a_user_who_may_not_open_raw_sockets_receives_frames_larger_than_the_default_buffer(
    gige: GigeCamera, tmp_path: Path
) -> None:
    if int(Path("/proc/sys/net/core/rmem_max").read_text(encoding="utf-8")) < 2 << 20:
        pytest.skip("net.core.rmem_max is below 2 MB")
    # As root Aravis reads packets past the receive buffer; the daemon of a station should not be root.
    without = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"] if os.geteuid() == 0 else []
    if without:
        require_program("setpriv", package="util-linux")
    file = station(tmp_path, type="genicam", camera=gige.address, region=[0, 0, 640, 480], pixel_format="RGB8")
    arguments = ["camera", "grab", "-c", str(file), "--count", "20", "--json"]
    ended = subprocess.run([*without, *EDGE_INSPECTOR, *arguments], capture_output=True, text=True, check=False)
    _, check = check_of(ended.stdout)
    assert check["network"]["dropped_in_buffer"] is not None
    assert check["frame_bytes"] > 4 * check["network"]["receive_default_bytes"]
    # With the default buffer not one comes whole; a machine that is busy for long may still lose some.
    assert check["frames"]["whole"] > 10, ended.stdout + ended.stderr


def test_a_software_trigger_is_fired_for_each_frame(camera: Camera, gige: GigeCamera, tmp_path: Path) -> None:
    file = station(tmp_path, type="genicam", camera=gige.address, region=[0, 0, 64, 64], trigger={"by": "command"})
    ended = camera("grab", "-c", file, "--count", "5", "--json")
    assert ended.returncode == 0, ended.stderr + ended.stdout
    assert [frame["state"] for frame in check_of(ended.stdout)[0]] == ["whole"] * 5


def test_a_pulse_that_does_not_come_is_told_apart_from_a_camera_that_is_gone(
    camera: Camera, gige: GigeCamera, tmp_path: Path
) -> None:
    trigger = {"by": "hardware", "source": "Line0"}
    file = station(tmp_path, type="genicam", camera=gige.address, region=[0, 0, 64, 64], trigger=trigger)
    # The camera of these tests takes a frame by itself only without a trigger; nothing pulls its line.
    ended = camera("grab", "-c", file, "--seconds", "0.3")
    assert ended.returncode == 69
    assert "the camera answers and waits for a pulse on Line0, which did not come" in ended.stdout


def test_a_camera_that_goes_away_in_the_middle_is_told_with_what_came_before() -> None:
    taken: list[GrabbedFrame] = []
    with GigeCamera() as leaving:
        source = {"type": "genicam", "camera": leaving.address, "region": [0, 0, 64, 64], "read_timeout_s": 2}

        def take(frame: GrabbedFrame, _image: Any) -> None:
            taken.append(frame)
            if frame.number == 3:
                leaving.kill()

        measured = grab(GenicamSource.model_validate(source), take, count=10_000, seconds=60)
    assert measured.frames.whole == len(taken) >= 4
    assert measured.problem is not None
    assert "does not answer any more" in measured.problem
    assert any(f"the camera does not deliver: {measured.problem}" in advice.text for advice in advise(measured))


def test_who_has_seen_enough_is_told_what_came_so_far(gige: GigeCamera) -> None:
    def take(frame: GrabbedFrame, _image: Any) -> None:
        if frame.number == 3:
            raise KeyboardInterrupt

    source = {"type": "genicam", "camera": gige.address, "region": [0, 0, 64, 64]}
    measured = grab(GenicamSource.model_validate(source), take, count=10_000, seconds=60)
    assert (measured.frames.whole, measured.problem) == (4, None)


@pytest.mark.usefixtures("no_search")
def test_a_camera_that_is_not_there_is_one_clear_line_with_those_that_are(camera: Camera, gige: GigeCamera) -> None:
    ended = camera("grab", "nobody")
    assert ended.returncode == 69
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith("edge-inspector: error: camera 'nobody' does not answer")
    assert gige.serial in line


def test_another_live_camera_of_a_configuration_is_grabbed_too(camera: Camera, tmp_path: Path) -> None:
    with MjpegServer() as server:
        ended = camera("grab", "-c", station(tmp_path, type="network", url=server.url), "--count", "3", "--json")
    assert ended.returncode == 0, ended.stderr + ended.stdout
    frames, check = check_of(ended.stdout)
    assert [frame["state"] for frame in frames] == ["whole"] * 3
    assert check["network"] is None


@pytest.mark.parametrize(
    ("source", "arguments", "words"),
    [
        ({"type": "simulated"}, ["grab"], "source.type: expected a camera, found 'simulated'"),
        ({"type": "network", "url": "http://127.0.0.1:9/x"}, ["describe"], "only these have features"),
        ({"type": "network", "url": "http://127.0.0.1:9/x"}, ["grab", "77"], "CAMERA: expected none beside a source"),
    ],
)
def test_a_configuration_without_such_a_camera_is_refused(
    camera: Camera, tmp_path: Path, source: dict[str, Any], arguments: list[str], words: str
) -> None:
    ended = camera(*arguments, "-c", station(tmp_path, **source))
    assert ended.returncode == 78
    assert words in ended.stderr


@pytest.mark.usefixtures("no_search")
def test_basler_cameras_are_listed_described_and_grabbed_by_pylon(camera: Camera) -> None:
    require_pylon()
    listed = [one for one in documents(camera("list", "--json").stdout) if one["driver"] == "pylon"]
    assert {one["serial"] for one in listed} == set(SERIALS)
    described = camera("describe", SERIALS[1])
    assert described.returncode == 0, described.stderr
    assert any(line.split()[:3] == ["ExposureTime", "10000", "us"] for line in described.stdout.splitlines())
    grabbed = camera("grab", SERIALS[1], "--count", "3", "--json")
    assert grabbed.returncode == 0, grabbed.stderr
    frames, check = check_of(grabbed.stdout)
    assert [frame["state"] for frame in frames] == ["whole"] * 3
    assert (check["network"], check["usb"]) == (None, None)
