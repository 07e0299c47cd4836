"""What the gate sets: coils and registers of a PLC, or digital lines."""

from enum import IntEnum
from typing import Protocol

from edge_inspector.decision import NoVerdict, Outcome, Verdict
from edge_inspector.errors import FieldbusError
from edge_inspector.fieldbus.digital import DigitalOutput
from edge_inspector.fieldbus.modbus import ModbusLink
from edge_inspector.settings import DigitalOutput as DigitalSettings
from edge_inspector.settings import ModbusOutput

REGISTER = 1 << 16  # values that a register holds


class OutcomeCode(IntEnum):
    """An outcome as the PLC reads it."""

    NONE_YET = 0
    ACCEPT = 1
    REVIEW = 2
    REJECT = 3
    NO_VERDICT = 4
    TOO_LATE = 5


_CODES = {Verdict.ACCEPT: OutcomeCode.ACCEPT, Verdict.REVIEW: OutcomeCode.REVIEW, Verdict.REJECT: OutcomeCode.REJECT}


def code_of(outcome: Outcome) -> OutcomeCode:
    """Return an outcome as the PLC reads it."""
    return OutcomeCode.NO_VERDICT if isinstance(outcome, NoVerdict) else _CODES[outcome.verdict]


class Wires(Protocol):
    """Outputs; for one thread. Each raises FieldbusError where it cannot be set, and is opened again at its next use.

    Attributes:
        throws_out: Whether there is an output that throws parts out.
        tells_outcomes: Whether there is a place for outcomes.
    """

    throws_out: bool
    tells_outcomes: bool

    def reject(self, on: bool) -> None:  # noqa: FBT001 - the value that is set
        """Set the reject output."""

    def trusted(self, on: bool) -> None:  # noqa: FBT001
        """Say whether the inspection can be trusted."""

    def beat(self, number: int) -> None:
        """Say that the station lives; `number` counts up."""

    def outcome(self, number: int, code: OutcomeCode) -> None:
        """Tell an outcome; `number` counts them."""

    def close(self) -> None:
        """Let go of it; outputs stay as they are."""


class ModbusWires:
    """Coils and registers of a PLC; what has no address is left out."""

    def __init__(self, link: ModbusLink, output: ModbusOutput) -> None:
        """Take the connection and the addresses."""
        self._link, self._output = link, output
        self.throws_out = output.reject_coil is not None
        self.tells_outcomes = output.outcome_register is not None

    def reject(self, on: bool) -> None:  # noqa: FBT001
        """See `Wires`."""
        if self._output.reject_coil is not None:
            self._link.write_bit(self._output.reject_coil, on)

    def trusted(self, on: bool) -> None:  # noqa: FBT001
        """See `Wires`."""
        if self._output.trusted_coil is not None:
            self._link.write_bit(self._output.trusted_coil, on)

    def beat(self, number: int) -> None:
        """See `Wires`."""
        if self._output.heartbeat_register is not None:
            self._link.write_registers(self._output.heartbeat_register, [number % REGISTER])

    def outcome(self, number: int, code: OutcomeCode) -> None:
        """See `Wires`; both registers are written by one request."""
        if self._output.outcome_register is not None:
            self._link.write_registers(self._output.outcome_register, [number % REGISTER, code])

    def close(self) -> None:
        """See `Wires`."""
        self._link.close()


class DigitalWires:
    """Digital lines of this device."""

    throws_out = True
    tells_outcomes = False

    def __init__(self, output: DigitalSettings) -> None:
        """Open nothing yet."""
        self._settings = output
        self._opened: DigitalOutput | None = None

    def reject(self, on: bool) -> None:  # noqa: FBT001
        """See `Wires`."""
        self._set(self._settings.reject_line, on)

    def trusted(self, on: bool) -> None:  # noqa: FBT001
        """See `Wires`."""
        self._set(self._settings.trusted_line, on)

    def beat(self, number: int) -> None:
        """See `Wires`."""
        self._set(self._settings.heartbeat_line, number % 2 == 1)

    def outcome(self, number: int, code: OutcomeCode) -> None:
        """Tell nothing: a line has no room for it."""

    def close(self) -> None:
        """See `Wires`."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _set(self, line: int | None, on: bool) -> None:  # noqa: FBT001
        if line is None:
            return
        settings = self._settings
        try:
            if self._opened is None:  # the first one at once as it shall be: it is the reject output
                self._opened = DigitalOutput(
                    settings.chip, settings.lines, settings.active_low, on={line} if on else ()
                )
            self._opened.set(line, on)
        except FieldbusError:
            self.close()
            raise


class EncoderReader(Protocol):
    """Reads an encoder; raises FieldbusError."""

    def read(self) -> int:
        """Return its count."""

    def close(self) -> None:
        """Let go of it."""


class ModbusEncoder:
    """An encoder whose count the PLC has in input registers."""

    def __init__(self, link: ModbusLink, *, address: int, bits: int) -> None:
        """Take the connection, which may be that of the outputs, the first register, and the width in bits."""
        self._link, self._address, self._count = link, address, bits // 16

    def read(self) -> int:
        """Return the count, high word first."""
        count = 0
        for register in self._link.read_registers(self._address, self._count, kind="input"):
            count = count * REGISTER + register
        return count

    def close(self) -> None:
        """See `EncoderReader`."""
        self._link.close()
