"""What waits to be sent: bounded, coalesced, the least important given up first.

Pure and not thread-safe: the sink that owns an `Outgoing` guards it with its lock.
"""

from collections import deque
from itertools import count

from edge_inspector.topics import Message, Priority

MOST_IMPORTANT_FIRST = (Priority.ALERT, Priority.RESULT, Priority.STATS)


class Outgoing:
    """Messages between `send` and the broker's acknowledgment.

    Retained topics carry the present: only the last payload of each is remembered, outside the bound, and all of them
    are due again on every connection. Every other message waits in a lane for its priority; waiting and in flight
    together never exceed `capacity`. Lanes are taken from the most important one, each in order, so the order within
    a topic is kept.
    """

    def __init__(self, capacity: int) -> None:
        """Start empty.

        Args:
            capacity: Messages of topics that are not retained, waiting or in flight, kept at most.
        """
        self._capacity = capacity
        self._size = 0
        self._lanes: dict[Priority, deque[Message]] = {priority: deque() for priority in MOST_IMPORTANT_FIRST}
        self._present: dict[str, Message] = {}  # by topic; an empty payload stays until the broker took it
        self._due: dict[str, list[Message]] = {}  # by topic; one payload, or one and the clearing behind it
        self._in_flight: dict[int, Message] = {}  # by ticket, in order of sending
        self._tickets = count(1)

    def __len__(self) -> int:
        """Return how many messages of topics that are not retained wait or are in flight."""
        return self._size

    @property
    def in_flight(self) -> int:
        """Messages that were taken and not settled."""
        return len(self._in_flight)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits, is due or is in flight."""
        return not (self._size or self._due or self._in_flight)

    def put(self, message: Message) -> Message | None:
        """Take a message in.

        Returns:
            The message that was given up for it, the oldest of the least important ones; `message` itself when
            everything that waits is more important; None when there was room.
        """
        if message.delivery.retain:
            self._put_retained(message)
            return None
        given_up: Message | None = None
        if self._size >= self._capacity:
            given_up = self._make_room(message.delivery.priority)
            if given_up is None:
                return message
        self._lanes[message.delivery.priority].append(message)
        self._size += 1
        return given_up

    def take(self) -> tuple[int, Message] | None:
        """Return the next message to send and the ticket to settle it by; None when nothing waits."""
        message = self._next()
        if message is None:
            return None
        ticket = next(self._tickets)
        self._in_flight[ticket] = message
        return ticket, message

    def settle(self, ticket: int) -> Message:
        """Forget a message that the broker took, or refused for good, and return it."""
        message = self._in_flight.pop(ticket)
        if not message.delivery.retain:
            self._size -= 1
        elif not message.payload and self._present.get(message.topic) is message:
            del self._present[message.topic]
        return message

    def connected(self) -> None:
        """Make the present of every retained topic due: a broker that restarted has forgotten it."""
        self._due = {topic: self._due.get(topic, [message]) for topic, message in self._present.items()}

    def disconnected(self) -> list[Message]:
        """Put what was in flight back in front, in its order, to be sent again.

        Returns:
            The messages of QoS 0 that were in flight: at most once means that they are lost.
        """
        lost: list[Message] = []
        for message in reversed(self._in_flight.values()):
            if message.delivery.retain:
                if self._is_present(message):
                    self._due.setdefault(message.topic, [message])
            elif message.delivery.qos == 0:
                lost.insert(0, message)
                self._size -= 1
            else:
                self._lanes[message.delivery.priority].appendleft(message)
        self._in_flight.clear()
        return lost

    def unacknowledged(self) -> list[Message]:
        """Return everything that the broker has not acknowledged, the most important first."""
        in_flight = [m for m in self._in_flight.values() if not m.delivery.retain or self._is_present(m)]
        due = [message for messages in self._due.values() for message in messages]
        return [*due, *in_flight, *(message for lane in self._lanes.values() for message in lane)]

    def _put_retained(self, message: Message) -> None:
        waiting = self._due.get(message.topic, [])
        # A clearing goes behind a payload not yet sent, which may be the event that says why it is cleared.
        self._due[message.topic] = [message] if message.payload else [*(m for m in waiting if m.payload), message]
        self._present[message.topic] = message

    def _make_room(self, newcomer: Priority) -> Message | None:
        for priority in reversed(MOST_IMPORTANT_FIRST):
            if self._lanes[priority]:
                self._size -= 1
                return self._lanes[priority].popleft()
            if priority is newcomer:
                break
        return None

    def _next(self) -> Message | None:
        for topic, messages in self._due.items():
            message = messages.pop(0)
            if not messages:
                del self._due[topic]
            return message
        return next((lane.popleft() for lane in self._lanes.values() if lane), None)

    def _is_present(self, message: Message) -> bool:
        return self._present.get(message.topic) is message
