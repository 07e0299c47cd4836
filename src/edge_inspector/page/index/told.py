"""What events tell that the index wants to know, parsed."""

import json
import logging
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from edge_inspector.dispositions import Disposition
from edge_inspector.events import EventKind
from edge_inspector.inspection import ModelIdentity
from edge_inspector.journal import Entry
from edge_inspector.page.index.schema import OUTCOMES, Kind
from edge_inspector.quality.heat_map import cell_of
from edge_inspector.sampling import draw

_log = logging.getLogger(__name__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_CELL_BYTES = 2

Box: TypeAlias = tuple[str, float, float, float, float, float, int]  # label, confidence, xyxy, part_frame
ReasonTold: TypeAlias = tuple[str, float, str, float]  # label, confidence, verdict, threshold


@dataclass(frozen=True, slots=True)
class ToldResult:
    """A part, a frame of a free-running source, or one change of a defect that is followed.

    Attributes:
        seq: Number of the event.
        key: Its track id, or else its inspection id.
        kind: What it is.
        captured_ms: Milliseconds since 1970, as every `_ms` that is a time.
        outcome: Index in OUTCOMES.
        marks: Cells of the boxes that count, by class; see `cells_of`.
        rest: As in `ResultRow`.
    """

    seq: int
    key: str
    inspection_id: str
    kind: Kind
    captured_ms: int
    part_id: str | None
    lot: str | None
    product: str | None
    outcome: int
    cause: str | None
    treated_as: str | None
    model: ModelIdentity
    frames: int
    image_wh: tuple[int, int] | None
    boxes_total: int
    phase: str | None
    sample_key: str | None
    latency_ms: float | None
    is_audit: bool
    reasons: Sequence[ReasonTold]
    boxes: Sequence[Box]
    marks: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class ToldDisposition:
    """What a person said.

    Attributes:
        seq: Number of the event.
        key: Of the result.
        at_ms: When.
        disposition: What.
        by, note: Who, and more words.
        boxes: As JSON lists of label, xyxy and part_frame.
        sample_key: Of the sample that it made of the result.
    """

    seq: int
    key: str
    at_ms: int
    disposition: Disposition
    by: str
    note: str | None
    boxes: Sequence[tuple[str, float, float, float, float, int]]
    sample_key: str | None


Told: TypeAlias = ToldResult | ToldDisposition


def told(entry: Entry, *, random_share: float) -> Told | None:
    """Return what an entry of the journal tells, or None where that is nothing for the index.

    Args:
        entry: Any.
        random_share: Share of the accepted parts that is audited.
    """
    _, _, kind = entry.message.id.partition("/")
    kind, _, change = kind.partition("/")
    is_track = kind == EventKind.DEFECT_DETECTED and bool(change)
    if not is_track and kind not in {EventKind.INSPECTION_COMPLETED, EventKind.DISPOSITION_RECORDED}:
        return None
    try:
        event = json.loads(entry.message.payload)
        if kind == EventKind.DISPOSITION_RECORDED:
            return _disposition(entry.seq, event)
        return _track(entry.seq, event["data"]) if is_track else _result(entry.seq, event["data"], random_share)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        _log.warning("page: event %s is not in the index: %s: %s", entry.message.id, type(error).__name__, error)
        return None


def cells_of(boxes: Sequence[tuple[float, float, float, float]], image_wh: tuple[int, int] | None) -> bytes:
    """Return the cells of boxes on the heat map, two bytes each, the lower one first."""
    if image_wh is None:
        return b""
    return b"".join(cell_of(box, image_wh).to_bytes(_CELL_BYTES, "little") for box in boxes)


def cells_in(cells: bytes) -> tuple[int, ...]:
    """Return the cells again."""
    return struct.unpack(f"<{len(cells) // _CELL_BYTES}H", cells)


def milliseconds(moment: datetime) -> int:
    """Return an aware time as milliseconds since 1970."""
    return (moment - _EPOCH) // _MILLISECOND


def moment_of(milliseconds: int) -> datetime:
    """Return it again, aware UTC."""
    return _EPOCH + milliseconds * _MILLISECOND


def _result(seq: int, data: Any, random_share: float) -> ToldResult:  # noqa: ANN401 - JSON
    outcome, failure = OUTCOMES.index(data["outcome"]), data.get("no_verdict") or {}
    is_part, is_accepted = data["part_id"] is not None, outcome == 0
    is_listed = is_part or is_accepted or bool(failure)
    reasons = _reasons(data)
    boxes = _boxes(data)
    image_wh = _image_wh(data)
    marks: dict[str, bytes] = {}
    if is_listed and not is_accepted:
        counting = {(label, confidence) for label, confidence, *_ in reasons}
        for label in dict.fromkeys(label for label, *_ in reasons):
            of_label = [box[2:6] for box in boxes if box[0] == label and box[:2] in counting]
            marks[label] = cells_of(of_label, image_wh)
    inspection_id = str(data["inspection_id"])
    return ToldResult(
        seq=seq,
        key=inspection_id,
        inspection_id=inspection_id,
        kind=Kind.LISTED if is_listed else Kind.UNLISTED,
        outcome=outcome,
        cause=failure.get("cause"),
        treated_as=failure.get("treated_as"),
        phase=None,
        is_audit=is_accepted and data["sample_key"] is not None and draw(inspection_id) < random_share,
        reasons=reasons,
        boxes=boxes,
        image_wh=image_wh,
        marks=marks,
        **_shared(data),
    )


def _track(seq: int, data: Any) -> ToldResult:  # noqa: ANN401 - JSON
    """Return a change of a defect: of all that its frame shows, only what is of its class speaks against it."""
    track = data["track"]
    label, (x1, y1, x2, y2) = str(track["label"]), map(float, track["xyxy"])
    image_wh = _image_wh(data)
    return ToldResult(
        seq=seq,
        key=str(data["track_id"]),
        inspection_id=str(data["inspection_id"]),
        kind=Kind.TRACK,
        outcome=OUTCOMES.index(data["outcome"]),
        cause=None,
        treated_as=None,
        phase=str(data["phase"]),
        is_audit=False,
        reasons=[reason for reason in _reasons(data) if reason[0] == label],
        boxes=_boxes(data) or [(label, float(track["confidence"]), x1, y1, x2, y2, 0)],
        image_wh=image_wh,
        marks={label: cells_of([(x1, y1, x2, y2)], image_wh)},
        **_shared(data),
    )


def _disposition(seq: int, event: Any) -> ToldDisposition:  # noqa: ANN401 - JSON
    data = event["data"]
    return ToldDisposition(
        seq=seq,
        key=str(data["track_id"] or data["inspection_id"]),
        at_ms=milliseconds(datetime.fromisoformat(event["time"])),
        disposition=Disposition(data["disposition"]),
        by=str(data["by"]),
        note=data["note"],
        boxes=[(box["label"], *map(float, box["xyxy"]), int(box["part_frame"])) for box in data["boxes"]],
        sample_key=data["sample_key"],
    )


def _shared(data: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    model = data["model"]
    return {
        "captured_ms": milliseconds(datetime.fromisoformat(data["captured_at"])),
        "part_id": data["part_id"],
        "lot": data["lot"],
        "product": data["product"],
        "model": ModelIdentity(str(model["name"]), str(model["version"]), str(model["sha256"])),
        "frames": int(data["frames_total"]),
        "boxes_total": int(data["detections_total"]),
        "sample_key": data["sample_key"],
        "latency_ms": data["latency_ms"].get("total"),
    }


def _reasons(data: Any) -> list[ReasonTold]:  # noqa: ANN401 - JSON
    return [(each["label"], each["confidence"], each["verdict"], each["threshold"]) for each in data["reasons"]]


def _boxes(data: Any) -> list[Box]:  # noqa: ANN401 - JSON
    return [
        (each["label"], each["confidence"], *each["xyxy"], each.get("part_frame", 0)) for each in data["detections"]
    ]


def _image_wh(data: Any) -> tuple[int, int] | None:  # noqa: ANN401 - JSON
    found = data["image_wh"]
    return None if found is None else (int(found[0]), int(found[1]))
