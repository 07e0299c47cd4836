"""What a station has of the nucleus that started it: two sinks, and the check that there is a connection."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from edge_inspector.alarms import NUCLEUS_UNREACHABLE, Severity
from edge_inspector.events import EventWriter
from edge_inspector.health.checks import Check
from edge_inspector.journal import Journal
from edge_inspector.pipeline.deliver import Losses
from edge_inspector.settings import Settings
from edge_inspector.sinks.ipc import IpcSink
from edge_inspector.topics import CATALOGUE, Channel, Message, Priority, TopicTree

if TYPE_CHECKING:  # the SDK takes 12 MB, and most stations have no nucleus
    from edge_inspector.greengrass.nucleus import Nucleus

_PATIENCE_S = 10.0


@contextmanager
def open_nucleus_sinks(
    nucleus: "Nucleus", settings: Settings, journal: Journal, writer: EventWriter, losses: Losses
) -> Iterator[dict[str, IpcSink]]:
    """Open a sink for the device's own publish/subscribe and one for AWS IoT Core; yield them by name, and close them.

    Each reads the journal for itself: a cloud that is away never holds up who listens on the device.

    Args:
        nucleus: The connection.
        settings: Which channels go where.
        journal: Holds what is sent.
        writer: Knows the topics of the station.
        losses: Where messages are counted that were given up.
    """
    routes = {
        "greengrass-local": (nucleus.publish_local, settings.greengrass.local),
        "greengrass-iot-core": (nucleus.publish_iot_core, settings.greengrass.iot_core),
    }
    with ExitStack() as stack:
        sinks = {}
        for name, (publish, channels) in routes.items():
            sink = IpcSink(
                publish,
                journal,
                name=name,
                wants=routing(writer.topics, channels),
                unwanted=unwanted(channels),
                connection=lambda: nucleus.connection,
                on_undelivered=partial(_count, losses, name),
            )
            sinks[name] = stack.enter_context(sink)
            stack.enter_context(nucleus.listening(sink.wake))
        try:
            yield sinks
        finally:
            for each in sinks.values():
                each.stop()  # at once for both: leaving takes no longer than for one


def _count(losses: Losses, sink: str, cause: str, message: Message) -> None:
    losses.add(f"{sink}_{cause}", message.topic)


def routing(topics: TopicTree, channels: Sequence[str]) -> Callable[[Message], bool]:
    """Return whether a message is on one of some channels.

    Args:
        topics: Of the station.
        channels: Names of channels, in lower case.
    """
    anything = "\n"  # in no topic
    patterns = [re.escape(topics.topic(Channel[channel.upper()], name=anything)) for channel in channels]
    wanted = re.compile("|".join(patterns).replace(re.escape(anything), "[^/]+") or "(?!)")
    return lambda message: wanted.fullmatch(message.topic) is not None


@contextmanager
def heeding_nucleus(
    nucleus: "Nucleus",
    settings: Settings,
    topics: TopicTree,
    take: Callable[[str, bytes], None],
    *,
    busy: Callable[[], str | None],
) -> Iterator[None]:
    """Take commands from the nucleus, and tell it how the station is, while the context lasts.

    Args:
        nucleus: The connection.
        settings: How often it is tried, and whether updates of components are to wait.
        topics: Of the station.
        take: Takes commands.
        busy: Returns why an update of a component must wait, or None.
    """
    with ExitStack() as stack:
        wishes = settings.greengrass
        stack.enter_context(nucleus.subscribe_commands(topics, take, heartbeat_s=wishes.heartbeat_s))
        if wishes.defer_updates:
            stack.enter_context(nucleus.deferring_updates(busy))
        nucleus.report_running()
        yield


def unwanted(channels: Sequence[str]) -> set[Priority]:
    """Return the kinds of message of which none is on one of some channels."""
    return set(Priority) - {CATALOGUE[Channel[channel.upper()]].priority for channel in channels}


def nucleus_check(nucleus: "Nucleus") -> Check:
    """Return the check that the nucleus can be reached."""
    return Check(
        NUCLEUS_UNREACHABLE,
        Severity.WARNING,
        "Look at the nucleus and its log. The line runs on, and events are kept until it is back.",
        lambda: nucleus.problem,
        raise_after_s=_PATIENCE_S,
        clear_after_s=1.0,
    )
