"""A PLC: a real Modbus server on a free port, which notes everything that is written to it."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

PATIENCE_S = 20.0
_SIZE = 256  # coils, inputs and registers of each kind
_COIL, _REGISTERS = 5, 16  # function codes of what the inspector writes


@dataclass(frozen=True, slots=True)
class Write:
    """What was written, and when on the monotonic clock."""

    at_ns: int
    kind: str
    address: int
    values: tuple[int, ...]


class Plc:
    """A PLC with 256 coils, discrete inputs, holding and input registers; restarts keep nothing but the notes.

    Attributes:
        port: Where it listens, the same after a restart.
        writes: Everything that was written, in order.
        requests: How many requests came.
        refuses: Answer every request with this exception.
        is_mute: Take requests, and never answer.
        inputs: Returns input registers by address, asked at every reading; others are 0.
        bits: Likewise discrete inputs and coils.
        registers: Likewise holding registers that nobody wrote.
    """

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.writes: list[Write] = []
        self.requests = 0
        self.refuses: ExcCodes | None = None
        self.is_mute = False
        self.inputs: Callable[[], Mapping[int, int]] = dict
        self.bits: Callable[[], Mapping[int, bool]] = dict
        self.registers: Callable[[], Mapping[int, int]] = dict
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Section `plc` of a configuration."""
        return {"host": "127.0.0.1", "port": self.port}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen, from now on until `stop`."""
        self._loop, ready = asyncio.new_event_loop(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._loop, ready), name="plc", daemon=True)
        self._thread.start()
        assert ready.wait(PATIENCE_S), "the PLC does not start"

    def stop(self) -> None:
        """Vanish, with all connections."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(PATIENCE_S)
            self._loop = self._thread = None

    def coil(self, address: int) -> list[tuple[int, bool]]:
        """Return when a coil was set to what."""
        return [(w.at_ns, bool(w.values[0])) for w in list(self.writes) if w.kind == "coil" and w.address == address]

    def pulses(self, address: int) -> list[int]:
        """Return when a coil went on."""
        edges, is_on = [], False
        for at_ns, value in self.coil(address):
            if value and not is_on:
                edges.append(at_ns)
            is_on = value
        return edges

    def is_on(self, address: int) -> bool:
        """Return whether a coil is on by what was written last."""
        written = self.coil(address)
        return bool(written) and written[-1][1]

    def written(self, address: int) -> list[tuple[int, ...]]:
        """Return what was written to holding registers from an address on."""
        return [w.values for w in list(self.writes) if w.kind == "holding" and w.address == address]

    def _run(self, loop: asyncio.AbstractEventLoop, ready: threading.Event) -> None:
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(self._serve())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(server.shutdown())
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    async def _serve(self) -> ModbusTcpServer:
        bits = [SimData(0, count=_SIZE, values=False, datatype=DataType.BITS)]
        registers = [SimData(0, count=_SIZE, values=0, datatype=DataType.REGISTERS)]
        device = SimDevice(0, simdata=(bits, bits, registers, registers), action=self._answer)
        server = ModbusTcpServer(device, address=("127.0.0.1", self.port))
        await server.serve_forever(background=True)
        return server

    async def _answer(
        self,
        function: int,
        start: int,
        address: int,
        _count: int,
        current: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        self.requests += 1
        if self.is_mute:
            await asyncio.sleep(3600)
        if self.refuses is not None:
            return self.refuses
        if values is not None:
            kind = "coil" if function in {_COIL, 15} else "holding"
            self.writes.append(Write(time.monotonic_ns(), kind, address, tuple(int(value) for value in values)))
            return None
        source = {1: self.bits, 2: self.bits, 3: self.registers, 4: self.inputs}.get(function)
        for at, value in source().items() if source is not None else ():
            if function in {1, 2}:
                word, bit = divmod(at, 16)
                current[word - start] = current[word - start] & ~(1 << bit) | (int(value) << bit)
            else:
                current[at - start] = int(value)
        return None


@contextmanager
def plc() -> Iterator[Plc]:
    """Yield a PLC that runs."""
    with Plc() as running:
        yield running
