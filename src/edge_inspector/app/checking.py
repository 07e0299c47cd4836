"""What `check-config` looks at: everything that needs no network and no camera."""

import threading
from datetime import UTC, datetime

from edge_inspector.alarms import Alarm
from edge_inspector.app.build import new_session, topic_tree
from edge_inspector.app.detector import open_model
from edge_inspector.app.live import line_side
from edge_inspector.app.outside import mqtt_sink
from edge_inspector.app.source import open_source
from edge_inspector.detectors.tiled import TiledDetector
from edge_inspector.errors import ConfigError, ModelError
from edge_inspector.events import EventWriter
from edge_inspector.journal import Journal, JournalOptions
from edge_inspector.pipeline.deliver import Losses
from edge_inspector.settings import Settings, SimulatedSource, StationSettings
from edge_inspector.settings.for_product import with_product


def check(settings: Settings) -> list[str]:
    """Open everything that needs no network, close it again, and return what a person should know.

    Raises:
        InspectorError: As `build`.
    """
    remarks, warnings = [], list[str]()
    for code in settings.products or [None]:
        of = "" if code is None else f"product {code}: "
        found, alarms = _check_model(with_product(settings, code), of)
        remarks += found
        warnings += [f"{of}{alarm.text} {alarm.what_to_do}" for alarm in alarms]
    open_source(settings.source, threading.Event(), line=line_side(settings, datetime.now(UTC), deadline_ms=None))
    remarks += warnings
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


def _check_model(settings: Settings, of: str) -> tuple[list[str], tuple[Alarm, ...]]:
    try:
        with open_model(settings) as (model, alarms):
            names = ", ".join(model.class_names)
            remarks = [f"{of}model {model.identity.name} {model.identity.version}, classes {names}"]
            if isinstance(model.detector, TiledDetector) and isinstance(settings.source, SimulatedSource):
                width, height = settings.source.image_wh
                views = model.detector.views((width, height))
                remarks.append(f"{of}a frame of {width} x {height} px takes {views} inferences")
            return remarks, alarms
    except (ConfigError, ModelError) as error:
        if not of:
            raise
        msg = f"{of}{error}"
        raise type(error)(msg) from error
