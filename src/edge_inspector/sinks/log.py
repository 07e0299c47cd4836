"""Messages on the log: one line an inspection, the rest at debug level."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from edge_inspector.topics import CATALOGUE, Channel, Message
from edge_inspector.web import WebStretch

_log = logging.getLogger(__name__)


class LogSink:
    """Writes what leaves the device to the log, so that a line can be followed without a broker."""

    def send(self, message: Message) -> None:
        """Log one message; a result also brings its fields for logs that are JSON.

        Of a free-running camera the defects that come and go are news, and not every frame.
        """
        is_result = message.delivery is CATALOGUE[Channel.RESULT]
        is_defect = message.delivery is CATALOGUE[Channel.DEFECT]
        if not _log.isEnabledFor(logging.INFO if is_result or is_defect else logging.DEBUG):
            return
        data = json.loads(message.payload)["data"] if is_result or is_defect else {}
        if is_defect and "phase" in data:
            _log.info("%s", describe_track(data), extra={"track_id": data["track_id"], "phase": data["phase"]})
        elif is_result and data["part_id"] is not None:
            _log.info("%s", describe_result(data), extra=_fields(data))
        elif is_result and _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s", describe_result(data), extra=_fields(data))
        elif not is_result:
            _log.debug("%s %s", message.topic, message.payload.decode())


def describe_track(defect: Mapping[str, Any]) -> str:
    """Return one line for a person.

    Args:
        defect: The `data` of a `defect.detected` event of a track.

    Returns:
        For example `new reject 01J9ZK…: scratch 0.91, seen on 2 frames`.
    """
    track = defect["track"]
    what = f"{track['label']} {track['confidence']:.2f}"
    seen = f"seen on {track['frames']} frame{'' if track['frames'] == 1 else 's'}"
    where = f", {describe_stretch(defect['web'])}" if "web" in defect else ""
    return f"{defect['phase']} {defect['outcome']} {defect['track_id']}: {what}, {seen}{where}"


def describe_stretch(web: Mapping[str, Any]) -> str:
    """Return where something lies on a web, for a person: `lines 120 to 180 (12.0 to 18.0 mm) of roll roll-1`."""
    return str(WebStretch(web["roll"], tuple(web["lines"]), None if web["mm"] is None else tuple(web["mm"])))


def describe_result(result: Mapping[str, Any]) -> str:
    """Return one line for a person.

    Args:
        result: The `data` of an `inspection.completed` event.

    Returns:
        For example `reject part-7 01J9ZK…: 2 detections, strongest scratch 0.91, 23.4 ms`.
    """
    total = result["detections_total"]
    parts = [f"{total} detection{'' if total == 1 else 's'}"]
    if result["detections"]:
        strongest = result["detections"][0]
        parts.append(f"strongest {strongest['label']} {strongest['confidence']:.2f}")
    if "no_verdict" in result:
        parts.append("{cause} ({problem})".format(**result["no_verdict"]))
    parts.append(f"{result['latency_ms']['total']:.1f} ms")
    return f"{result['outcome']} {result['part_id'] or 'frame'} {result['inspection_id']}: {', '.join(parts)}"


def _fields(result: Mapping[str, Any]) -> dict[str, object]:
    fields = {name: result[name] for name in ("inspection_id", "part_id", "outcome", "detections_total", "latency_ms")}
    return fields | {"no_verdict": result["no_verdict"]["cause"]} if "no_verdict" in result else fields
