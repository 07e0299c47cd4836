"""Thresholds: those in force, what others would have made of the last parts, and changing them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field, model_validator

from edge_inspector.decision import Verdict
from edge_inspector.events.documents import timestamp
from edge_inspector.page.access.roles import Role
from edge_inspector.page.api.dispositions import name_of
from edge_inspector.page.api.documents import ModelDocument
from edge_inspector.page.desk import ClassLimits, Desk, Pictures, ThresholdsInForce, Tried
from edge_inspector.page.doors import Asked, Document, Door, Turned

_PATH = "/api/v1/thresholds"
_MOST_CLASSES = 1000
_MOST_PARTS = 10_000
_MOST_CHANGED = 200  # parts that are told one by one
_PRODUCT = Field(None, description="refused where the line is set up for another one; absent: whichever it is")
_Score = Annotated[float, Field(ge=0, le=1)]


class Limits(Document):
    """Scores of one class from which a person looks, and from which the part is rejected."""

    review_at: _Score
    reject_at: _Score

    @model_validator(mode="after")
    def _are_in_order(self) -> "Limits":
        if self.review_at > self.reject_at:
            msg = f"review_at {self.review_at:g} is above reject_at {self.reject_at:g}; expected review_at <= reject_at"
            raise ValueError(msg)
        return self


_Classes = Annotated[dict[str, Limits], Field(min_length=1, max_length=_MOST_CLASSES, description="every class")]


class Thresholds(Document):
    """What decides now, and since when by whose hand.

    `of_model` are those of the model itself; weaker detections than `floor` are not found at all; `parts` so many can
    be tried. `set_by` is null where they are those of the model or of the configuration.
    """

    model: ModelDocument
    product: str | None
    classes: dict[str, Limits]
    of_model: dict[str, Limits]
    floor: float
    set_by: str | None
    set_at: str | None
    parts: int


class PreviewBody(Document):
    """Other thresholds, and on how many of the last parts they are tried."""

    classes: _Classes
    parts: int = Field(_MOST_PARTS, ge=1, le=_MOST_PARTS)


class ChangeBody(Document):
    """Other thresholds, and what they were made for."""

    classes: _Classes
    model_sha256: str
    product: str | None = _PRODUCT


class ResetQuery(Document):
    """Whose thresholds are taken back."""

    product: str | None = _PRODUCT


class Verdicts(Document):
    """Parts by verdict."""

    accept: int
    review: int
    reject: int


class ChangedPart(Document):
    """A part of which other thresholds would have made something else."""

    inspection_id: str
    part_id: str | None
    captured_at: str
    before: Verdict
    after: Verdict
    has_picture: bool


class Preview(Document):
    """What other thresholds would have made of the last `parts` parts; the first ones that change, the newest first."""

    parts: int
    since: str | None
    before: Verdicts
    after: Verdicts
    changed: tuple[ChangedPart, ...]
    changed_total: int


def doors(desk: Desk) -> list[Door]:
    """Return the doors to the thresholds.

    Args:
        desk: Of the station.
    """

    def in_force(_: Asked) -> Document:
        return _in_force(desk)

    def preview(asked: Asked) -> Document:
        body: PreviewBody = asked.body
        return _preview(desk.thresholds.preview(_limits(body.classes), body.parts), desk.pictures)

    def change(asked: Asked) -> Document:
        body: ChangeBody = asked.body
        desk.thresholds.change(
            _limits(body.classes), model_sha256=body.model_sha256, product=body.product, by=name_of(asked.visitor)
        )
        return _in_force(desk)

    def reset(asked: Asked) -> Document:
        desk.thresholds.reset(product=asked.query.product, by=name_of(asked.visitor))
        return _in_force(desk)

    refused = {409: "no model judges, another one or another product runs, or the classes are others; `text` tells"}
    failed = {503: "they could not be written down; those until now stay in force"}
    return [
        Door("GET", _PATH, Role.VIEWER, "Which thresholds decide now", in_force, answer=Thresholds, errors=refused),
        Door(
            "POST",
            f"{_PATH}/preview",
            Role.ADMIN,
            "Try other thresholds on the last parts; changes nothing",
            preview,
            body=PreviewBody,
            answer=Preview,
            errors=refused,
        ),
        Door(
            "PUT",
            _PATH,
            Role.ADMIN,
            "Let other thresholds decide from the next part on",
            change,
            body=ChangeBody,
            answer=Thresholds,
            errors=refused | failed,
        ),
        Door(
            "DELETE",
            _PATH,
            Role.ADMIN,
            "Let the configured thresholds, or those of the model, decide again",
            reset,
            query=ResetQuery,
            answer=Thresholds,
            errors=refused | failed,
        ),
    ]


def _in_force(desk: Desk) -> Thresholds:
    now: ThresholdsInForce | None = desk.thresholds.in_force()
    if now is None:
        raise Turned(409, "no_model", "no model judges: frames are gathered for the first one")
    return Thresholds(
        model=ModelDocument.of(now.model),
        product=now.product,
        classes=_documents(now.classes),
        of_model=_documents(now.of_model),
        floor=now.floor,
        set_by=now.set_by,
        set_at=None if now.set_at is None else timestamp(now.set_at),
        parts=now.parts,
    )


def _preview(tried: Sequence[Tried], pictures: Pictures | None) -> Preview:
    changed = [part for part in tried if part.before != part.after]

    def has_picture(part: Tried) -> bool:
        return pictures is not None and bool(pictures.frames_of(part.inspection_id))

    return Preview(
        parts=len(tried),
        since=timestamp(min(part.captured_at for part in tried)) if tried else None,
        before=_verdicts([part.before for part in tried]),
        after=_verdicts([part.after for part in tried]),
        changed=tuple(
            ChangedPart(
                inspection_id=part.inspection_id,
                part_id=part.part_id,
                captured_at=timestamp(part.captured_at),
                before=part.before,
                after=part.after,
                has_picture=has_picture(part),
            )
            for part in changed[:_MOST_CHANGED]
        ),
        changed_total=len(changed),
    )


def _verdicts(of: Sequence[Verdict]) -> Verdicts:
    count = Counter(of)
    return Verdicts(accept=count[Verdict.ACCEPT], review=count[Verdict.REVIEW], reject=count[Verdict.REJECT])


def _limits(documents: Mapping[str, Limits]) -> dict[str, ClassLimits]:
    return {label: ClassLimits(limits.review_at, limits.reject_at) for label, limits in documents.items()}


def _documents(limits: Mapping[str, ClassLimits]) -> dict[str, Limits]:
    return {label: Limits(review_at=each.review_at, reject_at=each.reject_at) for label, each in limits.items()}
