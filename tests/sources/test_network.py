"""Network cameras as they are: real servers that come, go, freeze, hang, and deliver what they kept back."""

import logging
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.app import open_source
from edge_inspector.camera import CameraFault, CameraReport, CameraStatus, Skipped
from edge_inspector.errors import ConfigError
from edge_inspector.frame import DropCause, Frame
from edge_inspector.settings import parse
from edge_inspector.sources.live import LiveSource
from tests.clock_pictures import age_ms, now_ms
from tests.mjpeg_server import MjpegServer
from tests.mosquitto import HOST, free_port
from tests.rtsp_server import RtspServer

pytestmark = pytest.mark.thorough

PATIENCE_S = 40.0
ROOT = Path(__file__).parents[2]
STALENESS_MS = 1000
SHORT_STALENESS_MS = 300  # where a test waits until pictures are older than that
TOLERANCE_MS = 1000  # what a busy machine may take from the network to this test
LATENCY_MS = 1000  # of pictures in a camera's encoder, which nobody can see from here


class Watcher:
    """Reads a source and keeps account; every frame must be young enough."""

    def __init__(self, source: LiveSource, *, staleness_ms: float = STALENESS_MS) -> None:
        self._source = source
        self._oldest_ms = staleness_ms + TOLERANCE_MS
        self.reports: list[CameraReport] = []
        self.skipped: Counter[DropCause] = Counter()
        self.frames: list[Frame] = []

    def read(self) -> None:
        match self._source.read(0.05):
            case Frame() as frame:
                shown_ms = age_ms(frame.image.tobytes(), now_ms())
                assert shown_ms <= self._oldest_ms, f"frame {frame.frame_id} is {shown_ms} ms old"
                claimed_ms = (time.monotonic_ns() - frame.captured_monotonic_ns) / 1e6
                assert shown_ms <= claimed_ms + LATENCY_MS, f"frame {frame.frame_id} claims {claimed_ms:.0f} ms"
                self.frames.append(frame)
            case CameraReport() as report:
                self.reports.append(report)
            case Skipped(cause, count):
                self.skipped[cause] += count

    def watch(self, *, frames: int) -> None:
        """Read until so many more frames came."""
        self._until(lambda: len(self.frames) >= wanted, f"{frames} frames", wanted := len(self.frames) + frames)

    def wait_for(self, status: CameraStatus, fault: CameraFault | None) -> CameraReport:
        """Read until the camera is reported so."""
        seen = len(self.reports)
        self._until(lambda: any((r.status, r.fault) == (status, fault) for r in self.reports[seen:]), f"{status}")
        return self.reports[-1]

    def read_while_it_makes(self, camera: MjpegServer, pictures: int) -> None:
        """Read until the server has made so many more pictures, which it keeps back."""
        wanted = camera.made + pictures
        self._until(lambda: camera.made >= wanted, f"{pictures} pictures in the server")

    def _until(self, done: Any, what: str, *_: object) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not done():
            assert time.monotonic() < deadline_s, f"never came: {what}; {self.reports}, {self.skipped}"
            self.read()


def open_network(url: str, *, staleness_ms: float = STALENESS_MS, **more: Any) -> LiveSource:
    section = {
        "type": "network",
        "url": url,
        "open_timeout_s": 10,
        "read_timeout_s": 2,
        "reopen_min_s": 0.05,
        "reopen_max_s": 0.2,
        "frozen_after_s": 0.5,
        **more,
    }
    source = open_source(parse({"source": section}).source, threading.Event(), gray=True, staleness_ms=staleness_ms)
    assert isinstance(source, LiveSource)
    return source


@pytest.fixture(params=["mjpeg", "rtsp"])
def camera(request: pytest.FixtureRequest) -> Iterator[MjpegServer | RtspServer]:
    """A camera that is not there yet."""
    camera = MjpegServer() if request.param == "mjpeg" else RtspServer()
    yield camera
    camera.kill()


@pytest.fixture(params=["mjpeg", pytest.param("rtsp", marks=pytest.mark.nightly)])
def slow_camera(request: pytest.FixtureRequest) -> MjpegServer | RtspServer:
    """A camera of two pictures a second, of which opening a connection takes many."""
    return MjpegServer(rate_hz=2) if request.param == "mjpeg" else RtspServer(rate_hz=2)


