"""What `check-config` looks at: everything that needs no network and no camera."""

import threading

from edge_inspector.app.build import mqtt_sink, new_session, topic_tree
from edge_inspector.app.detector import open_model
from edge_inspector.app.source import open_source
from edge_inspector.detectors.tiled import TiledDetector
from edge_inspector.events import EventWriter
from edge_inspector.journal import Journal, JournalOptions
from edge_inspector.pipeline.deliver import Losses
from edge_inspector.settings import Settings, SimulatedSource, StationSettings


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
        where = "the log and the journal alone, and to the nucleus under Greengrass"
        remarks.append(f"no [mqtt] section: verdicts go to {where}")
    else:
        session = new_session()
        with Journal(None, JournalOptions()) as journal:
            writer = EventWriter(topic_tree(settings), session.id)
            mqtt_sink(settings.mqtt, journal, writer, session, Losses(), secret=lambda _: "")
        if settings.mqtt.password_secret is not None:
            remarks.append("mqtt.password_secret: is there only under Greengrass, with its secret manager component")
    if settings.station.topic_prefix != StationSettings().topic_prefix:
        remarks.append("topic_prefix is not the default: merge the accessControl of the Greengrass recipe accordingly")
    return [*remarks, "usable"]
