"""GenICam cameras against a real one on loopback: Aravis's own, in a process that can be killed."""

import ctypes
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_inspector.errors import ConfigError, SourceError
from edge_inspector.settings import GenicamSource, ProductCamera
from edge_inspector.sources.genicam import clock, pixels
from edge_inspector.sources.genicam.camera import GenicamCamera
from edge_inspector.sources.genicam.device import AravisDevice
from edge_inspector.sources.genicam.finding import find_cameras
from edge_inspector.sources.genicam.stream import Buffer
from edge_inspector.sources.grabbing import Incomplete, IndustrialCamera, Picture, Waiting
from tests.gige_camera import GigeCamera
from tests.mosquitto import PATIENCE_S

SMALL = (0, 0, 256, 64)


@pytest.fixture(scope="module")
def gige() -> Iterator[GigeCamera]:
    with GigeCamera() as camera:
        yield camera


def settings(gige: GigeCamera, **keys: object) -> GenicamSource:
    """Return settings by address, which needs no search; what is not in them is as the last test left it."""
    defaults = {"type": "genicam", "camera": gige.address, "pixel_format": "Mono8", "region": SMALL}
    return GenicamSource.model_validate({**defaults, **keys})


def picture(camera: GenicamCamera) -> Picture:
    """Return the next one; all that comes before it is an error."""
    grabbed = camera.grab()
    assert isinstance(grabbed, Picture), grabbed
    return grabbed


def grab_for_ever(camera: GenicamCamera) -> None:
    began_s = time.monotonic()
    while time.monotonic() - began_s < PATIENCE_S:
        camera.grab()


def ramp(image: NDArray[np.uint8]) -> int:
    """Return where the ramp of the camera's test picture begins; fails for any other picture."""
    height, width = image.shape
    first = int(image[0, 0])
    y, x = np.mgrid[:height, :width]
    assert (image == (x + y + first) % 255).all(), "the picture has holes"
    return first


@pytest.mark.parametrize("by", ["serial", "address", pytest.param("name", marks=pytest.mark.nightly)])
def test_a_camera_is_opened_by_serial_address_and_name(gige: GigeCamera, by: str) -> None:
    with closing(GenicamCamera(settings(gige, camera=getattr(gige, by)))) as camera:
        assert isinstance(camera, IndustrialCamera)
        assert picture(camera).image.shape == (64, 256)


def test_cameras_are_found_with_all_that_tells_them_apart(gige: GigeCamera) -> None:
    (found,) = [camera for camera in find_cameras() if camera.serial == gige.serial]
    assert (found.vendor, found.model, found.address, found.protocol) == ("Aravis", "Fake", gige.address, "GigEVision")


def test_frames_come_whole_in_order_and_stamped_over_the_end_of_16_bits(gige: GigeCamera) -> None:
    before_ns = time.monotonic_ns()
    with closing(GenicamCamera(settings(gige, rate_hz=1000, buffers=256))) as camera:
        grabbed = [camera.grab() for _ in range(700)]
        counts = camera.counts()
    pictures = [one for one in grabbed if isinstance(one, Picture)]
    for one in pictures:
        ramp(one.image)
    captured_ns = [one.captured_monotonic_ns or 0 for one in pictures]
    assert captured_ns == sorted(captured_ns)
    assert before_ns < captured_ns[0]
    assert captured_ns[-1] < time.monotonic_ns()
    assert {one.captured_at_source for one in pictures} == {"camera"}
    # A busy machine may lose some, whole or in part, but the numbers that begin again tell of none.
    lost = [one for one in grabbed if isinstance(one, Incomplete)]
    missing = sum(one.is_missing for one in lost)
    assert len(pictures) == 700 - len(lost)
    assert (missing <= counts.underruns, len(lost) - missing <= counts.failed) == (True, True), (lost, counts)


