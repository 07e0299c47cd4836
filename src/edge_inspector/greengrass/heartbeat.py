"""A heartbeat of our own through a subscription: what we publish there must come back.

Greengrass Lite ends a subscription without a word when a message comes that it cannot pass on.
"""

import secrets

_MOST_MISSED = 2


class Heartbeat:
    """Whether what is published still comes back; several daemons may beat on one topic, each with its own mark.

    Attributes:
        period_s: Seconds between two beats.
        mark: The payload of ours.
    """

    def __init__(self, period_s: float) -> None:
        """Begin with a mark that nobody else has."""
        self.period_s = period_s
        self.mark = secrets.token_hex(8).encode()
        self._missed = 0
        self._due_s = 0.0
        self._was_heard = False

    @property
    def was_heard(self) -> bool:
        """Whether one has come back since the subscription was made."""
        return self._was_heard

    @property
    def due_s(self) -> float:
        """When the next beat is due, on the monotonic clock."""
        return self._due_s

    @property
    def is_lost(self) -> bool:
        """Whether so many beats in a row did not come back that the subscription must be dead."""
        return self._missed >= _MOST_MISSED

    def begin(self, now_s: float) -> None:
        """Beat at once: the subscription is new."""
        self._missed, self._due_s, self._was_heard = 0, now_s, False

    def beat(self, now_s: float) -> None:
        """Note that a beat is about to be sent, which counts as missed until it is heard: that may be at once."""
        self._missed += 1
        self._due_s = now_s + self.period_s

    def take_back(self) -> None:
        """Note that the nucleus did not take the beat, which says nothing of the subscription."""
        self._missed = max(0, self._missed - 1)

    def hear(self, payload: bytes) -> None:
        """Note what came on the topic of the heartbeats."""
        if payload == self.mark:
            self._missed, self._was_heard = 0, True
