"""What rules of AWS IoT write down of stations' messages: each one replaces the row of its station and kind.

Rows are read again in `stations`. The rules write them without a function between, so that nothing of ours can make a
station seem silent. https://docs.aws.amazon.com/iot/latest/developerguide/dynamodb-v2-rule-action.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

TABLE: Final = "edge-inspector-stations"
KEY: Final = "station"  # site/line/station
KIND: Final = "kind"
EXPIRES: Final = "expires_s"  # since 1970: DynamoDB deletes it some time after that

STATUS: Final = "status"
STATS: Final = "stats/"  # with the session: a daemon for each camera of a station says its own
ALARM: Final = "alarm/"  # with the camera and the name of the alarm
KNOWN: Final = "known"  # what the watch writes itself

RAISED: Final = "com.edgeinspector.alarm.raised.v1"
CLEARED: Final = "com.edgeinspector.alarm.cleared.v1"

DAY_S: Final = 86400
REMEMBERED_S: Final = 30 * DAY_S  # a station that is taken away is forgotten then


@dataclass(frozen=True)
class HeardRule:
    """Which messages become rows.

    Attributes:
        name: Of AWS IoT's rule: letters, digits and underscores.
        topic: Filter below the prefix.
        columns: Expressions of AWS IoT's SQL by column; a column whose expression finds nothing is not written.
        where: A condition; empty: each message.
    """

    name: str
    topic: str
    columns: Mapping[str, str]
    where: str = ""

    def sql(self, topic_prefix: str) -> str:
        """Return the statement for an installation."""
        columns = ", ".join(f"{expression} AS {column}" for column, expression in self.columns.items())
        where = f" WHERE {self.where}" if self.where else ""
        return f"SELECT {columns} FROM '{topic_prefix}/{self.topic}'{where}"  # noqa: S608 - all texts are our own


def _columns(kind: str, kept_s: int, own: Mapping[str, str]) -> dict[str, str]:
    return {
        KEY: "concat(topic(2), '/', topic(3), '/', topic(4))",
        KIND: kind,
        "seen_ms": "timestamp()",
        EXPIRES: f"floor(timestamp() / 1000) + {kept_s}",
        **own,
    }


HEARD: Final = (
    HeardRule(
        "edge_inspector_status",
        "+/+/+/status",
        _columns(f"'{STATUS}'", REMEMBERED_S, {"status": "status"}),
    ),
    HeardRule(
        "edge_inspector_stats",
        "+/+/+/stats",
        _columns(
            f"concat('{STATS}', session)",
            DAY_S,
            {
                "accepted": "parts.outcomes.accept",
                "reviewed": "parts.outcomes.review",
                "rejected": "parts.outcomes.reject",
                "no_verdict": "parts.outcomes.no_verdict",
                "latency_p95_ms": "latency_ms.total.p95",
                "deadline_missed_share": "health.deadline_missed_share",
                "waiting_mqtt": "journal.waiting.mqtt",
                "waiting_iot_core": "get(journal.waiting, 'greengrass-iot-core')",
                "samples_waiting": "samples.waiting",
                "camera": "camera.status",
            },
        ),
    ),
    HeardRule(
        "edge_inspector_alarm_rows",
        "+/+/+/alarm/+",
        _columns(
            f"concat('{ALARM}', data.camera, '/', data.name)",
            REMEMBERED_S,
            {
                "id": "id",
                "type": "type",
                "severity": "data.severity",
                "text": "data.text",
                "what_to_do": "data.what_to_do",
            },
        ),
        f"type = '{RAISED}' OR type = '{CLEARED}'",  # not the empty payload that takes an alarm off the broker
    ),
)