def test_a_camera_that_comes_late_goes_and_comes_back_is_followed_without_one_old_frame(
    camera: MjpegServer | RtspServer,
) -> None:
    with open_network(camera.url) as source:
        watcher = Watcher(source)
        missing = watcher.wait_for(CameraStatus.OFFLINE, CameraFault.LOST)
        assert "nothing listens there" in missing.reason
        camera.start()
        assert watcher.wait_for(CameraStatus.ONLINE, None).away_s > 0
        watcher.watch(frames=10)
        camera.kill()
        gone = watcher.wait_for(CameraStatus.OFFLINE, CameraFault.LOST)
        assert gone.reason
        camera.start()
        watcher.wait_for(CameraStatus.ONLINE, None)
        watcher.watch(frames=10)
    assert [frame.frame_id for frame in watcher.frames] == sorted({frame.frame_id for frame in watcher.frames})


# Every day a whole station follows a frozen MJPEG camera: tests/integration/test_cameras.py.
@pytest.mark.parametrize("camera", [pytest.param("mjpeg", marks=pytest.mark.nightly), "rtsp"], indirect=True)
def test_a_frozen_camera_is_found_and_followed_again_when_it_moves(camera: MjpegServer | RtspServer) -> None:
    camera.start()
    with open_network(camera.url) as source:
        watcher = Watcher(source)
        watcher.watch(frames=5)
        camera.freeze()
        frozen = watch_frozen(watcher)
        assert "repeated one picture" in frozen.reason
        assert watcher.skipped[DropCause.FROZEN] > 0
        camera.thaw()
        watcher.wait_for(CameraStatus.ONLINE, None)
        watcher.watch(frames=5)


def watch_frozen(watcher: Watcher) -> CameraReport:
    """Wait for the report; until it comes the old picture passes, which is what `frozen_after_s` allows."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        match watcher._source.read(0.05):
            case CameraReport(status=CameraStatus.DEGRADED, fault=CameraFault.FROZEN) as report:
                return report
            case Skipped(cause, count):
                watcher.skipped[cause] += count
    pytest.fail("a frozen camera was never reported")


def test_what_a_network_kept_back_for_longer_than_the_budget_is_counted_as_stale() -> None:
    with (
        MjpegServer() as camera,
        open_network(camera.url, read_timeout_s=20, staleness_ms=SHORT_STALENESS_MS) as source,
    ):
        watcher = Watcher(source, staleness_ms=SHORT_STALENESS_MS)
        watcher.watch(frames=10)
        before = watcher.skipped[DropCause.STALE]
        camera.hold_back()
        watcher.read_while_it_makes(camera, 40)
        camera.let_go()
        watcher.watch(frames=10)
        assert watcher.skipped[DropCause.STALE] - before >= 20  # 32 are older than the budget
        assert watcher.reports == []


def test_a_slow_camera_is_followed_from_its_first_seconds(slow_camera: MjpegServer | RtspServer) -> None:
    with slow_camera, open_network(slow_camera.url) as source:
        watcher = Watcher(source)
        watcher.watch(frames=2)  # one whose interval was taken for another's would never give any
        assert watcher.reports == []


def test_a_camera_that_gets_slower_than_its_time_out_is_lost_until_it_is_quick_again() -> None:
    with MjpegServer() as camera, open_network(camera.url, read_timeout_s=1) as source:
        watcher = Watcher(source)
        watcher.watch(frames=5)
        camera.rate_hz = 0.7
        assert "no picture came in 1 s" in watcher.wait_for(CameraStatus.OFFLINE, CameraFault.LOST).reason
        camera.rate_hz = 25
        watcher.wait_for(CameraStatus.ONLINE, None)
        watcher.watch(frames=5)


def test_damaged_pictures_are_counted_and_the_connection_stays() -> None:
    with MjpegServer() as camera, open_network(camera.url) as source:
        watcher = Watcher(source)
        watcher.watch(frames=5)
        camera.damage(3)
        watcher.watch(frames=8)
        assert watcher.skipped[DropCause.FRAME_DAMAGED] == 3
        assert watcher.reports == []


def test_a_server_that_hangs_and_wakes_is_followed_without_one_old_frame() -> None:
    with RtspServer() as camera, open_network(camera.url, read_timeout_s=1) as source:
        watcher = Watcher(source)
        watcher.watch(frames=10)
        camera.hang()
        assert "no picture came in 1 s" in watcher.wait_for(CameraStatus.OFFLINE, CameraFault.LOST).reason
        camera.wake()
        watcher.wait_for(CameraStatus.ONLINE, None)
        watcher.watch(frames=20)  # what it had made for the old connection would come first


READER = """
import threading
from edge_inspector.app import open_source
from edge_inspector.frame import Frame
from edge_inspector.settings import parse
from tests.clock_pictures import age_ms, now_ms
source = {"type": "network", "url": "URL", "read_timeout_s": 20}
with open_source(parse({"source": source}).source, threading.Event(), gray=True, staleness_ms=STALENESS) as camera:
    while True:
        if isinstance(frame := camera.read(0.1), Frame):
            print(age_ms(frame.image.tobytes(), now_ms()), flush=True)
