"""What people said, read from an output manifest: one parser for our labeling page and for Ground Truth.

Of each line only what was added is read; the item is the one that was asked for, not what came back of it. A line that
nobody can use loses its own image alone.

Source:
    https://docs.aws.amazon.com/sagemaker/latest/dg/sms-data-output.html, "Bounding box job output" and "Label
    verification job output".
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from cloud_side.catalog.labels import Box, LabelError, parse_json
from cloud_side.labeling.fitting import fit, read_raw
from cloud_side.labeling.items import ADJUSTED, LABEL, VERIFICATION, Item, Verdict

_OURS: Final = "edge-inspector"
_CODES: Final = {"0": Verdict.ACCEPT, "1": Verdict.REJECT}  # the order of the categories of a verification job


@dataclass(frozen=True, slots=True)
class People:
    """Who said it.

    Attributes:
        names: As our page knows them; none of Ground Truth's workers.
        seconds: That it took each of them, as far as it was told.
        at: When, aware UTC; None where it does not say.
    """

    names: tuple[str, ...] = ()
    seconds: tuple[float, ...] = ()
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """Boxes of an image; none: no defect.

    Attributes:
        cut: Boxes that went beyond the image by little.
    """

    boxes: tuple[Box, ...]
    cut: int
    people: People


@dataclass(frozen=True, slots=True)
class Verified:
    """What was said of the boxes of an image.

    Attributes:
        reason: None where nobody gave one.
        drawn: The corrected boxes, of an adjustment alone.
    """

    verdict: Verdict
    reason: str | None
    drawn: Drawn | None
    people: People


@dataclass(frozen=True, slots=True)
class Unusable:
    """People say that nobody can label this image."""

    reason: str
    people: People


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Nobody said anything, or the line is not there."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What was said can be used by nobody."""

    reason: str


Answer: TypeAlias = Drawn | Verified | Unusable | Unanswered | Unreadable
_NOT_THERE: Final = Unanswered("the output manifest has no line of it")


@dataclass
class Output:
    """An output manifest.

    Attributes:
        answers: By source-ref, of items that were asked for.
        broken: Lines that are no JSON object with a source-ref.
        duplicates: Lines of an image that had one already; the first counts.
        strangers: Lines of images that nobody asked for.
    """

    answers: dict[str, Answer] = field(default_factory=dict)
    broken: int = 0
    duplicates: int = 0
    strangers: int = 0

    def of(self, item: Item) -> Answer:
        """Return what was said of an item."""
        return self.answers.get(item.source_ref, _NOT_THERE)

    def counts(self) -> dict[str, int]:
        """Return what was odd."""
        return {"broken": self.broken, "duplicates": self.duplicates, "strangers": self.strangers}


def read_output(
    lines: Iterable[bytes], asked: Mapping[str, Item], read: Callable[[Mapping[str, Any], Item], Answer]
) -> Output:
    """Read an output manifest.

    Args:
        lines: Of it.
        asked: The items of its input manifest, by source-ref.
        read: `read_label` or `read_verification`.
    """
    output = Output()
    for line in lines:
        try:
            document = parse_json(line)
            source = str(document["source-ref"])
        except (ValueError, KeyError, TypeError, RecursionError):
            output.broken += 1
            continue
        if source not in asked:
            output.strangers += 1
        elif source in output.answers:
            output.duplicates += 1
        else:
            output.answers[source] = read(document, asked[source])
    return output


def read_label(document: Mapping[str, Any], item: Item) -> Answer:
    """Return what a line of a labeling job says."""
    try:
        metadata = _metadata(document, LABEL)
        if (without := _without_answer(document, LABEL, metadata)) is not None:
            return without
        return _drawn(document[LABEL], metadata, item)
    except LabelError as error:
        return Unreadable(str(error))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return Unreadable(f"expected {LABEL!r} with its metadata, found {document.get(LABEL)!r:.200}: {error!r}")


