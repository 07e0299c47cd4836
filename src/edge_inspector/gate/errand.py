"""Something that is read or written again and again, and rests for a while when it failed."""

import random

from edge_inspector.backoff import pause_s

_SHORTEST_S, _LONGEST_S = 0.1, 2.0  # pauses before it is tried again


class Errand:
    """Tried once more at once, as for a connection that the other side has closed; then with pauses.

    Attributes:
        name: Tells it from others.
        failures: How often running it has failed.
        again_ns: Monotonic time before which it is not tried again.
    """

    def __init__(self, name: str) -> None:
        """Start well."""
        self.name = name
        self.failures, self.again_ns = 0, 0

    def is_ready(self, now_ns: int) -> bool:
        """Return whether it may be tried."""
        return now_ns >= self.again_ns

    def succeeded(self) -> None:
        """Note that it is well."""
        self.failures = 0

    def failed(self, now_ns: int) -> None:
        """Note a failure."""
        self.failures += 1
        if self.failures > 1:
            wait_s = pause_s(self.failures - 2, _SHORTEST_S, _LONGEST_S, jitter=random.random())  # noqa: S311
            self.again_ns = now_ns + int(wait_s * 1e9)
