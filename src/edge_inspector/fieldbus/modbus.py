"""One connection to the PLC, by Modbus TCP.

A request that was not answered in time closes the connection: an answer that comes late can then never be taken for
that of the next request. pymodbus is imported when the first request is made; it takes 2.5 MB.
"""

import logging
import socket
import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from edge_inspector.errors import FieldbusError
from edge_inspector.settings import PlcSettings

if TYPE_CHECKING:
    from pymodbus.client import ModbusTcpClient
    from pymodbus.pdu import ModbusPDU

# Modbus Application Protocol V1.1b3, chapter 7.
_REFUSALS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledged, not done yet",
    6: "server device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target did not respond",
}


class ModbusLink:
    """Reads and writes what the PLC has; for one thread. Connects when it is first used, and again after a failure."""

    def __init__(self, settings: PlcSettings) -> None:
        """Connect to nothing yet.

        Args:
            settings: Where the PLC is. A request takes at most `timeout_ms` for the connection and as long again for
                the answer, beside the look-up of a host name, which the system limits.
        """
        self._settings = settings
        self._client: ModbusTcpClient | None = None

    def read_registers(self, address: int, count: int, *, kind: Literal["holding", "input"] = "holding") -> list[int]:
        """Return `count` registers from `address` on, each in [0, 65535].

        Raises:
            FieldbusError: If the PLC cannot be reached, does not answer in time, or refuses.
        """
        unit = self._settings.unit

        def ask(client: "ModbusTcpClient") -> "ModbusPDU":
            read = client.read_holding_registers if kind == "holding" else client.read_input_registers
            return read(address, count=count, device_id=unit)

        asked = f"read {count} {kind} registers from {address}"
        registers = self._request(asked, ask).registers
        if len(registers) != count:
            msg = f"found {len(registers)} registers in the answer"
            raise self._failed(asked, msg)
        return list(registers)

    def read_bits(self, address: int, count: int, *, kind: Literal["coil", "discrete_input"] = "coil") -> list[bool]:
        """Return `count` coils or discrete inputs from `address` on.

        Raises:
            FieldbusError: As above.
        """
        unit = self._settings.unit

        def ask(client: "ModbusTcpClient") -> "ModbusPDU":
            read = client.read_coils if kind == "coil" else client.read_discrete_inputs
            return read(address, count=count, device_id=unit)

        asked = f"read {count} {kind.replace('_', ' ')}s from {address}"
        bits = self._request(asked, ask).bits
        if len(bits) < count:  # they come in whole bytes
            msg = f"found {len(bits)} bits in the answer"
            raise self._failed(asked, msg)
        return list(bits[:count])

    def write_bit(self, address: int, value: bool) -> None:  # noqa: FBT001 - the value that is written
        """Set one coil.

        Raises:
            FieldbusError: As above; the coil may be set all the same.
        """
        unit = self._settings.unit
        self._request(
            f"write {int(value)} to coil {address}", lambda client: client.write_coil(address, value, device_id=unit)
        )

    def write_registers(self, address: int, values: Sequence[int]) -> None:
        """Set holding registers from `address` on, all by one request; each value in [0, 65535].

        Raises:
            FieldbusError: As above; the registers may be set all the same.
        """
        unit = self._settings.unit
        self._request(
            f"write {list(values)} to holding registers from {address}",
            lambda client: client.write_registers(address, list(values), device_id=unit),
        )

    def close(self) -> None:
        """Close the connection; the next request opens it again."""
        if self._client is not None:
            self._client.close()  # type: ignore[no-untyped-call] # pymodbus says nothing of it
            self._client = None

    def _request(self, asked: str, ask: "Callable[[ModbusTcpClient], ModbusPDU]") -> "ModbusPDU":
        from pymodbus.exceptions import ModbusException  # noqa: PLC0415 - only where there is a PLC

        client = self._client or self._connect(asked)
        try:
            answer = ask(client)
        except (ModbusException, OSError, ValueError, IndexError, struct.error) as error:  # the latter for garbage
            self.close()  # or a late answer would be taken for that of the next request
            raise self._failed(asked, _in_words(error, self._settings.timeout_ms)) from error
        if answer.isError():
            code = answer.exception_code
            raise self._failed(asked, f"it refused with exception {code} ({_REFUSALS.get(code, 'unknown')})")
        return answer

    def _connect(self, asked: str) -> "ModbusTcpClient":
        from pymodbus.client import ModbusTcpClient  # noqa: PLC0415 - only where there is a PLC

        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # every failure is told by the one who asked
        settings = self._settings
        # No retries: after one, the answer to the first try would be taken for that to the second.
        client = ModbusTcpClient(
            settings.host, port=settings.port, timeout=settings.timeout_ms / 1e3, retries=0, name="edge-inspector"
        )
        try:
            # Not by the client's own connect(), which tells nobody why it failed.
            client.socket = socket.create_connection((settings.host, settings.port), settings.timeout_ms / 1e3)
            # Else a request waits up to 44 ms for the acknowledgement of the one before it.
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            client.close()  # type: ignore[no-untyped-call]
            raise self._failed(asked, _in_words(error, settings.timeout_ms)) from error
        self._client = client
        return client

    def _failed(self, asked: str, answered: str) -> FieldbusError:
        settings = self._settings
        return FieldbusError(f"PLC {settings.host}:{settings.port} unit {settings.unit}: {asked}: {answered}")


def _in_words(error: Exception, timeout_ms: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no connection within {timeout_ms:g} ms"
    if isinstance(error, OSError):
        return f"no connection: {error.strerror or error}"
    text = str(error)
    if "No response" in text:
        return f"no answer within {timeout_ms:g} ms"
    if "[Connection]" in text:
        return "it closed the connection"
    return f"no answer that can be read: {text}"
