"""The wire schema, version 1: what leaves the device, as CloudEvents 1.0 in structured JSON.

A public contract: `docs/schemas/` holds the JSON Schemas, `tests/golden/events/` one example of each. Topic and
payload together stay within `LARGEST_MESSAGE` bytes, since some clients stall or close on larger ones; boxes are then
cut to the strongest and frames to the first, and `detections_total` and `frames_total` tell how many there were.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from edge_inspector.alarms import Alarm
from edge_inspector.decision import Decision, NoVerdict, NoVerdictCause, Reason
from edge_inspector.detections import Detections
from edge_inspector.identity import inspection_id
from edge_inspector.inspection import InspectionResult, ModelIdentity, outcome_name
from edge_inspector.sampling import Evicted
from edge_inspector.topics import CATALOGUE, Channel, Message, TopicTree
from edge_inspector.tracks import TrackChange

LARGEST_MESSAGE = 4000  # bytes of topic and payload together
_MOST_REASONS = 8
_LONGEST_TEXT = 300  # bytes of a free text, as JSON
_LONGEST_NAME = 280  # bytes of a part id or a file name, as JSON
_MOST_FRAMES_BYTES = 800  # of the frames of a part, as JSON
_MOST_EVICTED_BYTES = 1800  # of the kinds of samples that were given up, as JSON

Json: TypeAlias = str | int | float | bool | Mapping[str, "Json"] | Sequence["Json"] | None


class EventKind(StrEnum):
    """The kinds of event; the CloudEvents type is `com.edgeinspector.{kind}.v1`."""

    INSPECTION_COMPLETED = "inspection.completed"
    DEFECT_DETECTED = "defect.detected"
    MODEL_CHANGED = "model.changed"
    MODEL_REJECTED = "model.rejected"
    ALARM_RAISED = "alarm.raised"
    ALARM_CLEARED = "alarm.cleared"
    SAMPLES_EVICTED = "samples.evicted"


class StationState(StrEnum):
    """States of the station, named as in OPC 40100 (Machine Vision)."""

    PREOPERATIONAL = "Preoperational"
    INITIALIZED = "Initialized"
    READY = "Ready"
    CONTINUOUS_EXECUTION = "ContinuousExecution"
    ERROR = "Error"
    HALTED = "Halted"


@dataclass(frozen=True, slots=True)
class TrackedDefect:
    """What a free-running source reports of one defect: that it is there, has become worse, or is gone.

    Attributes:
        result: The frame on which that showed.
        track_id: Id of the track, the same in all of its events.
        change: What is known of the defect.
    """

    result: InspectionResult
    track_id: str
    change: TrackChange


@dataclass(frozen=True, slots=True)
class EventWriter:
    """Writes the messages of one station and camera.

    Attributes:
        topics: Its topics.
        session: Id of this run of the daemon, part of the ids of events that are no inspection.
        product: What the line is set up for.
        lot: The batch that is produced.
    """

    topics: TopicTree
    session: str
    product: str | None = None
    lot: str | None = None

    def of_result(self, result: InspectionResult) -> list[Message]:
        """Return `defect.detected` for a part that is not accepted, then `inspection.completed`.

        The defects of a free-running source are reported by track, once and not with every frame: see `of_track`. That
        no model runs is no defect of a part either.
        """
        data = self._result(result)
        messages = [self._result_message(Channel.RESULT, EventKind.INSPECTION_COMPLETED, result, data)]
        is_judged = not (isinstance(result.outcome, NoVerdict) and result.outcome.cause is NoVerdictCause.NO_MODEL)
        if result.part_id is not None and result.outcome_name != "accept" and is_judged:
            messages.insert(0, self._result_message(Channel.DEFECT, EventKind.DEFECT_DETECTED, result, data))
        return messages

    def of_track(self, tracked: TrackedDefect) -> Message:
        """Return `defect.detected` with the phase of a track; its outcome is the verdict of the track so far."""
        track = tracked.change.track
        data = self._result(tracked.result)
        data |= {
            "outcome": track.verdict.value,
            "phase": tracked.change.phase.value,
            "track_id": tracked.track_id,
            "track": {
                "label": track.label,
                "confidence": round(track.confidence, 4),
                "xyxy": [round(side, 2) for side in track.xyxy],
                "first_seen_at": _timestamp(track.first_seen_at),
                "last_seen_at": _timestamp(track.last_seen_at),
                "frames": track.frames,
            },
        }
        data.pop("no_verdict", None)
        return self._result_message(
            Channel.DEFECT,
            EventKind.DEFECT_DETECTED,
            tracked.result,
            data,
            id_suffix=f"/{track.number}/{tracked.change.phase}",
        )

    def model_changed(self, at: datetime, *, model: ModelIdentity, previous: ModelIdentity | None) -> Message:
        """Return the event that another model gives the results from now on."""
        data: dict[str, Json] = {"model": _model(model), "previous": None if previous is None else _model(previous)}
        return self._event(Channel.MODEL, EventKind.MODEL_CHANGED, at, name=model.sha256, data=data)

    def model_rejected(self, at: datetime, *, candidate: str, reason: str) -> Message:
        """Return the event that a candidate was refused.

        Args:
            at: When.
            candidate: Its folder, or its name and version.
            reason: What was found and what was expected.
        """
        data: dict[str, Json] = {"candidate": _shorten(candidate[-_LONGEST_TEXT:]), "reason": _shorten(reason)}
        return self._event(Channel.MODEL, EventKind.MODEL_REJECTED, at, name=candidate, data=data)

    def samples_evicted(self, at: datetime, counts: Mapping[Evicted, int]) -> Message:
        """Return the event that samples were given up before they were uploaded.

        Args:
            at: When; no two of these events have the same.
            counts: How many of each kind; the most frequent kinds are told, and how many samples there were in all.
        """
        kinds = sorted(counts.items(), key=lambda item: -item[1])
        documents: list[Json] = [
            {
                "label": None if kind.label is None else _shorten(kind.label, _LONGEST_NAME),
                "reason": kind.reason.value,
                "cause": kind.cause.value,
                "count": count,
            }
            for kind, count in kinds
        ]
        told = _strongest(documents, _MOST_EVICTED_BYTES)
        data: dict[str, Json] = {"evicted_total": sum(counts.values()), "evicted": told}
        return self._event(Channel.SAMPLES, EventKind.SAMPLES_EVICTED, at, name="samples", data=data)

    def result_document(self, result: InspectionResult) -> dict[str, Json]:
        """Return a result as it is written where there is room for it: the `data` of its event with every box."""
        gravest = result.outcome.reasons[:_MOST_REASONS] if isinstance(result.outcome, Decision) else ()
        boxes = detection_documents(result.detections, result.class_names, frames=result.detection_frames)
        return {**self._result(result), "reasons": reason_documents(gravest), "detections": boxes}

    def alarm_raised(self, at: datetime, alarm: Alarm) -> Message:
        """Return the retained event of a raised alarm."""
        return self._alarm(EventKind.ALARM_RAISED, at, alarm)

    def alarm_cleared(self, at: datetime, alarm: Alarm) -> list[Message]:
        """Return the event of a cleared alarm, then the empty payload that takes it off the broker."""
        return [self._alarm(EventKind.ALARM_CLEARED, at, alarm), self.alarm_gone(alarm.name)]

    def alarm_gone(self, name: str) -> Message:
        """Return the empty payload that takes an alarm off the broker."""
        return Message(self.topics.topic(Channel.ALARM, name=name), b"", CATALOGUE[Channel.ALARM])

    def status(self, status: str, *, session_started_at: datetime) -> Message:
        """Return the retained presence of the station: `online`, `stopped`, or `offline` as the last will."""
        return self._document(
            Channel.STATUS,
            {"status": status, "session": self.session, "session_started_at": _timestamp(session_started_at)},
        )

    def camera_status(self, status: str, *, last_frame_at: datetime | None, reason: str | None = None) -> Message:
        """Return the retained state of the camera: `online`, `degraded` or `offline`."""
        last = None if last_frame_at is None else _timestamp(last_frame_at)
        document: dict[str, Json] = {
            "status": status,
            "last_frame_at": last,
            "reason": None if reason is None else _shorten(reason),
        }
        return self._document(Channel.CAMERA_STATUS, document)

    def state(
        self, state: StationState, *, at: datetime, reason: str | None = None, model: ModelIdentity | None = None
    ) -> Message:
        """Return the retained state of the station."""
        document: dict[str, Json] = {
            "state": state.value,
            "since": _timestamp(at),
            "reason": None if reason is None else _shorten(reason),
            "model": None if model is None else _model(model),
            "product": self.product,
        }
        return self._document(Channel.STATE, document)

    def stats(self, at: datetime, values: Mapping[str, Json]) -> Message:
        """Return the retained counters, rates and latencies."""
        return self._document(Channel.STATS, {"at": _timestamp(at), "session": self.session, **values})

    def _result(self, result: InspectionResult) -> dict[str, Json]:
        first = result.frames[0]
        data: dict[str, Json] = {
            "inspection_id": result.inspection_id,
            "site": self.topics.site,
            "line": self.topics.line,
            "station": self.topics.station,
            "camera": self.topics.camera,
            "part_id": None if result.part_id is None else _shorten(result.part_id, _LONGEST_NAME),
            "lot": self.lot,
            "product": self.product,
            "captured_at": _timestamp(first.captured_at),
            "frames": _frames(result),
            "frames_total": len(result.frames),
            "image_wh": None if first.image_wh is None else list(first.image_wh),
            "outcome": result.outcome_name,
            "model": _model(result.model),
            "latency_ms": {stage: round(value, 3) for stage, value in result.latency_ms.items()},
            "dropped_before": dict(result.dropped_before),
            "sample_key": result.sample_key,
            "detections_total": len(result.detections),
        }
        if isinstance(result.outcome, NoVerdict):
            outcome = result.outcome
            data["no_verdict"] = {
                "cause": outcome.cause.value,
                "problem": _shorten(outcome.problem),
                "treated_as": outcome.treated_as.value,
            }
        return data

    def _result_message(
        self,
        channel: Channel,
        kind: EventKind,
        result: InspectionResult,
        data: Mapping[str, Json],
        *,
        id_suffix: str = "",
    ) -> Message:
        topic = self.topics.topic(channel)
        event_id = f"{result.inspection_id}/{kind}{id_suffix}"
        subject = _shorten(result.part_id or result.inspection_id, _LONGEST_NAME)

        def encode(reasons: Sequence[Json], detections: Sequence[Json]) -> bytes:
            envelope = self._envelope(kind, event_id, subject, result.frames[0].captured_at)
            return _encode({**envelope, "data": {**data, "reasons": reasons, "detections": detections}})

        gravest = result.outcome.reasons[:_MOST_REASONS] if isinstance(result.outcome, Decision) else ()
        reasons = reason_documents(gravest)
        boxes = detection_documents(result.detections, result.class_names, frames=result.detection_frames)
        payload = encode(reasons, boxes)
        room = LARGEST_MESSAGE - len(topic.encode())
        if len(payload) > room:
            reasons = _strongest(reasons, room - len(encode([], [])))
            payload = encode(reasons, _strongest(boxes, room - len(encode(reasons, []))))
        return Message(topic, payload, CATALOGUE[channel], event_id)

    def _alarm(self, kind: EventKind, at: datetime, alarm: Alarm) -> Message:
        data: dict[str, Json] = {
            "name": alarm.name,
            "severity": alarm.severity.value,
            "text": _shorten(alarm.text),
            "what_to_do": _shorten(alarm.what_to_do),
        }
        return self._event(Channel.ALARM, kind, at, name=alarm.name, data=data)

    def _event(
        self, channel: Channel, kind: EventKind, at: datetime, *, name: str, data: Mapping[str, Json]
    ) -> Message:
        topics = self.topics
        number = f"{kind}/{name}"
        identity = inspection_id(
            at, station=topics.station_path, camera=topics.camera, session=self.session, number=number
        )
        event_id = f"{identity}/{kind}"
        place: dict[str, Json] = {
            "site": self.topics.site,
            "line": self.topics.line,
            "station": self.topics.station,
            "camera": self.topics.camera,
        }
        envelope = self._envelope(kind, event_id, _shorten(name), at)
        payload = _encode({**envelope, "data": {**place, **data}})
        return Message(self.topics.topic(channel, name=name), payload, CATALOGUE[channel], event_id)

    def _envelope(self, kind: EventKind, event_id: str, subject: str, at: datetime) -> dict[str, Json]:
        return {
            "specversion": "1.0",
            "id": event_id,
            "source": f"/{self.topics.prefix}/{self.topics.station_path}/{self.topics.camera}",
            "type": f"com.edgeinspector.{kind}.v1",
            "subject": subject,
            "time": _timestamp(at),
            "datacontenttype": "application/json",
        }

    def _document(self, channel: Channel, document: Mapping[str, Json]) -> Message:
        return Message(self.topics.topic(channel), _encode(document), CATALOGUE[channel])


def detection_documents(
    detections: Detections, class_names: Sequence[str], *, frames: Sequence[int] = ()
) -> list[Json]:
    """Return detections as they are written everywhere: label, confidence, xyxy in frame pixels, strongest first.

    Args:
        detections: What was found.
        class_names: Names by class id.
        frames: Which frame of the part each one is on; empty where there is only one.
    """
    documents: list[dict[str, Json]] = [
        {
            "label": class_names[class_id],
            "confidence": round(confidence, 4),
            "xyxy": [round(side, 2) for side in xyxy],
        }
        for class_id, confidence, xyxy in zip(
            detections.class_id.tolist(), detections.confidence.tolist(), detections.xyxy.tolist(), strict=True
        )
    ]
    for document, part_frame in zip(documents, frames, strict=False):
        document["part_frame"] = part_frame
    return list(documents)


def _frames(result: InspectionResult) -> list[Json]:
    """Return the frames of a part, the first ones where not all fit, with their own outcomes where these may differ."""
    records = result.frames
    documents: list[dict[str, Json]] = [
        {
            "frame_id": frame.frame_id,
            "part_frame": frame.part_frame,
            "captured_at": _timestamp(frame.captured_at),
            "captured_at_source": frame.captured_at_source,
            "source": _shorten(frame.source, _LONGEST_NAME),
        }
        for frame in records
    ]
    if len(records) == 1 and records[0].outcome == result.outcome:
        return list(documents)
    for document, frame in zip(documents, records, strict=True):
        document["outcome"] = outcome_name(frame.outcome)
        if isinstance(frame.outcome, NoVerdict):
            document["cause"] = frame.outcome.cause.value
    return _strongest(documents, _MOST_FRAMES_BYTES)


def reason_documents(reasons: Sequence[Reason]) -> list[Json]:
    """Return reasons as they are written everywhere."""
    return [
        {
            "label": reason.label,
            "confidence": round(reason.confidence, 4),
            "verdict": reason.verdict.value,
            "threshold": reason.threshold,
        }
        for reason in reasons
    ]


def _strongest(entries: Sequence[Json], room: int) -> list[Json]:
    """Return the first entries that fit into `room` bytes inside a JSON list."""
    kept: list[Json] = []
    for entry in entries:
        room -= len(_encode(entry)) + len(",")
        if room < 0:
            break
        kept.append(entry)
    return kept


def _model(model: ModelIdentity) -> dict[str, Json]:
    return {"name": model.name, "version": model.version, "sha256": model.sha256}


def _timestamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _shorten(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Return `text`, cut where its JSON would take more than `longest` bytes."""
    if len(_encode(text)) <= longest + len('""'):
        return text
    kept, room = 0, longest - len("…".encode())
    while (room := room - len(_encode(text[kept])) + len('""')) >= 0:
        kept += 1
    return text[:kept] + "…"


def _encode(document: Json) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "replace")
