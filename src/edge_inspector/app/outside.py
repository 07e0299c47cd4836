"""Where events go: the broker, and the nucleus under Greengrass."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from edge_inspector.app.nucleus import open_nucleus_sinks
from edge_inspector.events import EventWriter
from edge_inspector.identity import Session
from edge_inspector.journal import Journal
from edge_inspector.pipeline.deliver import Losses
from edge_inspector.ports import EventSink
from edge_inspector.settings import MqttSettings, Settings
from edge_inspector.sinks.mqtt import MqttSink

if TYPE_CHECKING:
    from edge_inspector.greengrass.nucleus import Nucleus


@contextmanager
def open_sinks(  # noqa: PLR0913 - what a connection needs
    settings: Settings,
    journal: Journal,
    writer: EventWriter,
    session: Session,
    losses: Losses,
    *,
    take: Callable[..., None],
    nucleus: "Nucleus | None",
) -> Iterator[dict[str, EventSink]]:
    """Open the configured sinks outside this process, and yield them by name.

    Args:
        settings: Which ones.
        journal: Holds what is sent.
        writer: Knows the topics.
        session: Of this run.
        losses: Where messages are counted that were given up.
        take: Takes commands, see `Commands.take`.
        nucleus: The connection to the Greengrass nucleus that started this process.

    Raises:
        ConfigError: If a file that the settings name cannot be used.
    """
    with ExitStack() as stack:
        found: dict[str, EventSink] = {}
        if settings.mqtt is not None:
            secret = None if nucleus is None else nucleus.secret
            sink = mqtt_sink(settings.mqtt, journal, writer, session, losses, secret=secret, take=take)
            found["mqtt"] = stack.enter_context(sink)
        if nucleus is not None:
            found |= stack.enter_context(open_nucleus_sinks(nucleus, settings, journal, writer, losses))
        yield found


def mqtt_sink(  # noqa: PLR0913 - what one connection needs
    settings: MqttSettings,
    journal: Journal,
    writer: EventWriter,
    session: Session,
    losses: Losses,
    *,
    secret: Callable[[str], str] | None = None,
    take: Callable[..., None] | None = None,
) -> MqttSink:
    """Return the sink to the configured broker, not yet connected.

    Args:
        settings: The broker.
        journal: Holds what is sent.
        writer: Knows the topics.
        session: Of this run.
        losses: Where messages are counted that were given up.
        secret: Returns the secret that is the password.
        take: Takes commands, see `Commands.take`; none are subscribed to when None.

    Raises:
        ConfigError: If a file that the settings name cannot be used.
    """
    topics = writer.topics
    return MqttSink(
        settings,
        journal,
        client_id=settings.client_id or f"{topics.prefix}/{topics.station_path}/{topics.camera}",
        will=writer.status("offline", session_started_at=session.started_at),
        on_undelivered=lambda cause, message: losses.add(f"mqtt_{cause}", message.topic),
        secret=secret,
        commands=None if take is None else topics.commands,
        on_command=None if take is None else lambda topic, payload, retained: take(topic, payload, retained=retained),
    )
