"""An MQTT sink with a journal of its own, in memory, so that a test can hand any message to it."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from edge_inspector.journal import Journal, JournalOptions
from edge_inspector.settings import MqttSettings
from edge_inspector.sinks.mqtt import MqttSink
from edge_inspector.sinks.mqtt_commands import TakeCommand
from edge_inspector.topics import Message


class RecordedSink(MqttSink):
    """Everything that is sent goes on record first, as the deliver thread does it."""

    def __init__(  # noqa: PLR0913 - what a sink takes
        self,
        settings: MqttSettings,
        *,
        client_id: str,
        will: Message,
        on_undelivered: Callable[[str, Message], None] | None = None,
        commands: str | None = None,
        on_command: TakeCommand | None = None,
    ) -> None:
        self.journal = Journal(None, JournalOptions())
        self._order = threading.Lock()
        self.journal.__enter__()
        super().__init__(
            settings,
            self.journal,
            client_id=client_id,
            will=will,
            on_undelivered=on_undelivered,
            commands=commands,
            on_command=on_command,
        )

    def send(self, message: Message) -> None:
        with self._order:
            self.journal.append([message])
            super().send(message)

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, traceback)
        self.journal.__exit__(None, None, None)
