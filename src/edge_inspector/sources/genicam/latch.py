"""A camera's latch: a command that makes it keep the time of its clock, to be read afterwards."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from edge_inspector.sources.genicam.clock import CameraClock
from edge_inspector.sources.genicam.nodes import Kind, Nodes, RefusedByCameraError

# By GenICam's standard in nanoseconds; by GigE Vision in ticks, whose frequency is told.
_LATCHES = (
    ("TimestampLatch", "TimestampLatchValue", None),
    ("GevTimestampControlLatch", "GevTimestampValue", "GevTimestampTickFrequency"),
)


@dataclass(frozen=True, slots=True)
class Latch:
    """The latch of one camera.

    Attributes:
        nodes: The camera's features.
        command: Keeps the time.
        value: What was kept.
        ns_per_tick: The unit of it.
        now_ns: This machine's monotonic clock.
    """

    nodes: Nodes
    command: str
    value: str
    ns_per_tick: float
    now_ns: Callable[[], int] = time.monotonic_ns

    @classmethod
    def of(cls, nodes: Nodes) -> Self | None:
        """Return the latch of a camera, or None if it has none."""
        for command, value, frequency in _LATCHES:
            if nodes.kind(command) is Kind.COMMAND and nodes.kind(value) is Kind.INTEGER:
                hz = 1e9 if frequency is None or nodes.kind(frequency) is None else float(nodes.read(frequency))
                if hz > 0:
                    return cls(nodes, command, value, 1e9 / hz)
        return None

    def compare(self, clock: CameraClock) -> None:
        """Compare the clocks; a camera that does not let one do so is not asked again."""
        asked_ns = self.now_ns()
        try:
            self.nodes.execute(self.command)
            answered_ns = self.now_ns()
            stamp_ns = round(float(self.nodes.read(self.value)) * self.ns_per_tick)
        except RefusedByCameraError:
            stamp_ns = 0
        if stamp_ns > 0:
            clock.latch(asked_ns, stamp_ns, answered_ns)
        else:
            clock.forgo_latch()
