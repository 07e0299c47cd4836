"""The frames of an open camera as Aravis receives them: buffers that go round between its thread and ours."""

import ctypes
import time
from ctypes import c_int, c_size_t, c_ubyte, c_uint64
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_inspector.sources.genicam.aravis import Library, library
from edge_inspector.sources.genicam.device import AravisDevice

_WHOLE, _CLEARED = 0, 1
# ArvBufferStatus
_STATUS_WORDS = {
    -1: "its state is unknown",
    2: "not all of its packets came in time",
    3: "packets are missing",
    4: "packets are out of order",
    5: "it is larger than the camera said",
    6: "it was still being received",
    7: "its reception was broken off",
}
_FIXED = 0  # ARV_GV_STREAM_SOCKET_BUFFER_FIXED
RECEIVED_FRAMES = 4  # room for so many in the kernel, for as long as Aravis waits for a processor
_LEAST_RECEIVE_BYTES, _MOST_RECEIVE_BYTES = 1 << 20, 1 << 28
_LONGEST_AGE_NS = 3_600_000_000_000  # a frame that seems to have waited longer tells that the clock was set


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the frames of a stream since it was opened.

    Attributes:
        completed: Arrived whole.
        failed: Arrived with holes.
        underruns: How often no buffer was free: for each packet of GigE Vision, for each frame of others.
        resent_packets: Asked for again, and came.
        missing_packets: Never came. Both are 0 for cameras that are not GigE Vision.
    """

    completed: int
    failed: int
    underruns: int
    resent_packets: int
    missing_packets: int


class Buffer:
    """One frame in Aravis's memory; nothing of it may be used after it was given back."""

    def __init__(self, call: Library, handle: int) -> None:
        self._call = call
        self.handle = handle

    @property
    def problem(self) -> str | None:
        """What is wrong with it; None if it is whole."""
        status = self._call("arv_buffer_get_status", self.handle)
        return None if status == _WHOLE else _STATUS_WORDS.get(status, f"its state is {status}")

    @property
    def is_unused(self) -> bool:
        """Whether nothing was ever put into it: Aravis lets such go now and then when it begins, without a frame."""
        return bool(self._call("arv_buffer_get_status", self.handle) == _CLEARED)

    @property
    def frame_id(self) -> int:
        """The camera's number of it."""
        return int(self._call("arv_buffer_get_frame_id", self.handle))

    @property
    def stamp_ns(self) -> int:
        """Its time on the camera's clock; 0 if it has none."""
        return int(self._call("arv_buffer_get_timestamp", self.handle))

    @property
    def age_ns(self) -> int | None:
        """How long ago its first bytes came; None if nobody can tell."""
        age_ns = time.time_ns() - int(self._call("arv_buffer_get_system_timestamp", self.handle))
        return age_ns if 0 <= age_ns < _LONGEST_AGE_NS else None

    @property
    def pixel_format_code(self) -> int:
        """PFNC code of its pixels."""
        return int(self._call("arv_buffer_get_image_pixel_format", self.handle))

    @property
    def image_wh(self) -> tuple[int, int]:
        """Width and height in pixels."""
        width = self._call("arv_buffer_get_image_width", self.handle)
        return int(width), int(self._call("arv_buffer_get_image_height", self.handle))

    @property
    def row_padding(self) -> int:
        """Bytes after each row of pixels."""
        padding = c_int()
        self._call("arv_buffer_get_image_padding", self.handle, ctypes.byref(padding), None)
        return padding.value

    def pixels(self) -> NDArray[np.uint8]:
        """Return its (n,) uint8 pixels where they lie; empty if it has none."""
        size = c_size_t()
        address = self._call("arv_buffer_get_image_data", self.handle, ctypes.byref(size))
        if not address:
            return np.empty(0, np.uint8)
        return np.frombuffer(memoryview((c_ubyte * size.value).from_address(address)).cast("B"), np.uint8)


class Stream:
    """Receives the frames of a camera; open it after the features are set, close it before the camera."""

    def __init__(self, device: AravisDevice, buffers: int) -> None:
        """Make ready to receive.

        Args:
            device: Set up; its payload does not change while the stream is open.
            buffers: Frames that Aravis holds at most; more are lost.

        Raises:
            SourceError: If it does not answer, or gives no stream.
        """
        self._call = library()
        self._is_gige = device.is_gige
        payload_bytes = device.payload_bytes()  # asked before anything is there that would have to be freed
        self._handle: int = self._call("arv_camera_create_stream", device.handle, None, None)
        if self._is_gige:
            self._set_receive_buffer(payload_bytes)
        for _ in range(buffers):
            self._call("arv_stream_push_buffer", self._handle, self._call("arv_buffer_new_allocate", payload_bytes))

    def _set_receive_buffer(self, payload_bytes: int) -> None:
        """Ask the kernel for room for some frames; it gives as much as net.core.rmem_max allows.

        Else it is net.core.rmem_default, less than one frame, and whoever may not read past it (CAP_NET_RAW) loses
        packets as soon as Aravis's thread waits for a processor.
        """
        size = max(_LEAST_RECEIVE_BYTES, min(RECEIVED_FRAMES * payload_bytes, _MOST_RECEIVE_BYTES))
        self._call("g_object_set", self._handle, b"socket-buffer", _FIXED, b"socket-buffer-size", size, None)

    def take(self, timeout_s: float) -> Buffer | None:
        """Return the oldest frame, or None when none came in time; give it back soon."""
        timeout_us = max(1, int(timeout_s * 1e6))
        while handle := self._call("arv_stream_timeout_pop_buffer", self._handle, timeout_us):
            if not (buffer := Buffer(self._call, handle)).is_unused:
                return buffer
            self.give_back(buffer)
        return None

    def give_back(self, buffer: Buffer) -> None:
        """Let Aravis fill it again."""
        self._call("arv_stream_push_buffer", self._handle, buffer.handle)

    def counts(self) -> Counts:
        """Return what became of the frames so far."""
        numbers = [c_uint64() for _ in range(5)]
        references = [ctypes.byref(number) for number in numbers]
        self._call("arv_stream_get_statistics", self._handle, *references[:3])
        if self._is_gige:
            self._call("arv_gv_stream_get_statistics", self._handle, *references[3:])
        return Counts(*(number.value for number in numbers))

    def close(self) -> None:
        """End its thread and free its buffers; again does nothing."""
        if self._handle:
            handle, self._handle = self._handle, 0
            self._call("g_object_unref", handle)
