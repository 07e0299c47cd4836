"""Documents that several answers share: a result, what was said of it, the state of the station, an alarm."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

from pydantic import BeforeValidator, ConfigDict

from edge_inspector.alarms import Alarm
from edge_inspector.events.documents import timestamp
from edge_inspector.page.desk import Pictures, StationNow
from edge_inspector.page.doors import Document
from edge_inspector.page.index.rows import ResultRow, Said

Moment = Annotated[str, BeforeValidator(timestamp)]


class Mirror(Document):
    """A document whose fields are attributes of one object, by the same names."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def of(cls, found: object) -> Self:
        """Return the document of an object."""
        return cls.model_validate(found)


class ModelDocument(Mirror):
    """Which model."""

    name: str
    version: str
    sha256: str


class BoxDocument(Mirror):
    """A box that a person drew: corners in pixels of the frame as captured."""

    label: str
    xyxy: tuple[float, float, float, float]
    part_frame: int


class SaidDocument(Document):
    """What a person said of a result; `by` whom and `at` what time."""

    disposition: str
    by: str
    at: str
    note: str | None
    boxes: tuple[BoxDocument, ...]

    @classmethod
    def of(cls, said: Said) -> Self:
        """Return the document of what was said."""
        return cls(
            disposition=said.disposition.value,
            by=said.by,
            at=timestamp(said.at),
            note=said.note,
            boxes=tuple(map(BoxDocument.of, said.boxes)),
        )


class ReasonDocument(Mirror):
    """A reason for a verdict: `threshold` is the confidence from which it leads to `verdict`."""

    label: str
    confidence: float
    verdict: str
    threshold: float


class DetectionDocument(Mirror):
    """A detection: corners in pixels of the frame of the part that `part_frame` tells."""

    label: str
    confidence: float
    xyxy: tuple[float, float, float, float]
    part_frame: int


class Item(Document):
    """One part, or one defect of a free-running source; `pictures` are the frames of which there is a picture."""

    inspection_id: str
    captured_at: str
    part_id: str | None
    lot: str | None
    product: str | None
    outcome: str
    cause: str | None
    treated_as: str | None
    reasons: tuple[ReasonDocument, ...]
    detections: tuple[DetectionDocument, ...]
    detections_total: int
    image_wh: tuple[int, int] | None
    frames: int
    pictures: tuple[int, ...]
    track_id: str | None
    phase: str | None
    sample_key: str | None
    model: ModelDocument
    latency_ms: float | None
    is_audit: bool
    disposition: SaidDocument | None

    @classmethod
    def of(cls, row: ResultRow, pictures: Pictures | None) -> Self:
        """Return the document of a result.

        Args:
            row: As the index knows it.
            pictures: Of all results; None where none are kept.
        """
        return cls(
            inspection_id=row.inspection_id,
            captured_at=timestamp(row.captured_at),
            part_id=row.part_id,
            lot=row.lot,
            product=row.product,
            outcome=row.outcome,
            cause=row.cause,
            treated_as=row.treated_as,
            reasons=tuple(map(ReasonDocument.of, row.reasons)),
            detections=tuple(map(DetectionDocument.of, row.boxes)),
            detections_total=row.boxes_total,
            image_wh=row.image_wh,
            frames=row.frames,
            pictures=() if pictures is None else tuple(pictures.frames_of(row.inspection_id)),
            track_id=row.track_id,
            phase=row.phase,
            sample_key=row.sample_key,
            model=ModelDocument.of(row.model),
            latency_ms=row.latency_ms,
            is_audit=row.is_audit,
            disposition=None if row.said is None else SaidDocument.of(row.said),
        )


class AlarmDocument(Document):
    """An alarm that stands."""

    name: str
    severity: str
    text: str
    what_to_do: str
    raised_at: str

    @classmethod
    def all_of(cls, alarms: Sequence[tuple[Alarm, datetime]]) -> tuple[Self, ...]:
        """Return the documents of alarms with the times at which they were raised."""
        return tuple(
            cls(
                name=alarm.name,
                severity=alarm.severity.value,
                text=alarm.text,
                what_to_do=alarm.what_to_do,
                raised_at=timestamp(raised_at),
            )
            for alarm, raised_at in alarms
        )


class NowDocument(Document):
    """What the station says of itself."""

    state: str
    reason: str | None
    since: str | None
    camera: str | None
    camera_reason: str | None
    model: ModelDocument
    product: str | None

    @classmethod
    def of(cls, now: StationNow) -> Self:
        """Return the document of the station; its alarms are documents of their own."""
        return cls(
            state=now.state,
            reason=now.reason,
            since=None if now.since is None else timestamp(now.since),
            camera=now.camera,
            camera_reason=now.camera_reason,
            model=ModelDocument.of(now.model),
            product=now.product,
        )
