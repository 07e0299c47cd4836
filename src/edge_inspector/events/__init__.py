"""The wire schema, version 1: what leaves the device, as CloudEvents 1.0 in structured JSON.

A public contract: `docs/schemas/` holds the JSON Schemas, `tests/golden/events/` one example of each. Topic and
payload together stay within `LARGEST_MESSAGE` bytes, since some clients stall or close on larger ones; boxes are then
cut to the strongest and frames to the first, and `detections_total` and `frames_total` tell how many there were. What
other rooms add freely, a comparison or the result of a command, is cut to the first of its fields and list entries.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from edge_inspector.alarms import Alarm
from edge_inspector.commands import Answer
from edge_inspector.decision import Decision, NoVerdict, NoVerdictCause
from edge_inspector.dispositions import JudgedResult, Judgement
from edge_inspector.events.documents import (
    LONGEST_NAME,
    LONGEST_TEXT,
    Json,
    as_json,
    detection_documents,
    disposition_data,
    drawn_documents,
    evicted_documents,
    fitting,
    model_document,
    proof_document,
    reason_documents,
    shorten,
    strongest,
    threshold_documents,
    timestamp,
    told,
)
from edge_inspector.events.kinds import (
    EventKind,
    ModelChange,
    ModelProof,
    ProductChange,
    StationState,
    TrackedDefect,
)
from edge_inspector.events.results import result_data, track_data
from edge_inspector.identity import inspection_id
from edge_inspector.inspection import InspectionResult, ModelIdentity
from edge_inspector.sampling import Evicted
from edge_inspector.topics import CATALOGUE, Channel, Message, TopicTree

__all__ = [
    "LARGEST_MESSAGE",
    "EventKind",
    "EventWriter",
    "Json",
    "ModelChange",
    "ModelProof",
    "ProductChange",
    "StationState",
    "TrackedDefect",
    "detection_documents",
    "model_document",
    "reason_documents",
]

LARGEST_MESSAGE = 4000  # bytes of topic and payload together
_MOST_REASONS = 8
_MOST_EVICTED_BYTES = 1800  # of the kinds of samples that were given up, as JSON


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
        data = {**self._result(tracked.result), **track_data(tracked)}
        data.pop("no_verdict", None)
        return self._result_message(
            Channel.DEFECT,
            EventKind.DEFECT_DETECTED,
            tracked.result,
            data,
            id_suffix=f"/{tracked.change.track.number}/{tracked.change.phase}",
        )

    def model_changed(  # noqa: PLR0913 - what a person wants to know of it
        self,
        at: datetime,
        *,
        model: ModelIdentity,
        previous: ModelIdentity | None,
        cause: ModelChange,
        reason: str | None = None,
        comparison: Mapping[str, Json] | None = None,
    ) -> Message:
        """Return the event that another model gives the results from now on.

        Args:
            at: When.
            model: Which one.
            previous: The one before it.
            cause: Why, in one word.
            reason: Why, for people.
            comparison: How both did on the same frames, by name of the figure.
        """
        data: dict[str, Json] = {
            "model": model_document(model),
            "previous": None if previous is None else model_document(previous),
            "cause": cause.value,
            "reason": None if reason is None else shorten(reason),
            "comparison": None if comparison is None else fitting(comparison),
        }
        return self._event(Channel.MODEL, EventKind.MODEL_CHANGED, at, name=model.sha256, data=data)

    def model_rejected(
        self,
        at: datetime,
        *,
        candidate: str,
        reason: str,
        sha256: str | None = None,
        comparison: Mapping[str, Json] | None = None,
    ) -> Message:
        """Return the event that a candidate was refused.

        Args:
            at: When.
            candidate: Its folder, or its name and version.
            reason: What was found and what was expected.
            sha256: Of its model file, where that is known.
            comparison: How it and the running model did on the same frames, by name of the figure.
        """
        data: dict[str, Json] = {
            "candidate": shorten(candidate[-LONGEST_TEXT:]),
            "reason": shorten(reason),
            "sha256": sha256,
            "comparison": None if comparison is None else fitting(comparison),
        }
        return self._event(Channel.MODEL, EventKind.MODEL_REJECTED, at, name=candidate, data=data)

    def model_proved(self, at: datetime, *, model: ModelIdentity, proof: ModelProof) -> Message:
        """Return the event that a model that has taken over is trusted from now on."""
        data: dict[str, Json] = {"model": model_document(model), **proof_document(proof)}
        return self._event(Channel.MODEL, EventKind.MODEL_PROVED, at, name=model.sha256, data=data)

    def product_changed(  # noqa: PLR0913 - what a person wants to know of it
        self,
        at: datetime,
        *,
        product: str,
        previous: str | None,
        cause: ProductChange,
        by: str | None,
        model: ModelIdentity,
    ) -> Message:
        """Return the event that the line is set up for another product from now on.

        Args:
            at: When.
            product: Code of the product.
            previous: The one before it; None where nobody knows.
            cause: What wanted it so.
            by: Who, where somebody has said so.
            model: The model that looks at it.
        """
        data: dict[str, Json] = {
            "product": shorten(product, LONGEST_NAME),
            "previous": told(previous),
            "cause": cause.value,
            "by": told(by),
            "model": model_document(model),
        }
        return self._event(Channel.PRODUCT, EventKind.PRODUCT_CHANGED, at, name=product, data=data)

    def thresholds_changed(  # noqa: PLR0913 - what a person wants to know of it
        self,
        at: datetime,
        *,
        model: ModelIdentity,
        product: str | None,
        thresholds: Mapping[str, tuple[float, float]],
        previous: Mapping[str, tuple[float, float]],
        by: str | None,
    ) -> Message:
        """Return the event that other thresholds decide from now on.

        Args:
            at: When.
            model: For which model.
            product: For which product, where the line changes over.
            thresholds: `review_at` and `reject_at` by class, as they are now; of the classes that changed the first
                ones that fit are told, and how many there were.
            previous: Those of the same classes before.
            by: Who wanted it; None where the model's own, or the configured ones, came back by themselves.
        """

        def message(classes: Sequence[Json]) -> Message:
            data: dict[str, Json] = {
                "model": model_document(model),
                "product": told(product),
                "classes": classes,
                "classes_total": len(thresholds),
                "by": told(by),
            }
            return self._event(Channel.MODEL, EventKind.THRESHOLDS_CHANGED, at, name=model.sha256, data=data)

        return _filled(message, threshold_documents(thresholds, previous))

    def disposition_recorded(self, judged: JudgedResult, judgement: Judgement) -> Message:
        """Return the event that a person said what they think of a result.

        Args:
            judged: The result.
            judgement: What was said of it; of its boxes the first ones that fit are told, and how many there were.
        """

        def message(boxes: Sequence[Json]) -> Message:
            data = disposition_data(judged, judgement, boxes)
            kind, name = EventKind.DISPOSITION_RECORDED, judged.inspection_id
            return self._event(Channel.DISPOSITION, kind, judgement.at, name=name, data=data)

        return _filled(message, drawn_documents(judgement.boxes))

    def command_answered(self, at: datetime, answer: Answer, result: Mapping[str, Json] | None = None) -> Message:
        """Return the event that a command was run, or was not.

        Args:
            at: When.
            answer: What its sender is told.
            result: What it gives back.

        Raises:
            ValueError: If the result cannot be written as JSON.
            TypeError: Likewise.
        """
        data: dict[str, Json] = {
            "command": answer.name,
            "request_id": answer.request_id,
            "status": answer.status.value,
            "text": shorten(answer.text),
            "result": fitting(result or {}),
        }
        kind = EventKind.COMMAND_ANSWERED
        return self._event(Channel.REPLY, kind, at, name=answer.name, subject=answer.request_id, data=data)

    def samples_evicted(self, at: datetime, counts: Mapping[Evicted, int]) -> Message:
        """Return the event that samples were given up before they were uploaded.

        Args:
            at: When; no two of these events have the same.
            counts: How many of each kind; the most frequent kinds are told, and how many samples there were in all.
        """
        told = strongest(evicted_documents(counts), _MOST_EVICTED_BYTES)
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
            {"status": status, "session": self.session, "session_started_at": timestamp(session_started_at)},
        )

    def camera_status(self, status: str, *, last_frame_at: datetime | None, reason: str | None = None) -> Message:
        """Return the retained state of the camera: `online`, `degraded` or `offline`."""
        last = None if last_frame_at is None else timestamp(last_frame_at)
        document: dict[str, Json] = {
            "status": status,
            "last_frame_at": last,
            "reason": None if reason is None else shorten(reason),
        }
        return self._document(Channel.CAMERA_STATUS, document)

    def state(
        self,
        state: StationState,
        *,
        at: datetime,
        reason: str | None = None,
        model: ModelIdentity | None = None,
        product: str | None = None,
    ) -> Message:
        """Return the retained state of the station; `product` where it is another one than at the start."""
        document: dict[str, Json] = {
            "state": state.value,
            "since": timestamp(at),
            "reason": None if reason is None else shorten(reason),
            "model": None if model is None else model_document(model),
            "product": told(product) or self.product,
        }
        return self._document(Channel.STATE, document)

    def stats(self, at: datetime, values: Mapping[str, Json]) -> Message:
        """Return the retained counters, rates and latencies."""
        return self._document(Channel.STATS, {"at": timestamp(at), "session": self.session, **values})

    def _result(self, result: InspectionResult) -> dict[str, Json]:
        return result_data(result, self._place, lot=self.lot, product=self.product)

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
        subject = shorten(result.part_id or result.inspection_id, LONGEST_NAME)

        def payload_of(reasons: Sequence[Json], detections: Sequence[Json]) -> bytes:
            envelope = self._envelope(kind, event_id, subject, result.frames[0].captured_at)
            return as_json({**envelope, "data": {**data, "reasons": reasons, "detections": detections}})

        gravest = result.outcome.reasons[:_MOST_REASONS] if isinstance(result.outcome, Decision) else ()
        reasons = reason_documents(gravest)
        boxes = detection_documents(result.detections, result.class_names, frames=result.detection_frames)
        payload = payload_of(reasons, boxes)
        room = LARGEST_MESSAGE - len(topic.encode())
        if len(payload) > room:
            reasons = strongest(reasons, room - len(payload_of([], [])))
            payload = payload_of(reasons, strongest(boxes, room - len(payload_of(reasons, []))))
        return Message(topic, payload, CATALOGUE[channel], event_id)

    def _alarm(self, kind: EventKind, at: datetime, alarm: Alarm) -> Message:
        data: dict[str, Json] = {
            "name": alarm.name,
            "severity": alarm.severity.value,
            "text": shorten(alarm.text),
            "what_to_do": shorten(alarm.what_to_do),
        }
        return self._event(Channel.ALARM, kind, at, name=alarm.name, data=data)

    def _event(  # noqa: PLR0913 - all that is particular of one
        self,
        channel: Channel,
        kind: EventKind,
        at: datetime,
        *,
        name: str,
        data: Mapping[str, Json],
        subject: str | None = None,
    ) -> Message:
        topics, subject = self.topics, subject or name
        number = f"{kind}/{subject}"
        identity = inspection_id(
            at, station=topics.station_path, camera=topics.camera, session=self.session, number=number
        )
        event_id = f"{identity}/{kind}"
        envelope = self._envelope(kind, event_id, shorten(subject), at)
        payload = as_json({**envelope, "data": {**self._place, **data}})
        return Message(self.topics.topic(channel, name=name), payload, CATALOGUE[channel], event_id)

    @property
    def _place(self) -> dict[str, Json]:
        topics = self.topics
        return {"site": topics.site, "line": topics.line, "station": topics.station, "camera": topics.camera}

    def _envelope(self, kind: EventKind, event_id: str, subject: str, at: datetime) -> dict[str, Json]:
        return {
            "specversion": "1.0",
            "id": event_id,
            "source": f"/{self.topics.prefix}/{self.topics.station_path}/{self.topics.camera}",
            "type": f"com.edgeinspector.{kind}.v1",
            "subject": subject,
            "time": timestamp(at),
            "datacontenttype": "application/json",
        }

    def _document(self, channel: Channel, document: Mapping[str, Json]) -> Message:
        return Message(self.topics.topic(channel), as_json(document), CATALOGUE[channel])


def _filled(message: Callable[[Sequence[Json]], Message], entries: Sequence[Json]) -> Message:
    """Return the message with as many of its entries, from the first, as it may have."""
    bare = message([])
    return message(strongest(entries, LARGEST_MESSAGE - len(bare.topic.encode()) - len(bare.payload)))
