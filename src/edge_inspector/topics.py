"""The topic catalogue: which messages leave a station, where, and how."""

import re
from dataclasses import dataclass
from enum import StrEnum

RETAIN, PASSING = True, False
_LEVEL = re.compile(r"[^+#/$\s\x00-\x1f\x7f\ud800-\udfff]+")
LONGEST_LEVEL = 48


def level_problem(level: str) -> str | None:
    """Return why `level` cannot be one level of a topic, or None."""
    if not _LEVEL.fullmatch(level):
        return f"{level!r} cannot be a topic level: expected one or more characters without + # / $ or spaces"
    if len(level.encode()) > LONGEST_LEVEL:
        return f"{level!r} is too long for a topic level: expected at most {LONGEST_LEVEL} bytes"
    return None


class Channel(StrEnum):
    """The kinds of message, by the last levels of their topic under the station."""

    STATUS = "status"
    STATE = "state"
    STATS = "stats"
    MODEL = "model"
    PRODUCT = "product"
    DISPOSITION = "disposition"
    ALARM = "alarm/{name}"
    REPLY = "cmd/{name}/reply"
    CAMERA_STATUS = "{camera}/status"
    RESULT = "{camera}/result"
    DEFECT = "{camera}/defect"
    SAMPLES = "{camera}/samples"


class Priority(StrEnum):
    """What may be given up first when a queue is full: stats before results before alerts."""

    ALERT = "alert"
    RESULT = "result"
    STATS = "stats"


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the messages of a channel are delivered.

    Attributes:
        qos: MQTT quality of service.
        retain: The broker keeps the last one; such a topic carries the present and is coalesced, never queued.
        priority: What may be given up first.
        content: What it carries, for people.
    """

    qos: int
    retain: bool
    priority: Priority
    content: str


_ALERT, _RESULT, _STATS = Priority.ALERT, Priority.RESULT, Priority.STATS

CATALOGUE: dict[Channel, Delivery] = {
    Channel.STATUS: Delivery(1, RETAIN, _ALERT, "online, stopped or offline; also the last will"),
    Channel.STATE: Delivery(1, RETAIN, _ALERT, "state of the station with its reason, model and product"),
    Channel.STATS: Delivery(0, RETAIN, _STATS, "rates, latency percentiles, ledgers, drops by cause"),
    Channel.MODEL: Delivery(1, PASSING, _ALERT, "model.changed, model.proved, model.rejected and thresholds.changed"),
    Channel.PRODUCT: Delivery(1, PASSING, _ALERT, "product.changed: the line was changed over, by whom, from, to"),
    Channel.DISPOSITION: Delivery(1, PASSING, _ALERT, "disposition.recorded: what a person says of a result"),
    Channel.ALARM: Delivery(1, RETAIN, _ALERT, "alarm.raised; alarm.cleared, then an empty retained payload"),
    Channel.REPLY: Delivery(1, PASSING, _ALERT, "what became of the command {name}"),
    Channel.CAMERA_STATUS: Delivery(1, RETAIN, _ALERT, "online, degraded or offline, and the last frame"),
    Channel.RESULT: Delivery(1, PASSING, _RESULT, "inspection.completed, one a part"),
    Channel.DEFECT: Delivery(1, PASSING, _ALERT, "defect.detected, for every part that is not accepted"),
    Channel.SAMPLES: Delivery(
        1, PASSING, _ALERT, "samples.evicted: given up before their upload; once a minute at most"
    ),
}


@dataclass(frozen=True, slots=True)
class TopicTree:
    """The topics of one station.

    Attributes:
        prefix, site, line, station, camera: Levels, already validated by the settings.
    """

    prefix: str
    site: str
    line: str
    station: str
    camera: str

    @property
    def station_path(self) -> str:
        """`site/line/station`: unique in the company."""
        return f"{self.site}/{self.line}/{self.station}"

    def topic(self, channel: Channel, *, name: str = "") -> str:
        """Return the topic of a channel.

        Args:
            channel: Kind of message.
            name: Name of the alarm or of the command, for the channels that have one.
        """
        return f"{self.prefix}/{self.station_path}/{channel.format(camera=self.camera, name=name)}"

    @property
    def commands(self) -> str:
        """The topic filter of the commands to the station; the last level is the name of the command."""
        return self.command("+")

    def command(self, name: str) -> str:
        """Return the topic of a command to the station; of an empty name what comes before all of them."""
        return f"{self.prefix}/{self.station_path}/cmd/{name}"


def catalogue_table(topics: TopicTree) -> str:
    """Return the catalogue of a station as a table for people."""
    rows = [
        (topics.topic(channel, name="{name}"), "yes" if delivery.retain else "no", str(delivery.qos), delivery.content)
        for channel, delivery in CATALOGUE.items()
    ]
    width = max(len(row[0]) for row in rows)
    return "\n".join(
        f"{topic:<{width}}  {retain:<6}  {qos:<3}  {content}"
        for topic, retain, qos, content in [("TOPIC", "RETAIN", "QOS", "CONTENT"), *rows]
    )


@dataclass(frozen=True, slots=True)
class Message:
    """One message on its way out.

    Attributes:
        topic: Full topic.
        payload: UTF-8 JSON, or empty to clear a retained topic.
        delivery: How it is delivered.
        id: Dedupe key of the event in it; empty for a message that is no event.
    """

    topic: str
    payload: bytes
    delivery: Delivery
    id: str = ""
