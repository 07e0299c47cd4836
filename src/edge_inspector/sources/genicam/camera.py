"""A GigE Vision or USB3 Vision camera of any vendor, by Aravis.

A frame is copied once between the driver and the detector: `pixels.to_image` reads Aravis's buffer and writes the
image, and the buffer goes back to Aravis at once.
"""

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

from edge_inspector.errors import ConfigError, FrameError, SourceError
from edge_inspector.settings import GenicamSource, ProductCamera
from edge_inspector.sources.genicam import pixels
from edge_inspector.sources.genicam.clock import CameraClock, StampUnit
from edge_inspector.sources.genicam.device import AravisDevice
from edge_inspector.sources.genicam.features import FeatureSetter, set_up_of
from edge_inspector.sources.genicam.latch import Latch
from edge_inspector.sources.genicam.nodes import RefusedByCameraError
from edge_inspector.sources.genicam.numbers import Arrived, FrameNumbers
from edge_inspector.sources.genicam.stream import Buffer, Counts, Stream
from edge_inspector.sources.grabbing import Grabbed, Incomplete, Picture, Waiting

_log = logging.getLogger(__name__)
_SLICE_S = 0.1  # a wait is cut into these; after each the camera is asked whether it is there
_DRAIN_S = 0.15  # longer than Aravis waits for the missing packets of a frame
_CLOSE_S = 0.5  # a camera that is there has been let go of long before