def test_a_camera_that_is_held_already_is_said_to_be(gige: GigeCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    close = AravisDevice.close
    with closing(GenicamCamera(settings(gige))) as holder:

        def close_when_free(device: AravisDevice) -> None:
            # Aravis's own camera answers nobody who gives back what another holds, for which Aravis waits for seconds.
            monkeypatch.undo()
            holder.close()
            close(device)

        monkeypatch.setattr(AravisDevice, "close", close_when_free)
        with pytest.raises(SourceError, match=f"serial {gige.serial}, {gige.address} is held by another program"):
            GenicamCamera(settings(gige))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"pixel_format": "Mono9"}, r"PixelFormat: asked for 'Mono9', allowed are BayerBG8, .*, Mono16, Mono8, RGB8"),
        ({"region": (0, 0, 4000, 64)}, r"Width: asked for 4000, allowed is 1 to 2048"),
        ({"exposure_us": 1}, r"ExposureTimeAbs: asked for 1.0, allowed is 10 to 10000000"),
        ({"rate_hz": 5000}, r"AcquisitionFrameRate: asked for 5000.0, allowed is 0.1 to 1000"),
        ({"packet_delay_ns": 5000}, r"packet_size auto, packet_delay_ns 5000: the camera refuses: .*'1000'"),
        ({"trigger": {"by": "hardware", "source": "Line9"}}, r"TriggerSource: asked for 'Line9', allowed are Line0, S"),
    ],
)
def test_what_a_camera_cannot_is_one_error_and_it_is_free_again(
    gige: GigeCamera, keys: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        GenicamCamera(settings(gige, **keys))
    GenicamCamera(settings(gige)).close()


def test_waiting_for_a_trigger_is_no_fault_and_each_one_gives_a_picture(gige: GigeCamera) -> None:
    with closing(GenicamCamera(settings(gige, trigger={"by": "command"}, rate_hz=100))) as camera:
        assert isinstance(camera.grab(), Waiting)
        for _ in range(10):
            camera.fire()
            while isinstance(grabbed := camera.grab(), Waiting):  # a busy machine takes longer than one wait
                pass
            assert isinstance(grabbed, Picture), grabbed
        assert isinstance(camera.grab(), Waiting)


def test_a_camera_of_16_bits_gives_8(gige: GigeCamera) -> None:
    with closing(GenicamCamera(settings(gige, pixel_format="Mono16"))) as camera:
        image = picture(camera).image
    assert image.dtype == np.uint8
    assert int(image.max()) - int(image.min()) > 200


@pytest.fixture(scope="module")
def rgb(gige: GigeCamera) -> NDArray[np.int64]:
    """Return the (255, 3) colors of the test picture along a row; they move by a pixel a frame."""
    with closing(GenicamCamera(settings(gige, pixel_format="RGB8"))) as camera:
        return picture(camera).image[0, :255].astype(np.int64)


@pytest.mark.parametrize(("order", "is_mixed_up"), [("GR", False), ("GB", False), ("RG", True), ("BG", True)])
def test_a_mosaic_shows_the_colors_that_rgb_shows(
    gige: GigeCamera, rgb: NDArray[np.int64], order: str, *, is_mixed_up: bool
) -> None:
    """Aravis's camera fills the mosaics of two orders as each other, against their names and Aravis's own words.

    The first pixel of its BayerRG8 is the blue of its RGB8, where Aravis itself reads `rggb`, as the next test shows.
    """
    with closing(GenicamCamera(settings(gige, pixel_format=f"Bayer{order}8"))) as camera:
        shown = picture(camera).image[32, :255].astype(np.int64)
    error, error_if_swapped = (
        min(float(np.abs(shown - np.roll(known, -shift, axis=0)).mean()) for shift in range(255))
        for known in (rgb, rgb[:, ::-1])
    )
    assert min(error, error_if_swapped) < 4
    assert max(error, error_if_swapped) > 40
    assert (error_if_swapped < error) == is_mixed_up


@pytest.mark.parametrize(
    ("name", "order"), [("BayerGR8", b"grbg"), ("BayerRG8", b"rggb"), ("BayerGB8", b"gbrg"), ("BayerBG8", b"bggr")]
)
def test_a_bayer_order_is_what_aravis_says_it_is(gige: GigeCamera, name: str, order: bytes) -> None:
    caps_of = ctypes.CDLL("libaravis-0.8.so.0").arv_pixel_format_to_gst_caps_string
    caps_of.restype, caps_of.argtypes = ctypes.c_char_p, [ctypes.c_uint32]
    with closing(GenicamCamera(settings(gige, pixel_format=name))):
        assert order in caps_of(pixels.by_name(name).code)
    mosaic = np.tile(np.frombuffer(order, np.uint8).reshape(2, 2) == ord("r"), (32, 32)).astype(np.uint8) * 255
    assert (pixels.to_image(mosaic.reshape(-1), pixels.by_name(name), 64, 64) == (0, 0, 255)).all()


def test_gray_is_made_where_the_model_needs_no_colors(gige: GigeCamera) -> None:
    with closing(GenicamCamera(settings(gige, pixel_format="BayerRG8"), gray=True)) as camera:
        assert picture(camera).image.shape == (64, 256)


def test_another_set_up_returns_what_was_taken_under_the_one_before(gige: GigeCamera) -> None:
    with closing(GenicamCamera(settings(gige, rate_hz=50))) as camera:
        picture(camera)
        threading.Event().wait(0.1)
        left = camera.set_up(ProductCamera(region=(16, 8, 320, 200)))
        assert left
        assert all(isinstance(one, Picture) and one.image.shape == (64, 256) for one in left)
        assert picture(camera).image.shape == (200, 320)
        camera.set_up(ProductCamera())
        assert picture(camera).image.shape == (64, 256)


def test_a_refused_set_up_leaves_everything_as_it_was_and_loses_no_frame(gige: GigeCamera) -> None:
    with closing(GenicamCamera(settings(gige, rate_hz=50, buffers=64))) as camera:
        picture(camera)
        threading.Event().wait(0.2)
        before_ns = time.monotonic_ns()
        with pytest.raises(ConfigError, match="Width: asked for 9999"):
            camera.set_up(ProductCamera(region=(0, 0, 9999, 200)))
        grabbed = [picture(camera) for _ in range(20)]
    captured_ns = [one.captured_monotonic_ns or 0 for one in grabbed]
    assert {one.image.shape for one in grabbed} == {(64, 256)}
    assert sum(at_ns < before_ns for at_ns in captured_ns) > 3, "those that were in the buffers"
    assert captured_ns == sorted(captured_ns)


def test_packets_that_do_not_arrive_after_a_change_leave_everything_as_it_was(
    gige: GigeCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(GenicamCamera(settings(gige, packet_size=1400))) as camera:
        found = iter([1300])
        with monkeypatch.context() as patch:
            patch.setattr(camera.nodes, "packet_size", lambda: next(found, 1400))
            with pytest.raises(ConfigError, match="packet_size: asked for 1400 bytes, but only packets of 1300 arrive"):
                camera.set_up(ProductCamera(region=(0, 0, 128, 32)))
        assert picture(camera).image.shape == (64, 256)


def test_a_camera_that_cannot_be_set_back_is_opened_again(gige: GigeCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(GenicamCamera(settings(gige, packet_size=1400))) as camera:
        monkeypatch.setattr(camera.nodes, "packet_size", lambda: 1300)
        with pytest.raises(SourceError, match="cannot be set back as it was: packet_size"):
            camera.set_up(ProductCamera(region=(0, 0, 128, 32)))
    GenicamCamera(settings(gige)).close()


def test_stamps_that_are_not_nanoseconds_give_way_to_the_drivers(
    gige: GigeCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "_UNIT_WINDOW_NS", 100_000_000)
    stamped = Buffer.stamp_ns.fget
    assert stamped is not None
    monkeypatch.setattr(Buffer, "stamp_ns", property(lambda buffer: stamped(buffer) // 8))
    with closing(GenicamCamera(settings(gige, rate_hz=100))) as camera:
        grabbed = [picture(camera) for _ in range(60)]
    assert [one.captured_at_source for one in (grabbed[0], grabbed[-1])] == ["camera", "driver"]


def test_frames_that_waited_while_nobody_took_them_are_as_old_as_they_are(gige: GigeCamera) -> None:
    with closing(GenicamCamera(settings(gige, rate_hz=50, buffers=4))) as camera:
        for _ in range(25):
            picture(camera)
        stall_s = 1.0
        threading.Event().wait(stall_s)
        grabbed = [camera.grab() for _ in range(60)]
        now_ns = time.monotonic_ns()
    missing = [one for one in grabbed if isinstance(one, Incomplete)]
    ages_s = [(now_ns - (one.captured_monotonic_ns or 0)) / 1e9 for one in grabbed if isinstance(one, Picture)]
    assert all(age_s > stall_s - 0.2 for age_s in ages_s[:3]), "the buffers kept the oldest"
    assert len(missing) > 20, "what found no buffer is missing"
    assert all(one.is_missing for one in missing)
    assert ages_s[-1] < ages_s[0] - 0.5


def test_a_frame_with_lost_packets_is_never_a_picture() -> None:
    with (
        GigeCamera(lost_per_thousand=5) as gige,
        closing(GenicamCamera(settings(gige, region=(0, 0, 640, 480), rate_hz=100, packet_size=4000))) as camera,
    ):
        pictures: list[Picture] = []
        damaged: list[Incomplete] = []
        ends_s = time.monotonic() + 60  # a busy machine loses most frames itself
        while min(len(pictures), len(damaged)) <= 10 and time.monotonic() < ends_s:
            match camera.grab():
                case Picture() as one:
                    pictures.append(one)
                case Incomplete() as broken:
                    damaged.append(broken)
    for one in pictures:
        ramp(one.image)
    assert len(pictures) > 10
    assert len(damaged) > 10
    assert any("packets are missing" in one.problem for one in damaged)


@pytest.mark.thorough
def test_a_killed_camera_is_gone_and_one_that_is_back_elsewhere_is_found_by_its_serial() -> None:
    with GigeCamera() as gige:
        camera = GenicamCamera(settings(gige, trigger={"by": "command"}))
        assert isinstance(camera.grab(), Waiting)
        camera.check()
        gige.kill()
        with ThreadPoolExecutor(1) as another:  # who holds it and who looks for it each wait for seconds
            absent = another.submit(GenicamCamera, settings(gige, camera=gige.serial))
            with pytest.raises(SourceError, match=f"serial {gige.serial}, .* does not answer any more"):
                grab_for_ever(camera)
            began_s = time.monotonic()
            camera.close()
            assert time.monotonic() - began_s < PATIENCE_S / 10, "Aravis would ask for ten seconds"
            with pytest.raises(SourceError, match=f"camera '{gige.serial}' does not answer"):
                absent.result()
    with (
        GigeCamera(serial=gige.serial) as moved,
        closing(GenicamCamera(settings(moved, camera=gige.serial))) as camera,
    ):
        picture(camera)


def test_a_camera_that_goes_away_while_it_is_opened_leaves_nothing_behind(
    gige: GigeCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_device: object) -> int:
        raise SourceError("timeout")  # noqa: EM101 - as Aravis does

    GenicamCamera(settings(gige)).close()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with monkeypatch.context() as patch:
        patch.setattr(AravisDevice, "payload_bytes", gone)
        with pytest.raises(SourceError, match="timeout"):
            GenicamCamera(settings(gige))
    assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208


@pytest.mark.parametrize("times", [5, pytest.param(200, marks=[pytest.mark.nightly, pytest.mark.timeout(900)])])
def test_nothing_is_left_of_cameras_that_were_opened_and_closed(gige: GigeCamera, times: int) -> None:
    def open_and_close() -> tuple[int, int]:
        with closing(GenicamCamera(settings(gige, rate_hz=200))) as camera:
            for _ in range(3):
                camera.grab()
        statm = Path("/proc/self/statm").read_text(encoding="utf-8").split()
        return len(os.listdir("/proc/self/fd")), int(statm[1]) * os.sysconf("SC_PAGESIZE")  # noqa: PTH208

    before, _ = (open_and_close(), open_and_close())
    for _ in range(times):
        after = open_and_close()
    assert after[0] <= before[0]
    assert after[1] < before[1] + 20e6
