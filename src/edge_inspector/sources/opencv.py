"""Cameras through OpenCV: network cameras by its FFmpeg, USB cameras by V4L2."""

import logging
import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from edge_inspector.errors import SourceError
from edge_inspector.settings import NetworkSource, UsbSource
from edge_inspector.sources.address import Address, explain_silence
from edge_inspector.sources.live import Picture

_log = logging.getLogger(__name__)

_EXPLAIN_S = 3.0  # to find out why a camera could not be opened
_DAMAGED_IN_A_ROW = 8  # more than these are the end
_DRIVER_CLOCK_S = 60.0  # a driver's time stamps that are further off are not on our clock

OpenCapture = Callable[[str, int, Sequence[int]], cv2.VideoCapture]


def prepare_ffmpeg(transport: str = "tcp") -> None:
    """Tell FFmpeg how to fetch RTSP, and to keep quiet; for the whole process, before threads start.

    OpenCV takes these from the environment alone. FFmpeg's own lines would break logs that are JSON.

    Args:
        transport: `tcp` or `udp`.
    """
    os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = f"rtsp_transport;{transport}"
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


class NetworkCamera:
    """A camera by RTSP or by MJPEG over HTTP."""

    def __init__(self, settings: NetworkSource, address: Address) -> None:
        """Open it.

        Args:
            settings: Time-outs.
            address: Where it is, with its password.

        Raises:
            SourceError: If it cannot be opened, with the reason as far as it can be found out.
        """
        self._read_timeout_s = settings.read_timeout_s
        self._has_clock = address.has_clock
        parameters = (
            (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(settings.open_timeout_s * 1000)),
            (cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(settings.read_timeout_s * 1000)),
            # Each further decoder thread holds one picture back, and lets it go only when the next one comes.
            (cv2.CAP_PROP_N_THREADS, 1),
        )
        flat = [value for parameter in parameters for value in parameter]
        self._capture = cv2.VideoCapture(address.secret, cv2.CAP_FFMPEG, flat)
        if not self._capture.isOpened():
            raise SourceError(explain_silence(address, min(_EXPLAIN_S, settings.open_timeout_s)))

    def grab(self) -> Picture:
        """Return the next picture."""
        late_s = time.monotonic() + self._read_timeout_s * 0.9
        damaged = grab_next(self._capture, late_s)
        if damaged is None:
            is_late = time.monotonic() > late_s
            msg = f"no picture came in {self._read_timeout_s:g} s" if is_late else "the connection ended"
            raise SourceError(msg)
        stream_ns = int(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6) if self._has_clock else None
        return Picture(_retrieve(self._capture), stream_ns=stream_ns, damaged_before=damaged)

    def close(self) -> None:
        """Hang up."""
        self._capture.release()


class UsbCamera:
    """A camera that V4L2 knows."""

    def __init__(
        self, settings: UsbSource, *, open_capture: Callable[[str, int], cv2.VideoCapture] = cv2.VideoCapture
    ) -> None:
        """Open it and set its picture size, rate and format.

        Args:
            settings: Which device, and how.
            open_capture: OpenCV's, or what stands in for it.

        Raises:
            SourceError: If it is not there, or cannot be opened.
        """
        self._device = str(settings.device)
        if not Path(self._device).exists():
            msg = f"{self._device} is not there; check the cable, and source.device (ls /dev/v4l/by-id)"
            raise SourceError(msg)
        # The driver's wait cannot be told in another way; OpenCV reads this once.
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(max(1, round(settings.read_timeout_s))))
        self._capture = open_capture(self._device, cv2.CAP_V4L2)
        if not self._capture.isOpened():
            msg = f"{self._device} could not be opened; check that no other program uses it, and who may read it"
            raise SourceError(msg)
        self._configure(settings)

    def grab(self) -> Picture:
        """Return the next picture, with the driver's time where it is on our clock."""
        if not self._capture.grab():
            msg = f"{self._device} delivers no picture; check its cable and power"
            raise SourceError(msg)
        stamp_ns = int(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        image = _retrieve(self._capture)
        now_ns = time.monotonic_ns()
        if not 0 < stamp_ns <= now_ns or now_ns - stamp_ns > _DRIVER_CLOCK_S * 1e9:
            return Picture(image)
        return Picture(image, stamp_ns, "driver")

    def close(self) -> None:
        """Let go of the device."""
        self._capture.release()

    def _configure(self, settings: UsbSource) -> None:
        wanted: list[tuple[str, int, float]] = []
        if settings.fourcc is not None:  # before the size: it decides which sizes there are
            wanted.append(("fourcc", cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*settings.fourcc)))
        if settings.image_wh is not None:
            width, height = settings.image_wh
            wanted += [("width", cv2.CAP_PROP_FRAME_WIDTH, width), ("height", cv2.CAP_PROP_FRAME_HEIGHT, height)]
        if settings.rate_hz is not None:
            wanted.append(("rate_hz", cv2.CAP_PROP_FPS, settings.rate_hz))
        for _, key, value in wanted:
            self._capture.set(key, value)
        for name, key, value in wanted:
            if (found := self._capture.get(key)) != value:
                _log.warning("%s: expected %s %g, the camera chose %g", self._device, name, value, found)


def grab_next(capture: cv2.VideoCapture, late_s: float = math.inf) -> int | None:
    """Grab the next picture and return how many before it could not be decoded; None when none comes.

    OpenCV answers a damaged picture, the end and a time-out alike; only the end stays.

    Args:
        capture: Where from.
        late_s: After this, in monotonic seconds, it was a time-out.
    """
    for damaged in range(_DAMAGED_IN_A_ROW):
        if capture.grab():
            return damaged
        if time.monotonic() > late_s:
            break
    return None


def _retrieve(capture: cv2.VideoCapture) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    found, image = capture.retrieve()
    if not found:
        msg = "a picture came that could not be decoded"
        raise SourceError(msg)
    return np.asarray(image)
