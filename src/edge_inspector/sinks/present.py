"""What is now: the last payload of every retained topic, coalesced, due again on every connection.

Pure and not thread-safe: the outbox that owns a `Present` guards it with its lock.
"""

from itertools import count

from edge_inspector.topics import Message


class Present:
    """The retained topics between `put` and the broker's acknowledgment."""

    def __init__(self) -> None:
        self._present: dict[str, Message] = {}  # by topic; an empty payload stays until the broker took it
        self._due: dict[str, list[Message]] = {}  # by topic; one payload, or one and the clearing behind it
        self._in_flight: dict[int, Message] = {}  # by ticket, in order of sending
        self._tickets = count(1)

    @property
    def in_flight(self) -> int:
        """Messages that were taken and not settled."""
        return len(self._in_flight)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is due or in flight."""
        return not (self._due or self._in_flight)

    def put(self, message: Message) -> None:
        """Take the new present of a topic; an empty payload ends it."""
        waiting = self._due.get(message.topic, [])
        # A clearing goes behind a payload not yet sent, which may be the event that says why it is cleared.
        self._due[message.topic] = [message] if message.payload else [*(m for m in waiting if m.payload), message]
        self._present[message.topic] = message

    def take(self) -> tuple[int, Message] | None:
        """Return the next message to send and the ticket to settle it by; None when nothing is due."""
        for topic, messages in self._due.items():
            message = messages.pop(0)
            if not messages:
                del self._due[topic]
            ticket = next(self._tickets)
            self._in_flight[ticket] = message
            return ticket, message
        return None

    def settle(self, ticket: int) -> Message:
        """Forget a message that the broker took, or refused for good, and return it."""
        message = self._in_flight.pop(ticket)
        if not message.payload and self._is_present(message):
            del self._present[message.topic]
        return message

    def connected(self) -> None:
        """Make the present of every topic due: a broker that restarted has forgotten it."""
        self._due = {topic: self._due.get(topic, [message]) for topic, message in self._present.items()}

    def disconnected(self) -> None:
        """Make what was in flight due again, where nothing newer is."""
        for message in reversed(self._in_flight.values()):
            if self._is_present(message):
                self._due.setdefault(message.topic, [message])
        self._in_flight.clear()

    def unacknowledged(self) -> list[Message]:
        """Return everything that the broker has not acknowledged."""
        due = [message for messages in self._due.values() for message in messages]
        return [*due, *(message for message in self._in_flight.values() if self._is_present(message))]

    def _is_present(self, message: Message) -> bool:
        return self._present.get(message.topic) is message
