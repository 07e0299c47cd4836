"""Alarms of stations that a new model may help against: found among all that are kept, and told to EventBridge."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cloud_side.installation import installation

ALARM_RAISED: Final = "Alarm Raised"
# Other alarms of a station are about its camera, its disk and its network: no model helps there.
DRIFT_ALARMS: Final = ("reject-rate-jump",)
KEPT: Final = "events/alarm/"  # where a topic rule of deployment, which training does not know, keeps them
_HEARD: Final = "events/heard/{}"  # as long in the bucket as they
_RAISED: Final = "com.edgeinspector.alarm.raised.v1"
_DETAIL: Final = ("name", "site", "line", "station")


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that was raised.

    Attributes:
        identity: Of the event; that of one that was sent twice is the same.
        detail: Its `name`, and `site`, `line` and `station`.
    """

    identity: str
    detail: Mapping[str, str]

    @property
    def key(self) -> str:
        """Of the object that says that it was told."""
        return _HEARD.format(hashlib.sha256(self.identity.encode()).hexdigest())


def drift_alarm(content: bytes) -> Alarm | None:
    """Return the alarm that a station's message raises; None where it raises none, or one that no model helps against.

    Args:
        content: As the station sent it; empty, or no event at all, as it may be.
    """
    try:
        said = json.loads(content)
        data = said["data"]
        if said["type"] != _RAISED or data["name"] not in DRIFT_ALARMS:
            return None
        return Alarm(f"{said['source']} {said['id']}", {name: str(data[name]) for name in _DETAIL})
    except (ValueError, KeyError, TypeError):
        return None


def raised_request(alarm: Alarm) -> dict[str, Any]:
    """Return the parameters of PutEvents that tell of an alarm, as this installation."""
    entry = {"Source": installation(), "DetailType": ALARM_RAISED, "Detail": json.dumps(dict(alarm.detail))}
    return {"Entries": [entry]}
