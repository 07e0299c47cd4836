"""A video file as a source: frames of a free-running camera, once or again and again."""

import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from edge_inspector.camera import Skipped
from edge_inspector.errors import EndOfSource, SourceError
from edge_inspector.frame import DropCause, Frame
from edge_inspector.sources.opencv import grab_next, prepare_ffmpeg
from edge_inspector.sources.pacing import Pace


class VideoSource:
    """Reads the frames of a video file in order."""

    def __init__(
        self, path: Path, *, loop: bool, rate_hz: float | None, stop: threading.Event, gray: bool = False
    ) -> None:
        """Open the file.

        Args:
            path: Any video that FFmpeg can read.
            loop: Start again after the last frame.
            rate_hz: Frames a second; as fast as they are taken when None.
            stop: Ends a wait.
            gray: Leave the colors out, for a model that needs none.

        Raises:
            SourceError: If the file cannot be read or holds no video.
        """
        prepare_ffmpeg()
        self._path = path
        self._name = path.name.encode("utf-8", "backslashreplace").decode("utf-8")
        self._loop = loop
        self._gray = gray
        self._pace = None if rate_hz is None else Pace(rate_hz, stop)
        self._next = 0
        self._capture = self._open()
        self._is_grabbed = True

    def read(self, timeout_s: float) -> Frame | Skipped | None:
        """Return the next frame, or how many were damaged; None when its time has not come within `timeout_s` seconds.

        Raises:
            EndOfSource: After the last frame, unless looped.
            SourceError: If a looped file cannot be opened again.
        """
        if not self._is_grabbed:
            damaged = grab_next(self._capture)
            if damaged is None:
                if not self._loop:
                    raise EndOfSource
                self._capture.release()
                self._capture = self._open()
            self._is_grabbed = True
            if damaged:
                return Skipped(DropCause.FRAME_DAMAGED, damaged)
        if self._pace is not None and not self._pace.wait(timeout_s):
            return None
        _, image = self._capture.retrieve()
        if self._gray and image.ndim == 3:
            image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        self._is_grabbed = False
        number, self._next = self._next, self._next + 1
        return Frame(np.asarray(image, np.uint8), number, datetime.now(UTC), time.monotonic_ns(), self._name)

    def _open(self) -> cv2.VideoCapture:
        """Return the file at its first frame, which is decoded already."""
        try:
            self._path.open("rb").close()
        except OSError as error:
            msg = f"{self._path}: expected a video file, found: {error.strerror}"
            raise SourceError(msg) from error
        # An absolute path: FFmpeg takes some names for addresses.
        capture = cv2.VideoCapture(str(self._path.absolute()), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
        if not capture.isOpened() or grab_next(capture) is None:
            msg = f"{self._path}: expected a video file, found none that can be decoded"
            raise SourceError(msg)
        return capture