def read_verification(document: Mapping[str, Any], item: Item) -> Answer:
    """Return what a line of a verification job says."""
    try:
        metadata = _metadata(document, VERIFICATION)
        if (without := _without_answer(document, VERIFICATION, metadata)) is not None:
            return without
        verdict = _verdict(document, metadata)
        drawn = None
        if verdict is Verdict.ADJUST:
            drawn = _drawn(document[ADJUSTED], _metadata(document, ADJUSTED), item)
        return Verified(verdict, _reason(metadata), drawn, _people(metadata))
    except LabelError as error:
        return Unreadable(str(error))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        found = f"{document.get(VERIFICATION)!r:.80}"
        return Unreadable(f"expected {VERIFICATION!r} 0 or 1 with its metadata, found {found}: {error!r}")


def _metadata(document: Mapping[str, Any], attribute: str) -> Mapping[str, Any]:
    found = document.get(f"{attribute}-metadata", {})
    if not isinstance(found, Mapping):
        msg = f"{attribute}-metadata: expected an object, found {found!r:.80}"
        raise LabelError(msg)
    return found


def _without_answer(
    document: Mapping[str, Any], attribute: str, metadata: Mapping[str, Any]
) -> Unusable | Unanswered | None:
    """Return why a line has no answer; None where it has one."""
    unusable = _ours(metadata).get("unusable")
    if unusable:
        return Unusable(str(unusable), _people(metadata))
    if attribute in document:
        return None
    return Unanswered(str(metadata.get("failure-reason") or f"the line has no {attribute!r}"))


def _verdict(document: Mapping[str, Any], metadata: Mapping[str, Any]) -> Verdict:
    """Return what the number says and the name does not deny; our page's adjustment has the number of acceptance."""
    value = document[VERIFICATION]
    coded = _CODES.get(str(value).strip()) if isinstance(value, str | int) and not isinstance(value, bool) else None
    named = str(metadata.get("class-name") or coded).lower()
    if coded is None or named not in set(Verdict) or (named == Verdict.REJECT) != (coded is Verdict.REJECT):
        found = f"{value!r:.40} of class {metadata.get('class-name')!r:.40}"
        msg = f"{VERIFICATION}: expected 0 for accept or adjust, or 1 for reject, found {found}"
        raise LabelError(msg)
    return Verdict(named)


def _drawn(label: Mapping[str, Any], metadata: Mapping[str, Any], item: Item) -> Drawn:
    size: Mapping[str, Any] = next(iter(label.get("image_size", ())), {})
    found = (size.get("width", item.width), size.get("height", item.height))
    if found != (item.width, item.height):
        msg = f"expected boxes on {item.width} x {item.height} pixels, found {found[0]} x {found[1]}"
        raise LabelError(msg)
    annotations = label["annotations"]
    class_map = metadata["class-map"] if annotations else {}
    raws = [read_raw(annotation, class_map) for annotation in annotations]
    if unknown := sorted({raw.label for raw in raws} - set(item.class_names)):
        msg = f"expected classes among {', '.join(item.class_names)}, found {', '.join(unknown)}"
        raise LabelError(msg)
    boxes = tuple(fit(raw, item.width, item.height) for raw in raws)
    return Drawn(boxes, sum(raw.overhang(item.width, item.height) > 0 for raw in raws), _people(metadata))


def _people(metadata: Mapping[str, Any]) -> People:
    ours = _ours(metadata)
    names = tuple(str(name) for name in ours.get("workers", ()))
    seconds = tuple(float(each) for each in ours.get("seconds", ()))
    return People(names, seconds if all(map(math.isfinite, seconds)) else (), _instant(metadata.get("creation-date")))


def _reason(metadata: Mapping[str, Any]) -> str | None:
    """Return what was said of the boxes: on our page, or as comments of Ground Truth's workers."""
    if reason := _ours(metadata).get("reason"):
        return str(reason)
    feedback = metadata.get("worker-feedback", ())
    comments = [str(each["comment"]) for each in feedback if isinstance(each, Mapping) and each.get("comment")]
    return "; ".join(comments) or None


def _ours(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    found = metadata.get(_OURS, {})
    return found if isinstance(found, Mapping) else {}


def _instant(text: object) -> datetime | None:
    """Return when it was, of a date with or without fractions and zone; without one it is UTC."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
