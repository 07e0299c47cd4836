"""The Raspberry Pi's camera, by picamera2, which comes with Raspberry Pi OS and is imported only when it is opened."""

import importlib
import time
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from edge_inspector.errors import SourceError
from edge_inspector.settings import PiCameraSource
from edge_inspector.sources.live import Picture

# picamera2 names the order of the bytes from the last to the first: these are BGR, as everywhere here.
_BGR = "RGB888"


class _Request(Protocol):
    def make_array(self, name: str) -> NDArray[np.uint8]: ...
    def get_metadata(self) -> dict[str, object]: ...
    def release(self) -> None: ...


class _Picamera2(Protocol):
    def create_video_configuration(self, **options: object) -> dict[str, object]: ...
    def configure(self, configuration: dict[str, object]) -> None: ...
    def start(self) -> None: ...
    def capture_request(self, wait: float) -> _Request: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...


class PiCamera:
    """A camera on the Pi's ribbon cable."""

    def __init__(self, settings: PiCameraSource) -> None:
        """Open it and start it.

        Args:
            settings: Which camera, and how.

        Raises:
            SourceError: If picamera2 is not installed, or there is no such camera.
        """
        self._read_timeout_s = settings.read_timeout_s
        camera = _import_picamera2(settings.camera)
        try:
            main: dict[str, object] = {"format": _BGR}
            if settings.image_wh is not None:
                main["size"] = settings.image_wh
            configuration = camera.create_video_configuration(main=main, controls=_controls(settings))
            camera.configure(configuration)
            camera.start()
        except Exception as error:
            camera.close()
            msg = f"Pi camera {settings.camera} cannot be started: {error}"
            raise SourceError(msg) from error
        self._camera = camera

    def grab(self) -> Picture:
        """Return the next picture with the sensor's own time."""
        try:
            request = self._camera.capture_request(wait=self._read_timeout_s)
        except TimeoutError as error:
            msg = f"no picture came in {self._read_timeout_s:g} s; check the ribbon cable"
            raise SourceError(msg) from error
        try:
            image = request.make_array("main")
            stamp = request.get_metadata().get("SensorTimestamp")
        finally:
            request.release()
        if not isinstance(stamp, int):
            return Picture(image)
        # libcamera stamps the begin of the exposure on the clock that goes on while the machine sleeps.
        age_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - stamp
        return Picture(image, time.monotonic_ns() - age_ns, "camera")

    def close(self) -> None:
        """Stop it and let go of it."""
        try:
            self._camera.stop()
        finally:
            self._camera.close()


def _import_picamera2(number: int) -> _Picamera2:
    try:
        module = importlib.import_module("picamera2")
    except ImportError as error:
        msg = (
            f"picamera2 cannot be imported ({error}); on Raspberry Pi OS: apt install python3-picamera2, and make the "
            "virtual environment with --system-site-packages; it belongs to the extra edge-inspector[picamera]"
        )
        raise SourceError(msg) from error
    try:
        return cast("_Picamera2", module.Picamera2(number))
    except Exception as error:  # it raises whatever libcamera does, IndexError where there is no camera
        msg = f"Pi camera {number} cannot be opened: {error or type(error).__name__}; check its cable (rpicam-hello)"
        raise SourceError(msg) from error


def _controls(settings: PiCameraSource) -> dict[str, object]:
    controls: dict[str, object] = {}
    if settings.rate_hz is not None:
        controls["FrameRate"] = settings.rate_hz
    if settings.exposure_us is not None:
        controls["ExposureTime"] = settings.exposure_us
    if settings.gain is not None:
        controls["AnalogueGain"] = settings.gain
    return controls