"""


def test_a_reader_that_was_suspended_takes_nothing_old_from_the_buffers_of_the_connection() -> None:
    with RtspServer() as camera:
        program = READER.replace("URL", camera.url).replace("STALENESS", str(SHORT_STALENESS_MS))
        reader = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            assert reader.stdout is not None
            ages_ms = [int(reader.stdout.readline()) for _ in range(10)]
            reader.send_signal(signal.SIGSTOP)
            time.sleep(1.8)  # the time in which the camera fills the buffers
            reader.send_signal(signal.SIGCONT)
            # The first may have been on its way to be printed when the reader was suspended.
            ages_ms += [int(reader.stdout.readline()) for _ in range(20)][1:]
        finally:
            reader.kill()
            reader.communicate()
    assert max(ages_ms) <= SHORT_STALENESS_MS + TOLERANCE_MS


def test_pictures_by_udp() -> None:
    with RtspServer() as camera, open_network(camera.url, transport="udp") as source:
        Watcher(source).watch(frames=10)


@pytest.mark.parametrize("kind", ["mjpeg", "rtsp"])
def test_a_password_opens_the_camera_and_a_wrong_one_is_said_to_be_wrong_but_never_shown(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "p@ss/word:1?"
    path = tmp_path / "password"
    path.write_text("wrong-" + secret + "\n")
    with MjpegServer(password=secret) if kind == "mjpeg" else RtspServer("--password", secret) as camera:
        with open_network(camera.url, username="camera", password_file=str(path)) as source:
            watcher = Watcher(source)
            reason = watcher.wait_for(CameraStatus.OFFLINE, CameraFault.LOST).reason
            assert "401" in reason
            assert "source.password_file" in reason
            path.write_text(secret + "\n")  # a renewed password is read again
            watcher.watch(frames=1)
        shown = caplog.text + "".join(report.reason for report in watcher.reports) + watcher.frames[0].source
    assert secret not in shown
    assert "p%40ss" not in shown
    assert str(camera.port) in shown


def test_a_camera_that_wants_a_password_says_so_to_who_brings_none() -> None:
    with MjpegServer(password="secret") as camera, open_network(camera.url) as source:
        reason = Watcher(source).wait_for(CameraStatus.OFFLINE, CameraFault.LOST).reason
    assert "give source.username" in reason


def test_a_camera_that_does_not_answer_is_lost_and_a_stop_does_not_wait_for_it() -> None:
    with MjpegServer() as camera:
        camera.ignore_callers()
        with open_network(camera.url, open_timeout_s=60) as source:
            assert source.read(0.2) is None  # it is being opened
            started_s = time.monotonic()
        assert time.monotonic() - started_s < 5  # and would take 60 s
        camera.answer_callers()
        thread = next(thread for thread in threading.enumerate() if thread.name == "camera")
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def test_an_address_without_a_host_is_an_outage_with_its_reason() -> None:
    with open_network("rtsp://no-such-host.invalid/stream") as source:
        reason = Watcher(source).wait_for(CameraStatus.OFFLINE, CameraFault.LOST).reason
    assert "source.url" in reason


def test_a_password_file_that_is_missing_at_the_start_is_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "missing"
    with pytest.raises(ConfigError, match=r"source\.password_file: cannot read .*missing"):
        open_network(f"rtsp://{HOST}:{free_port()}/", username="camera", password_file=str(path))
