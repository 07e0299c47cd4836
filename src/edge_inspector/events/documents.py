"""Parts of the documents that leave the device, each cut where it would take too much of a message."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from edge_inspector.decision import NoVerdict, Reason
from edge_inspector.detections import Detections
from edge_inspector.dispositions import DrawnBox, JudgedResult, Judgement
from edge_inspector.events.kinds import ModelProof
from edge_inspector.inspection import InspectionResult, ModelIdentity, outcome_name
from edge_inspector.sampling import Evicted
from edge_inspector.web import WebPlace, WebStretch

LONGEST_TEXT = 300  # bytes of a free text, as JSON
LONGEST_NAME = 280  # bytes of a part id or a file name, as JSON
_MOST_FRAMES_BYTES = 800  # of the frames of a part, as JSON
_MOST_ADDED_BYTES = 1500  # of what another room adds freely, as JSON

Json: TypeAlias = str | int | float | bool | Mapping[str, "Json"] | Sequence["Json"] | None


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


def drawn_documents(boxes: Sequence[DrawnBox]) -> list[Json]:
    """Return boxes that a person drew as they are written everywhere."""
    return [
        {"label": box.label, "xyxy": [round(side, 2) for side in box.xyxy], "part_frame": box.part_frame}
        for box in boxes
    ]


def disposition_data(judged: JudgedResult, judgement: Judgement, boxes: Sequence[Json]) -> dict[str, Json]:
    """Return the `data` of a disposition with those of its boxes that fit, without the place of the station."""
    return {
        "inspection_id": judged.inspection_id,
        "track_id": judged.track_id,
        "part_id": told(judged.part_id),
        "lot": told(judged.lot),
        "product": told(judged.product),
        "outcome": judged.outcome,
        "disposition": judgement.disposition.value,
        "previous": None if judged.previous is None else judged.previous.value,
        "boxes": boxes,
        "boxes_total": len(judgement.boxes),
        "by": shorten(judgement.by, LONGEST_NAME),
        "note": None if judgement.note is None else shorten(judgement.note),
        "model": model_document(judged.model),
        "sample_key": judged.sample_key,
    }


def proof_document(proof: ModelProof) -> dict[str, Json]:
    """Return what a model has done by the time at which it is trusted."""
    document: dict[str, Json] = {"parts": proof.parts, "minutes": round(proof.minutes, 2)}
    for name in ("failed_share", "reject_rate", "reject_rate_before"):
        share = getattr(proof, name)
        document[name] = None if share is None else round(share, 4)
    document["latency_ms"] = None
    if proof.latency_ms is not None:
        p50, p95 = proof.latency_ms
        document["latency_ms"] = {"p50": round(p50, 3), "p95": round(p95, 3)}
    return document


def threshold_documents(
    now: Mapping[str, tuple[float, float]], before: Mapping[str, tuple[float, float]]
) -> list[Json]:
    """Return the thresholds of classes as they are written everywhere, each with those before."""

    def limits(of: Mapping[str, tuple[float, float]], label: str) -> dict[str, Json]:
        review_at, reject_at = of[label]
        return {"review_at": review_at, "reject_at": reject_at}

    return [{"label": label, **limits(now, label), "previous": limits(before, label)} for label in now]


def frame_documents(result: InspectionResult) -> list[Json]:
    """Return the frames of a part, the first ones where not all fit, with their own outcomes where these may differ."""
    records = result.frames
    documents: list[dict[str, Json]] = [
        {
            "frame_id": frame.frame_id,
            "part_frame": frame.part_frame,
            "captured_at": timestamp(frame.captured_at),
            "captured_at_source": frame.captured_at_source,
            "source": shorten(frame.source, LONGEST_NAME),
        }
        for frame in records
    ]
    if len(records) == 1 and records[0].outcome == result.outcome:
        return list(documents)
    for document, frame in zip(documents, records, strict=True):
        document["outcome"] = outcome_name(frame.outcome)
        if isinstance(frame.outcome, NoVerdict):
            document["cause"] = frame.outcome.cause.value
    return strongest(documents, _MOST_FRAMES_BYTES)


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


def evicted_documents(counts: Mapping[Evicted, int]) -> list[Json]:
    """Return how many samples of each kind were given up, the most frequent kinds first."""
    return [
        {
            "label": None if kind.label is None else shorten(kind.label, LONGEST_NAME),
            "reason": kind.reason.value,
            "cause": kind.cause.value,
            "count": count,
        }
        for kind, count in sorted(counts.items(), key=lambda item: -item[1])
    ]


def strongest(entries: Sequence[Json], room: int) -> list[Json]:
    """Return the first entries that fit into `room` bytes inside a JSON list."""
    kept: list[Json] = []
    for entry in entries:
        room -= len(as_json(entry)) + len(",")
        if room < 0:
            break
        kept.append(entry)
    return kept


def fitting(added: Mapping[str, Json]) -> dict[str, Json]:
    """Return the first fields that fit where another room adds what it likes; of the first list that does not, a part.

    Raises:
        ValueError: If it cannot be written as JSON.
        TypeError: Likewise.
    """
    kept: dict[str, Json] = {}
    room = _MOST_ADDED_BYTES
    for name, value in added.items():
        taken = len(as_json({name: value}))
        if taken > room:
            if isinstance(value, list):
                kept[name] = strongest(value, room - len(as_json({name: []})))
            break
        kept[name] = value
        room -= taken
    return kept


def told(text: str | None) -> str | None:
    """Return what the line told of a part as it is written everywhere."""
    return None if text is None else shorten(text, LONGEST_NAME)


def web_document(place: WebPlace) -> dict[str, Json]:
    """Return where a frame lies on the web as it is written everywhere."""
    first, end = place.mm(place.first_line), place.mm(place.end_line)
    mm = None if first is None or end is None else (first, end)
    stretch = WebStretch(place.roll, (place.first_line, place.end_line), mm, place.uncounted)
    return {**stretch_document(stretch), "ends_roll": place.ends_roll}


def stretch_document(stretch: WebStretch) -> dict[str, Json]:
    """Return a stretch of a web as it is written everywhere: whole lines, and millimeters where they are known."""
    first, end = stretch.lines
    mm = None if stretch.mm is None else [round(each, 2) for each in stretch.mm]
    roll = shorten(stretch.roll, LONGEST_NAME)
    return {"roll": roll, "lines": [round(first), round(end)], "mm": mm, "uncounted": stretch.uncounted}


def model_document(model: ModelIdentity) -> dict[str, Json]:
    """Return a model as it is written everywhere."""
    return {"name": model.name, "version": model.version, "sha256": model.sha256}


def timestamp(moment: datetime) -> str:
    """Return an aware UTC time as it is written everywhere, with milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shorten(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return `text`, cut where its JSON would take more than `longest` bytes."""
    if len(as_json(text)) <= longest + len('""'):
        return text
    kept, room = 0, longest - len("…".encode())
    while (room := room - len(as_json(text[kept])) + len('""')) >= 0:
        kept += 1
    return text[:kept] + "…"


def as_json(document: Json) -> bytes:
    """Return a document as compact UTF-8.

    Raises:
        ValueError: If a number in it is not finite.
        TypeError: If JSON has no word for something in it.
    """
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "replace")
