"""How long the lines of a web are under a camera with a fixed line rate: its speed, which the PLC is asked for."""

import threading
import time
from contextlib import closing

from edge_inspector.alarms import PLC_UNREACHABLE
from edge_inspector.fieldbus.modbus import ModbusLink
from edge_inspector.settings import PlcSettings, WebSpeedSettings
from edge_inspector.sources.outlet import Outlet
from edge_inspector.sources.triggers.polling import Polling

_WHO = "web speed"
_FIRST_S = 1.0  # for the first reading; lines before it would leave the roll without millimeters
_HOLD_S = 1.0  # a reading counts for so long: a PLC may miss a request


class WebSpeed:
    """Reads the register on a thread of its own; whoever asks gets what was read last, and never waits."""

    def __init__(self, plc: PlcSettings, settings: WebSpeedSettings) -> None:
        """Prepare; the PLC is asked from the start on.

        Args:
            plc: Where it is.
            settings: Which register, and how often.
        """
        self._plc, self._settings = plc, settings
        self._outlet: Outlet | None = None
        self._read: tuple[float, float] | None = None  # millimeters a line, and when that was asked for
        self._is_asked = threading.Event()
        self._polling = Polling("web-speed", self._read_on, failed=self._failed)

    def run_beside(self, outlet: Outlet) -> None:
        """Run from its camera's first opening to the close, and tell through its outlet whether the PLC answers."""
        self._outlet = outlet
        outlet.companions.append(self)

    def start(self) -> None:
        """Read from now on."""
        self._polling.start()

    def close(self) -> None:
        """Read no more, and let nobody wait."""
        self._is_asked.set()
        self._polling.close()

    def await_first(self) -> None:
        """Wait for the first reading, up to a second and no longer than the PLC is there."""
        self._is_asked.wait(_FIRST_S)

    def mm_per_line(self) -> float | None:
        """Return the resolution of the lines that come now; None where it was not read in the last second."""
        read = self._read
        return None if read is None or time.monotonic() - read[1] > _HOLD_S else read[0]

    def _read_on(self, stop: threading.Event) -> None:
        settings, is_well = self._settings, False
        with closing(ModbusLink(self._plc)) as link:
            while not stop.is_set():
                asked_s = time.monotonic()
                (register,) = link.read_registers(settings.address, 1, kind=settings.kind)
                self._read = register * settings.mm_s_per_unit / settings.lines_hz, asked_s
                self._is_asked.set()
                if not is_well:
                    is_well = True
                    self._polling.is_well()
                    self._answers()
                stop.wait(max(0.0, settings.poll_ms / 1e3 - (time.monotonic() - asked_s)))

    def _answers(self) -> None:
        if self._outlet is not None:
            self._outlet.well(PLC_UNREACHABLE, _WHO, f"the PLC answers at {self._plc.host}:{self._plc.port}")

    def _failed(self, problem: str) -> None:
        self._is_asked.set()
        if self._outlet is not None:
            self._outlet.trouble(PLC_UNREACHABLE, _WHO, problem)
