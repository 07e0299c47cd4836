"""A station's commands with a clock that can be set, and functions that count how often they ran."""

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edge_inspector.app.commands import Commands, Function
from edge_inspector.events import EventWriter, Json
from edge_inspector.topics import Message
from tests.commander import NOW, TOPICS, payload_of, topic_of
from tests.mosquitto import PATIENCE_S

WRITER = EventWriter(TOPICS, "01SESSION")


class Station:
    """Commands with a clock that can be set, and what they answered."""

    def __init__(self, functions: Mapping[str, Function], memory: Path | None = None) -> None:
        self.now = NOW
        self.sent: list[Message] = []
        self._came = threading.Condition()
        self.commands = Commands(functions, WRITER, answer=self._send, memory=memory, clock=lambda: self.now)

    def tell(self, name: str = "reload", request_id: str = "7f2c", **more: object) -> None:
        self.commands.take(topic_of(name), payload_of(request_id, **more))

    def answers(self, count: int) -> list[dict[str, Any]]:
        """Return the first answers, waiting for them."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.sent) >= count, PATIENCE_S), f"only {self.sent}"
            return [json.loads(message.payload)["data"] for message in self.sent[:count]]

    def answer(self) -> dict[str, Any]:
        (answer,) = self.answers(1)
        return answer

    def _send(self, message: Message) -> None:
        with self._came:
            self.sent.append(message)
            self._came.notify_all()


class Counted:
    """Counts how often it ran; waits at its gate first."""

    def __init__(self, does: Callable[[Mapping[str, object]], Mapping[str, Json]] = lambda _: {}) -> None:
        self.runs = 0
        self.busy, self.gate = threading.Event(), threading.Event()
        self.gate.set()
        self._does = does

    def __call__(self, arguments: Mapping[str, object]) -> Mapping[str, Json]:
        self.runs += 1
        self.busy.set()
        assert self.gate.wait(PATIENCE_S)
        return self._does(arguments)


def fail_with(error: Exception) -> Counted:
    def fail(_: Mapping[str, object]) -> Mapping[str, Json]:
        raise error

    return Counted(fail)
