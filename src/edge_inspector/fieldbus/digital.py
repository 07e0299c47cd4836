"""Digital inputs and outputs of this device, by the kernel's GPIO character device.

The package `gpiod` (version 2) is imported when a line is opened; it comes with the extra edge-inspector[gpio].
"""

from collections import deque
from collections.abc import Collection, Sequence
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal, TypeAlias

from edge_inspector.errors import FieldbusError

if TYPE_CHECKING:
    from gpiod import LineRequest, LineSettings

LineConfig: TypeAlias = "dict[int, LineSettings]"
_CONSUMER = "edge-inspector"  # what `gpioinfo` shows as the user of a line
_EDGES_KEPT = 256  # by the kernel while nobody reads them


class DigitalInput:
    """One input whose edges are waited for; for one thread.

    Attributes:
        lost: Edges that came while so many waited that the kernel dropped them.
    """

    def __init__(self, chip: Path, line: int, edge: Literal["rising", "falling"], debounce_ms: float) -> None:
        """Open the line.

        Args:
            chip: The device, as /dev/gpiochip0.
            line: Offset on its chip.
            edge: Which edges count.
            debounce_ms: Shorter pulses are noise.

        Raises:
            FieldbusError: If the line cannot be had.
        """
        self._name = f"digital input {line} of {chip}"
        gpiod = _gpiod(self._name)
        settings = gpiod.LineSettings(
            direction=gpiod.line.Direction.INPUT,
            edge_detection=gpiod.line.Edge.RISING if edge == "rising" else gpiod.line.Edge.FALLING,
            debounce_period=timedelta(milliseconds=debounce_ms),
            event_clock=gpiod.line.Clock.MONOTONIC,
        )
        self._request = _request(gpiod, self._name, chip, {line: settings}, event_buffer_size=_EDGES_KEPT)
        self._came: deque[int] = deque()
        self._seqno = 0
        self.lost = 0

    def wait(self, timeout_s: float) -> int | None:
        """Return the monotonic time of the next edge in nanoseconds; None when none came in time.

        Raises:
            FieldbusError: If the line does not answer.
        """
        if not self._came:
            try:
                if self._request.wait_edge_events(timeout_s):
                    for event in self._request.read_edge_events():
                        self.lost += max(0, event.line_seqno - self._seqno - 1)
                        self._seqno = event.line_seqno
                        self._came.append(event.timestamp_ns)
            except OSError as error:
                raise _failed(self._name, error) from error
        return self._came.popleft() if self._came else None

    def close(self) -> None:
        """Give the line back."""
        self._request.release()


class DigitalOutput:
    """Some outputs of one chip; for one thread."""

    def __init__(
        self,
        chip: Path,
        lines: Sequence[int],
        active_low: bool,  # noqa: FBT001 - see the settings
        *,
        on: Collection[int] = (),
    ) -> None:
        """Open the lines.

        Args:
            chip: The device, as /dev/gpiochip0.
            lines: Offsets on their chip.
            active_low: On means low voltage.
            on: The lines that are on from the first moment; the others are off.

        Raises:
            FieldbusError: If a line cannot be had.
        """
        self._name = f"digital outputs {', '.join(map(str, lines))} of {chip}"
        gpiod = _gpiod(self._name)
        self._on, self._off = gpiod.line.Value.ACTIVE, gpiod.line.Value.INACTIVE
        config = {
            line: gpiod.LineSettings(
                direction=gpiod.line.Direction.OUTPUT,
                active_low=active_low,
                output_value=self._on if line in on else self._off,
            )
            for line in lines
        }
        self._request = _request(gpiod, self._name, chip, config)

    def set(self, line: int, value: bool) -> None:  # noqa: FBT001 - the value that is set
        """Set one of the lines.

        Raises:
            FieldbusError: If it does not answer.
        """
        try:
            self._request.set_value(line, self._on if value else self._off)
        except OSError as error:
            raise _failed(self._name, error) from error

    def close(self) -> None:
        """Give the lines back; what they do then is the chip's affair, and most keep their last value."""
        self._request.release()


def _gpiod(name: str) -> ModuleType:
    try:
        import gpiod  # noqa: PLC0415 - an extra
        import gpiod.line  # noqa: PLC0415
    except ImportError as error:
        msg = f"{name}: expected the Python package gpiod, version 2; install the extra edge-inspector[gpio]"
        raise FieldbusError(msg) from error
    if not hasattr(gpiod, "request_lines"):  # version 1, as Debian's python3-libgpiod was
        msg = f"{name}: expected gpiod of version 2, found an older one; install the extra edge-inspector[gpio]"
        raise FieldbusError(msg)
    return gpiod


def _request(
    gpiod: ModuleType, name: str, chip: Path, config: LineConfig, *, event_buffer_size: int | None = None
) -> "LineRequest":
    try:
        request: LineRequest = gpiod.request_lines(
            str(chip), consumer=_CONSUMER, config=config, event_buffer_size=event_buffer_size
        )
    except (OSError, ValueError) as error:
        raise _failed(name, error) from error
    return request


def _failed(name: str, error: Exception) -> FieldbusError:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return FieldbusError(f"{name}: {reason}; expected a GPIO line that nobody else uses, and the right to use it")
