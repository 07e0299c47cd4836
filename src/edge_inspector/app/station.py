"""The whole station: everything that the settings name, opened and joined."""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

from edge_inspector.app.detector import open_model
from edge_inspector.app.source import flow_options, open_source
from edge_inspector.detectors.tiled import TiledDetector
from edge_inspector.events import EventWriter
from edge_inspector.identity import session_id
from edge_inspector.pipeline.deliver import Deliverer, Losses
from edge_inspector.pipeline.flow import Pipeline
from edge_inspector.pipeline.inspector import Inspector
from edge_inspector.ports import EventSink
from edge_inspector.settings import MqttSettings, Settings, SimulatedSource, StationSettings
from edge_inspector.sinks.log import LogSink
from edge_inspector.sinks.mqtt import MqttSink
from edge_inspector.sources.live import LiveSource
from edge_inspector.topics import TopicTree
from edge_inspector.tracks import Tracker, TrackOptions


@contextmanager
def build(
    settings: Settings, stop: threading.Event, *, sinks: Mapping[str, EventSink] | None = None
) -> Iterator[Pipeline]:
    """Open everything that the settings name and yield the pipeline; close it all afterwards.

    Args:
        settings: The whole configuration.
        stop: Ends every wait.
        sinks: Further sinks, by name.

    Raises:
        ConfigError: If the policy contradicts the model, or a file that the settings name cannot be used.
        ModelError: If the model package cannot be used.
        SourceError: If the source cannot be opened.
    """
    started_at = datetime.now(UTC)
    session = session_id(started_at, os.urandom(10))
    writer = EventWriter(topic_tree(settings), session, settings.station.product, settings.station.lot)
    with ExitStack() as stack:
        follows = None if settings.source.is_triggered else TrackOptions(**settings.tracks.model_dump())
        model, alarms = stack.enter_context(open_model(settings, follows=follows))
        source = open_source(
            settings.source,
            stop,
            gray=model.is_gray,
            smallest_wh=model.smallest_wh,
            staleness_ms=settings.flow.staleness_ms,
        )
        if isinstance(source, LiveSource):
            stack.enter_context(source)
        losses = Losses()
        all_sinks: dict[str, EventSink] = {"log": LogSink(), **(sinks or {})}
        if settings.mqtt is not None:
            all_sinks["mqtt"] = stack.enter_context(_mqtt_sink(settings.mqtt, writer, started_at, losses))
        yield Pipeline(
            source,
            Inspector(
                model,
                station_path=writer.topics.station_path,
                camera=writer.topics.camera,
                session=session,
            ),
            writer,
            Deliverer(writer, all_sinks, queue_size=settings.flow.deliver_queue_size, losses=losses),
            options=flow_options(settings.flow, settings.source),
            session_started_at=started_at,
            tracker=None if follows is None else Tracker(model.class_names, model.policy, follows),
            standing_alarms=alarms,
        )


def topic_tree(settings: Settings) -> TopicTree:
    """Return the topics of the configured station."""
    station = settings.station
    return TopicTree(station.topic_prefix, station.site, station.line, station.station, station.camera)


def check(settings: Settings) -> list[str]:
    """Open everything that needs no network, close it again, and return what a person should know.

    Raises:
        InspectorError: As `build`.
    """
    with open_model(settings) as (model, alarms):
        remarks = [f"model {model.identity.name} {model.identity.version}, classes {', '.join(model.class_names)}"]
        if isinstance(model.detector, TiledDetector) and isinstance(settings.source, SimulatedSource):
            width, height = settings.source.image_wh
            remarks.append(f"a frame of {width} x {height} px takes {model.detector.views((width, height))} inferences")
    open_source(settings.source, threading.Event())
    remarks += [f"{alarm.text} {alarm.what_to_do}" for alarm in alarms]
    if settings.mqtt is None:
        remarks.append("no [mqtt] section: verdicts go to the log alone")
    else:
        _mqtt_sink(settings.mqtt, EventWriter(topic_tree(settings), session=""), datetime.now(UTC), Losses())
    if settings.station.topic_prefix != StationSettings().topic_prefix:
        remarks.append("topic_prefix is not the default: merge the accessControl of the Greengrass recipe accordingly")
    return [*remarks, "usable"]


def _mqtt_sink(settings: MqttSettings, writer: EventWriter, started_at: datetime, losses: Losses) -> MqttSink:
    topics = writer.topics
    return MqttSink(
        settings,
        client_id=settings.client_id or f"{topics.prefix}/{topics.station_path}/{topics.camera}",
        will=writer.status("offline", session_started_at=started_at),
        on_undelivered=lambda cause, message: losses.add(f"mqtt_{cause}", message.topic),
    )
