"""The encoder as the gate reads it, and whether it is known how far the parts have gone."""

import time
from math import inf

from edge_inspector.gate.timing import ByEncoder
from edge_inspector.gate.wires import EncoderReader

_NOT_READ = "the encoder has not been read yet"
_WRAPPED = "the encoder went too far between two readings to be followed"


class EncoderPoll:
    """Reads an encoder now and then; for one thread.

    Attributes:
        why_lost: Why nobody knows how far the parts have gone; None while that is known.
        next_ns: Monotonic time of the next reading.
    """

    def __init__(self, encoder: ByEncoder, reader: EncoderReader, *, poll_ns: int) -> None:
        """Read nothing yet.

        Args:
            encoder: Takes the readings.
            reader: Reads the count.
            poll_ns: Time between two readings.
        """
        self._encoder, self._reader, self._poll_ns = encoder, reader, poll_ns
        self.why_lost: str | None = _NOT_READ
        self.next_ns: float = -inf

    def read(self) -> None:
        """Take a reading.

        Raises:
            FieldbusError: If there is none.
        """
        before_ns = time.monotonic_ns()
        count = self._reader.read()
        is_followed = self._encoder.read(count, (before_ns + time.monotonic_ns()) // 2)  # somewhere in between
        self.next_ns = before_ns + self._poll_ns
        self.why_lost = None if is_followed else _WRAPPED

    def lose(self, why: str) -> None:
        """Note that it cannot be read: it may be set back, or wrap around unseen."""
        self._encoder.forget()
        self.why_lost = why

    def close(self) -> None:
        """Let go of it."""
        self._reader.close()
