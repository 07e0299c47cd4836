"""A Basler camera by pypylon, behind the same port as those by Aravis.

A frame is copied once between the driver and the detector: `pixels.to_image` reads pylon's buffer where it lies and
writes the image, and the buffer goes back to pylon at once.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from edge_inspector.errors import ConfigError, FrameError, SourceError
from edge_inspector.settings import ProductCamera, PylonSource
from edge_inspector.sources.genicam import pixels
from edge_inspector.sources.genicam.clock import CameraClock
from edge_inspector.sources.genicam.features import FeatureSetter, set_up_of
from edge_inspector.sources.genicam.latch import Latch
from edge_inspector.sources.genicam.numbers import Arrived, FrameNumbers
from edge_inspector.sources.genicam.pylon_driver import exceptions, library, open_camera, words_of
from edge_inspector.sources.genicam.pylon_nodes import PylonNodes
from edge_inspector.sources.genicam.stream import Counts
from edge_inspector.sources.grabbing import Grabbed, Incomplete, Picture, Waiting

_SLICE_MS = 200  # a wait is cut into these; after each the camera is asked whether it is there
_DRAIN_MS = 50  # what was taken before the stop has arrived by then
_READY_MS = 100  # a camera that is not ready for a trigger so long would take none
# How pylon counts, by its own names.
_COUNTS = (
    "Statistic_Total_Buffer_Count", "Statistic_Failed_Buffer_Count", "Statistic_Buffer_Underrun_Count",
    "Statistic_Resend_Packet_Count", "Statistic_Failed_Packet_Count",
)  # fmt: skip


class PylonCamera:
    """An open camera that delivers; `IndustrialCamera`."""

    def __init__(self, settings: PylonSource, *, gray: bool = False) -> None:
        """Open it, set it up and start it.

        Args:
            settings: Which camera, and how.
            gray: Leave the colors out.

        Raises:
            SourceError: If pypylon is not installed, the camera is not there, or another program holds it.
            ConfigError: If it cannot be set up so; names the feature, what was asked and what is allowed.
        """
        self._settings = settings
        self._gray = gray
        self._product: ProductCamera | None = None
        self._pylon = library()
        self._camera, self._found = open_camera(settings.camera)
        try:
            self.nodes = PylonNodes(self._camera, self._found)
            self._setter = FeatureSetter(self.nodes)
            self._latch = Latch.of(self.nodes)
            self._clock = CameraClock()
            self._apply(None)
            self._start()
        except BaseException:
            self.close()
            raise

    def grab(self) -> Grabbed:
        """Return the next frame, what came in its place, or that it waits for a trigger.

        Raises:
            SourceError: If it was removed, or is free-running and silent for its read time-out.
        """
        if (grabbed := self._numbers.next()) is not None:
            return grabbed
        deadline_s = time.monotonic() + self._settings.read_timeout_s
        while (result := self._take(_SLICE_MS)) is None:
            self.check()
            if self._settings.may_be_silent:
                return Waiting()
            if time.monotonic() > deadline_s:
                msg = f"no frame came in {self._settings.read_timeout_s:g} s, though the camera is there"
                raise SourceError(msg)
        return self._numbers.after_gap(*self._taken(result))

    def fire(self) -> None:
        """Have it take one frame by its software trigger."""
        with self._said():
            if self._camera.CanWaitForFrameTriggerReady():
                # One that is not ready takes no frame; who fires learns of it as of any frame that is missing.
                self._camera.WaitForFrameTriggerReady(_READY_MS, self._pylon.TimeoutHandling_Return)
            self._camera.ExecuteSoftwareTrigger()

    def check(self) -> None:
        """Raise SourceError if it is known to be gone; returns at once."""
        if self._camera.IsCameraDeviceRemoved():
            msg = f"{self._found} is gone: its power or its cable"
            raise SourceError(msg)

    def set_up(self, wanted: ProductCamera) -> Sequence[Grabbed]:
        """Change its features while it is open, as `IndustrialCamera`."""
        left = self._stop()
        before = self._product
        try:
            self._apply(wanted)
        except ConfigError:
            self._go_back(before, left)
            raise
        self._start()
        return left

    def counts(self) -> Counts:
        """Return what became of its frames so far, as far as pylon counts for this kind of camera."""
        with self._said():
            nodes = self._camera.GetStreamGrabberNodeMap()
            total, failed, underruns, resent, missing = (
                int(node.GetValue()) if (node := nodes.GetNode(name)).IsValid() else 0 for name in _COUNTS
            )
            return Counts(total - failed, failed, underruns, resent, missing)

    def close(self) -> None:
        """Stop it and let go of it."""
        with suppress(SourceError), self._said():  # it is let go of in any case
            self._camera.StopGrabbing()
        with suppress(SourceError), self._said():
            self._camera.Close()

    def _go_back(self, product: ProductCamera | None, left: Iterable[Arrived]) -> None:
        """Set it up again as it was, with what was taken under that set-up still to be had."""
        try:
            self._apply(product)
        except ConfigError as error:
            msg = f"{self._found} cannot be set back as it was: {error}"
            raise SourceError(msg) from error
        self._start(left)

    def _apply(self, product: ProductCamera | None) -> None:
        self._setter.apply(set_up_of(self._settings, product))
        self._product = product
        try:
            pixels.by_code(self.nodes.pixel_format_code())
        except FrameError as error:
            msg = f"{self.nodes.read('PixelFormat')}: {error}"
            raise ConfigError(msg) from error

    def _start(self, before: Iterable[Arrived] = ()) -> None:
        self._numbers = FrameNumbers(before)  # they begin anew with every acquisition
        with self._said():
            self._camera.MaxNumBuffer.SetValue(self._settings.buffers)
            self._camera.StartGrabbing(self._pylon.GrabStrategy_OneByOne)

    def _stop(self) -> Sequence[Arrived]:
        """Stop it, and return what it had taken by then."""
        left: list[Arrived] = []
        with self._said():
            # pylon's own stop throws away what it has received.
            self.nodes.execute("AcquisitionStop")
        while (grabbed := self._numbers.next()) is not None:
            left.append(grabbed)
        while (result := self._take(_DRAIN_MS)) is not None:
            left.append(self._numbers.after_gap(*self._taken(result)))
            while (grabbed := self._numbers.next()) is not None:
                left.append(grabbed)
        with self._said():
            self._camera.StopGrabbing()
        return left

    def _take(self, timeout_ms: int) -> Any | None:  # noqa: ANN401
        """Return what pylon has received, or None when nothing came in time."""
        with self._said():
            result = self._camera.RetrieveResult(timeout_ms, self._pylon.TimeoutHandling_Return)
            return result if result.IsValid() else None

    def _taken(self, result: Any) -> tuple[int, Arrived]:  # noqa: ANN401
        """Return the number of a frame, and what it shows; its buffer goes back to pylon."""
        arrived_ns = time.monotonic_ns()
        number = int(result.BlockID)
        try:
            captured_ns = self._captured_ns(int(result.TimeStamp), arrived_ns)
            if not result.GrabSucceeded():
                self.check()  # a camera that was pulled out fails all that it had begun
                problem = result.ErrorDescription or "it was not received whole"
                return number, Incomplete(f"frame {number}: {problem}", captured_monotonic_ns=captured_ns)
            return number, self._shown(result, captured_ns)
        finally:
            result.Release()

    def _shown(self, result: Any, captured_ns: int | None) -> Arrived:  # noqa: ANN401
        raw = np.frombuffer(result.GetImageMemoryView(), np.uint8)
        try:
            kind = pixels.by_code(int(result.PixelType))
            width, height, row_padding = int(result.Width), int(result.Height), int(result.PaddingX)
            image = pixels.to_image(raw, kind, width, height, row_padding=row_padding, gray=self._gray)
        except FrameError as error:
            return Incomplete(f"frame {result.BlockID}: {error}", captured_monotonic_ns=captured_ns)
        return Picture(image, captured_ns, "host" if captured_ns is None else "camera")

    def _captured_ns(self, stamp: int, arrived_ns: int) -> int | None:
        if self._latch is None:
            return self._clock.captured_ns(stamp, arrived_ns)
        if self._clock.wants_latch(arrived_ns):
            self._latch.compare(self._clock)
        return self._clock.captured_ns(round(stamp * self._latch.ns_per_tick), arrived_ns)

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Turn what pylon throws into a SourceError."""
        try:
            yield
        except exceptions() as error:
            msg = f"{self._found}: {words_of(error)}"
            raise SourceError(msg) from error
