"""The output manifest: each item with what people said of it, as Ground Truth would have written it.

It says the same for the same answers, however often and by whomever it is made.

Source:
    https://docs.aws.amazon.com/sagemaker/latest/dg/sms-data-output.html
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any, Final

from cloud_side.catalog.augmented import BOXES_TYPE, VERIFICATION_TYPE, write_boxes
from cloud_side.labeling.items import ADJUSTED, LABEL, VERIFICATION, Item, Verdict
from cloud_side.labeling.places import WorkKind
from cloud_side.labeling.work.answers import Answer
from cloud_side.labeling.work.consolidation import Agreed, consolidate
from cloud_side.labeling.work.orders import Order

UNANSWERED: Final = "nobody answered in time"
_OURS: Final = "edge-inspector"
_REJECT: Final = 1  # as Ground Truth's label categories have it: accept, reject


def answered_line(line: Mapping[str, Any], item: Item, answers: Sequence[Answer], order: Order) -> dict[str, Any]:
    """Return an item's line of the output manifest.

    Args:
        line: Its line of the input manifest; what it holds stays.
        item: The same, read.
        answers: One a person; none where nobody answered.
        order: What was asked.
    """
    attribute = LABEL if order.kind is WorkKind.LABEL else VERIFICATION
    by_name = sorted(answers, key=lambda answer: answer.person)
    unusable = [answer for answer in by_name if answer.unusable is not None]
    if not by_name or 2 * len(unusable) > len(by_name):
        return {**line, f"{attribute}-metadata": _failure(attribute, order, unusable)}
    usable = [answer for answer in by_name if answer.unusable is None]
    said = _labeled(item, usable or by_name, order) if attribute == LABEL else _verified(item, usable or by_name, order)
    return {**line, **said}


def is_answered(line: Mapping[str, Any], order: Order) -> bool:
    """Return whether anybody said anything of the item of a line of the output manifest."""
    attribute = LABEL if order.kind is WorkKind.LABEL else VERIFICATION
    return bool(line[f"{attribute}-metadata"].get("failure-reason") != UNANSWERED)


def _labeled(item: Item, answers: Sequence[Answer], order: Order) -> dict[str, Any]:
    agreed = consolidate([answer.boxes for answer in answers], order.agreement_iou)
    ours = _people(answers) | ({"disputed": agreed.disputed} if agreed.disputed else {})
    return _boxes(LABEL, agreed, item, _about(order, answers, BOXES_TYPE) | {_OURS: ours})


def _verified(item: Item, answers: Sequence[Answer], order: Order) -> dict[str, Any]:
    answer = max(answers, key=lambda each: (each.at, each.person))  # one is asked for: the last word counts
    verdict = answer.verdict or Verdict.ACCEPT
    reason = {} if answer.reason is None else {"reason": answer.reason}
    said: dict[str, Any] = {
        VERIFICATION: _REJECT if verdict is Verdict.REJECT else 1 - _REJECT,
        f"{VERIFICATION}-metadata": {
            "class-name": verdict.value,
            "confidence": 1.0,
            **_about(order, [answer], VERIFICATION_TYPE),
            _OURS: _people([answer]) | reason,
        },
    }
    if verdict is not Verdict.ADJUST:
        return said
    drawn = Agreed(answer.boxes, (1.0,) * len(answer.boxes), 0)
    metadata = _about(order, [answer], BOXES_TYPE) | {_OURS: _people([answer])}
    return said | _boxes(ADJUSTED, drawn, item, metadata)


def _boxes(name: str, agreed: Agreed, item: Item, metadata: Mapping[str, Any]) -> dict[str, Any]:
    label, class_map = write_boxes(agreed.boxes, item.class_names, width=item.width, height=item.height)
    objects = [{"confidence": confidence} for confidence in agreed.confidences]
    return {name: label, f"{name}-metadata": {"objects": objects, "class-map": class_map, **metadata}}


def _failure(attribute: str, order: Order, unusable: Sequence[Answer]) -> dict[str, Any]:
    about = _about(order, unusable, BOXES_TYPE if attribute == LABEL else VERIFICATION_TYPE)
    if not unusable:
        return {"failure-reason": UNANSWERED, **about}
    reason = _most_said([f"{answer.unusable}" for answer in unusable])
    return {"failure-reason": reason, **about, _OURS: {"unusable": reason, **_people(unusable)}}


def _about(order: Order, answers: Sequence[Answer], kind: str) -> dict[str, str]:
    created = max((answer.at for answer in answers), default=order.opened_at)
    return {
        "type": kind,
        "human-annotated": "yes",
        "creation-date": created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f"),
        "job-name": f"labeling-job/{order.batch}.{order.round}.{order.kind.value}",
    }


def _people(answers: Sequence[Answer]) -> dict[str, Any]:
    return {"workers": [answer.person for answer in answers], "seconds": [answer.seconds for answer in answers]}


def _most_said(texts: Sequence[str]) -> str:
    """Return what most say; of several, the first."""
    return Counter(texts).most_common(1)[0][0]
