"""A subscriber that survives its broker and keeps everything."""

from collections.abc import Callable

from paho.mqtt.client import MQTTMessage

from tests.mosquitto import PATIENCE_S, Subscriber

_SENTINEL = "test/sentinel"


class Collector(Subscriber):
    """Collects everything on the broker, in order; comes back when the broker does."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._client.reconnect_delay_set(1, 1)
        self.messages: list[MQTTMessage] = []

    def collect_until(self, wanted: Callable[[MQTTMessage], bool]) -> MQTTMessage:
        while True:
            self.messages.append(self.next())
            if wanted(self.messages[-1]):
                return self.messages[-1]

    def collect_what_is_there(self) -> None:
        """Collect everything that the broker took before this call."""
        self._client.publish(_SENTINEL, b"now", qos=1)
        self.collect_until(lambda message: message.topic == _SENTINEL)
        self.messages.pop()

    def expect_another_broker(self) -> None:
        self._subscribed.clear()

    def wait_for_the_other_broker(self) -> None:
        assert self._subscribed.wait(PATIENCE_S), "the subscriber never came back"
