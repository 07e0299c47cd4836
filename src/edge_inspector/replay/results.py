"""What is compared of a result: all that frames, model and configuration decide, and nothing of when it happened."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self, TypeAlias

from edge_inspector.decision import Decision, NoVerdict
from edge_inspector.events import EventWriter, TrackedDefect, reason_documents
from edge_inspector.inspection import FrameRecord, InspectionResult, outcome_name
from edge_inspector.topics import Message

ResultDocument: TypeAlias = dict[str, Any]
Found: TypeAlias = InspectionResult | TrackedDefect

_DECIMALS = 4  # of a confidence, and of a pixel
# Of parts whose frames came in time or not: nothing that can be shown a second time.
_BY_THE_CLOCK = frozenset({"deadline_missed", "queue_overflow", "stopped"})


@dataclass(frozen=True)
class WatchedWriter(EventWriter):
    """Writes events as any other, and shows first what they are written of: an event has no room for all of it.

    Attributes:
        watch: Called on the deliver thread with everything that is published; must take no time.
    """

    watch: Callable[[Found], None] = field(kw_only=True)

    @classmethod
    def around(cls, writer: EventWriter, watch: Callable[[Found], None]) -> Self:
        """Return a writer of the same events."""
        return cls(**{each.name: getattr(writer, each.name) for each in fields(EventWriter)}, watch=watch)

    def of_result(self, result: InspectionResult) -> list[Message]:
        """Return the messages of a result."""
        self.watch(result)
        return super().of_result(result)

    def of_track(self, tracked: TrackedDefect) -> Message:
        """Return the message of a change of a track."""
        self.watch(tracked)
        return super().of_track(tracked)


def result_document(found: Found) -> ResultDocument:
    """Return what is compared of a result or of a change of a track, as it is after JSON."""
    if isinstance(found, InspectionResult):
        return {"kind": "result", "outcome": found.outcome_name, **_document(found), **_failure(found)}
    track = found.change.track
    return {
        "kind": "track",
        "outcome": track.verdict.value,
        "phase": found.change.phase.value,
        "track_id": found.track_id,
        "track": {
            "label": track.label,
            "confidence": round(track.confidence, _DECIMALS),
            "xyxy": _rounded(track.xyxy),
            "first_frame_id": track.first_frame_id,
            "first_seen_at": track.first_seen_at.isoformat(),
            "last_seen_at": track.last_seen_at.isoformat(),
            "frames": track.frames,
            **({} if track.web is None else {"web": [track.web.roll, *_rounded(track.web.lines)]}),
        },
        **_document(found.result),
    }


def _document(result: InspectionResult) -> ResultDocument:
    return {
        "id": result.inspection_id,
        "part_id": result.part_id,
        "frames": [_frame(record) for record in result.frames],
        "reasons": reason_documents(result.outcome.reasons) if isinstance(result.outcome, Decision) else [],
        "detections": _detections(result),
    }


def _failure(result: InspectionResult) -> ResultDocument:
    outcome = result.outcome
    if not isinstance(outcome, NoVerdict):
        return {}
    treated_as = outcome.treated_as.value
    return {"no_verdict": {"cause": outcome.cause.value, "problem": outcome.problem, "treated_as": treated_as}}


def _frame(record: FrameRecord) -> ResultDocument:
    document = {
        "frame_id": record.frame_id,
        "part_frame": record.part_frame,
        "outcome": outcome_name(record.outcome),
    }
    return document | ({"cause": record.outcome.cause.value} if isinstance(record.outcome, NoVerdict) else {})


def _detections(result: InspectionResult) -> list[ResultDocument]:
    found = result.detections
    documents: list[ResultDocument] = [
        {"label": result.class_names[class_id], "confidence": round(confidence, _DECIMALS), "xyxy": _rounded(xyxy)}
        for class_id, confidence, xyxy in zip(
            found.class_id.tolist(), found.confidence.tolist(), found.xyxy.tolist(), strict=True
        )
    ]
    for document, part_frame in zip(documents, result.detection_frames, strict=False):
        document["part_frame"] = part_frame
    return documents


def _rounded(xyxy: Sequence[float]) -> list[float]:
    return [round(side, _DECIMALS) for side in xyxy]


def frame_ids(result: Mapping[str, Any]) -> list[int]:
    """Return the frames of a result."""
    return [frame["frame_id"] for frame in result["frames"]]


def clock_cause(result: Mapping[str, Any]) -> str | None:
    """Return why a result cannot come out again in a replay, which takes its own time; None where it can."""
    causes = [frame.get("cause") for frame in result["frames"]]
    causes.append(result.get("no_verdict", {}).get("cause"))
    return next((cause for cause in causes if cause in _BY_THE_CLOCK), None)


def subject(result: Mapping[str, Any]) -> str:
    """Return what a result is about, for people."""
    (first, *_) = frame_ids(result)
    if result["kind"] == "track":
        return f"track {result['track_id']}, {result['phase']} on frame {first}"
    return f"frame {first}" if result["part_id"] is None else f"part {result['part_id']}"
