"""What is told of an inspection, and of a defect that is followed over many frames."""

from collections.abc import Mapping

from edge_inspector.decision import NoVerdict
from edge_inspector.events.documents import (
    LONGEST_NAME,
    Json,
    frame_documents,
    model_document,
    shorten,
    stretch_document,
    timestamp,
    told,
    web_document,
)
from edge_inspector.events.kinds import TrackedDefect
from edge_inspector.inspection import InspectionResult


def result_data(
    result: InspectionResult, place: Mapping[str, Json], *, lot: str | None, product: str | None
) -> dict[str, Json]:
    """Return the `data` of a result, without what is cut to the room of a message.

    Args:
        result: What came of a part or a frame.
        place: Where that was.
        lot: The batch of which a frame says nothing.
        product: What the line was set up for where a frame does not say.
    """
    first = result.frames[0]
    data: dict[str, Json] = {
        "inspection_id": result.inspection_id,
        **place,
        "part_id": None if result.part_id is None else shorten(result.part_id, LONGEST_NAME),
        "lot": told(first.lot) or lot,
        "product": told(first.product) or product,
        "captured_at": timestamp(first.captured_at),
        "frames": frame_documents(result),
        "frames_total": len(result.frames),
        "image_wh": None if first.image_wh is None else list(first.image_wh),
        "outcome": result.outcome_name,
        "model": model_document(result.model),
        "latency_ms": {stage: round(value, 3) for stage, value in result.latency_ms.items()},
        "dropped_before": dict(result.dropped_before),
        "sample_key": result.sample_key,
        "detections_total": len(result.detections),
    }
    if first.web is not None:
        data["web"] = web_document(first.web)
    if isinstance(result.outcome, NoVerdict):
        outcome = result.outcome
        data["no_verdict"] = {
            "cause": outcome.cause.value,
            "problem": shorten(outcome.problem),
            "treated_as": outcome.treated_as.value,
        }
    return data


def track_data(tracked: TrackedDefect) -> dict[str, Json]:
    """Return what the `data` of a defect that is followed says instead of, and beside, that of its frame."""
    track = tracked.change.track
    data: dict[str, Json] = {
        "outcome": track.verdict.value,
        "phase": tracked.change.phase.value,
        "track_id": tracked.track_id,
        "track": {
            "label": track.label,
            "confidence": round(track.confidence, 4),
            "xyxy": [round(side, 2) for side in track.xyxy],
            "first_seen_at": timestamp(track.first_seen_at),
            "last_seen_at": timestamp(track.last_seen_at),
            "frames": track.frames,
        },
    }
    if track.web is not None and track.across_px is not None:
        across: Json = [round(side, 2) for side in track.across_px]
        data["web"] = {**stretch_document(track.web), "across_px": across, "goes_on": track.goes_on}
    return data
