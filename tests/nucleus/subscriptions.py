"""Who listens to what, until the stream or the connection ends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.nucleus.connection import Call, Connection

_EVENTS = {
    "SubscribeToComponentUpdates": "ComponentUpdatePolicyEvents",
    "SubscribeToConfigurationUpdate": "ConfigurationUpdateEvents",
    "SubscribeToIoTCore": "IoTCoreMessage",
    "SubscribeToTopic": "SubscriptionResponseMessage",
    "SubscribeToValidateConfigurationUpdates": "ValidateConfigurationUpdateEvents",
}


@dataclass(frozen=True, slots=True)
class Subscription:
    """One stream of events: those of a topic filter, or of a key path."""

    connection: Connection
    stream_id: int
    operation: str
    topics: str = ""
    path: tuple[str, ...] = ()
    takes_own: bool = True

    def send(self, event: Mapping[str, Any]) -> None:
        self.connection.send_event(self.stream_id, _EVENTS[self.operation], event)


class Subscriptions:
    """All of them, in the order in which they came."""

    def __init__(self) -> None:
        self._all: list[Subscription] = []

    def add(self, call: Call, **wanted: Any) -> None:
        self._all.append(Subscription(call.connection, call.stream_id, call.operation, **wanted))

    def to(self, operation: str) -> list[Subscription]:
        return [subscription for subscription in self._all if subscription.operation == operation]

    def end(self, ends: Callable[[Subscription], bool]) -> None:
        """Forget some without a word to their subscribers."""
        self._all = [subscription for subscription in self._all if not ends(subscription)]