class GenicamCamera:
    """An open camera that delivers; `IndustrialCamera`."""

    def __init__(self, settings: GenicamSource, *, gray: bool = False) -> None:
        """Open it, set it up and start it.

        Args:
            settings: Which camera, and how.
            gray: Leave the colors out.

        Raises:
            SourceError: If it is not there, or another program holds it.
            ConfigError: If it cannot be set up so; names the feature, what was asked and what is allowed.
        """
        self._settings = settings
        self._gray = gray
        self._product: ProductCamera | None = None
        self._closing: threading.Thread | None = None
        self._device = AravisDevice(settings.camera)
        self._stream: Stream | None = None
        try:
            self._setter = FeatureSetter(self._device)
            self._latch = Latch.of(self._device)
            self._clock, self._stamps = CameraClock(), StampUnit()
            self._apply(None)
            self._start()
        except BaseException:
            self.close()
            raise

    @property
    def nodes(self) -> AravisDevice:
        """The camera behind it, for who looks at its features and at its way."""
        return self._device

    def grab(self) -> Grabbed:
        """Return the next frame, what came in its place, or that it waits for a trigger.

        Raises:
            SourceError: If it does not answer any more, or is free-running and silent for its read time-out.
        """
        if (grabbed := self._numbers.next()) is not None:
            return grabbed
        deadline_s = time.monotonic() + self._settings.read_timeout_s
        while (buffer := self._open_stream().take(_SLICE_S)) is None:
            self._device.ask()
            if self._settings.may_be_silent:
                return Waiting()
            if time.monotonic() > deadline_s:
                msg = f"no frame came in {self._settings.read_timeout_s:g} s, though the camera answers"
                raise SourceError(msg)
        return self._numbers.after_gap(*self._taken(buffer))

    def fire(self) -> None:
        """Have it take one frame by its software trigger."""
        self._device.execute("TriggerSoftware")

    def check(self) -> None:
        """Raise SourceError if it is known to be gone; returns at once."""
        if not self._device.is_controlled():
            self._device.ask()

    def set_up(self, wanted: ProductCamera) -> Sequence[Grabbed]:
        """Change its features while it is open, as `IndustrialCamera`; takes a quarter of a second or so."""
        left = self._stop()
        before = self._product
        try:
            self._apply(wanted)
            self._start()
        except ConfigError:
            self._go_back(before, left)
            raise
        return left

    def counts(self) -> Counts:
        """Return what became of its frames so far."""
        return self._open_stream().counts()

    def close(self) -> None:
        """Stop it and let go of it; again does nothing.

        Aravis asks one that is gone for ten seconds more: a thread goes on with that, as it may be back sooner.
        """
        if self._closing is None:
            self._closing = threading.Thread(target=self._let_go, name="camera-closing", daemon=True)
            self._closing.start()
        self._closing.join(_CLOSE_S)

    def _let_go(self) -> None:
        if self._stream is not None:
            with suppress(SourceError):  # it is let go of in any case
                self._device.stop_acquisition()
        self._close_stream()
        self._device.close()

    def _close_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _go_back(self, product: ProductCamera | None, left: Iterable[Arrived]) -> None:
        """Set it up again as it was, with what was taken under that set-up still to be had."""
        self._close_stream()
        try:
            self._apply(product)
            self._start(left)
        except ConfigError as error:
            msg = f"{self._device.found} cannot be set back as it was: {error}"
            raise SourceError(msg) from error

    def _apply(self, product: ProductCamera | None) -> None:
        self._setter.apply(set_up_of(self._settings, product))
        self._product = product
        try:
            pixels.by_code(self._device.pixel_format_code())
        except FrameError as error:
            msg = f"{self._device.read('PixelFormat')}: {error}"
            raise ConfigError(msg) from error
        if self._device.is_gige:
            self._set_packets()

    def _set_packets(self) -> None:
        size, delay_ns = self._settings.packet_size, self._settings.packet_delay_ns
        try:
            self._device.set_packet_size(None if size == "auto" else size)
            found_ns = None if delay_ns is None else self._device.set_packet_delay(delay_ns)
        except RefusedByCameraError as error:
            msg = f"packet_size {size}, packet_delay_ns {delay_ns}: the camera refuses: {error}"
            raise ConfigError(msg) from error
        # It counts in ticks of its clock.
        if delay_ns is not None and found_ns is not None and abs(found_ns - delay_ns) > max(1000, delay_ns // 100):
            msg = f"packet_delay_ns: asked for {delay_ns}, the camera made it {found_ns}"
            raise ConfigError(msg)

    def _check_packets(self) -> None:
        """Make sure that packets of the size asked for arrive: Aravis has tried, and takes smaller ones if not."""
        size, found = self._settings.packet_size, self._device.packet_size()
        if size not in {"auto", found}:
            msg = f"packet_size: asked for {size} bytes, but only packets of {found} arrive; see the MTU of the network"
            raise ConfigError(msg)
        _log.debug("%s sends packets of %d bytes", self._device.found, found)

    def _start(self, before: Iterable[Arrived] = ()) -> None:
        self._stream = Stream(self._device, self._settings.buffers)
        if self._device.is_gige:
            self._check_packets()
        self._numbers = FrameNumbers(before)  # they begin anew with every acquisition
        self._device.start_acquisition()

    def _stop(self) -> Sequence[Arrived]:
        """Stop it, and return what it had taken by then."""
        stream = self._open_stream()
        self._device.stop_acquisition()
        left: list[Arrived] = []
        while (grabbed := self._numbers.next()) is not None:
            left.append(grabbed)
        while (buffer := stream.take(_DRAIN_S)) is not None:
            left.append(self._numbers.after_gap(*self._taken(buffer)))
            while (grabbed := self._numbers.next()) is not None:
                left.append(grabbed)
        self._close_stream()
        return left

    def _open_stream(self) -> Stream:
        if self._stream is None:
            msg = f"{self._device.found} is not acquiring"
            raise SourceError(msg)
        return self._stream

    def _taken(self, buffer: Buffer) -> tuple[int, Arrived]:
        """Return the number of a frame, and what it shows; its buffer goes back to Aravis."""
        now_ns = time.monotonic_ns()
        try:
            captured_ns, who = self._captured(buffer, now_ns)
            return buffer.frame_id, self._shown(buffer, captured_ns, who)
        finally:
            self._open_stream().give_back(buffer)

    def _shown(self, buffer: Buffer, captured_ns: int | None, who: str) -> Arrived:
        if (problem := buffer.problem) is not None:
            return Incomplete(f"frame {buffer.frame_id}: {problem}", captured_monotonic_ns=captured_ns)
        try:
            kind = pixels.by_code(buffer.pixel_format_code)
            image = pixels.to_image(
                buffer.pixels(), kind, *buffer.image_wh, row_padding=buffer.row_padding, gray=self._gray
            )
        except FrameError as error:
            return Incomplete(f"frame {buffer.frame_id}: {error}", captured_monotonic_ns=captured_ns)
        return Picture(image, captured_ns, who)

    def _captured(self, buffer: Buffer, now_ns: int) -> tuple[int | None, str]:
        if self._latch is not None and self._clock.wants_latch(now_ns):
            self._latch.compare(self._clock)
        stamp_ns, age_ns = buffer.stamp_ns, buffer.age_ns
        received_ns = None if age_ns is None else now_ns - age_ns
        captured_ns = self._clock.captured_ns(stamp_ns, now_ns)
        if captured_ns is not None and (received_ns is None or self._stamps.is_ns(stamp_ns, received_ns)):
            return captured_ns, "camera"
        return (None, "host") if received_ns is None else (received_ns, "driver")
