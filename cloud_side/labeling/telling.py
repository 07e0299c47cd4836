"""What a person reads of the batches: lines for a terminal."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_COUNTED: Final = (
    "taken",
    "labeled",
    "rejected",
    "quarantined",
    "unusable",
    "given_up",
    "unlabeled",
    "unverified",
    "failed",
)


def lines_of(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines that tell of what `batches.status` found."""
    yield from _orders(found["orders"])
    for agreement in found["agreement"]:
        yield from _agreement(agreement)
    yield from _batches(found["batches"])


def _orders(orders: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not orders:
        yield "nothing is to be labeled or verified now"
    for each in orders:
        task = f"{each['batch']}, round {each['round']}: {each['kind']}"
        held = f", {each['waiting']} under way" if each["waiting"] else ""
        yield f"{task}  {each['answered']} of {each['items']} images{held}; until {each['closes_at']}"


def _agreement(found: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        *(("people", " and ".join(pair["people"]), _matched(pair)) for pair in found["pairs"]),
        *(("model", f"{each['model']} and {each['person']}", _matched(each)) for each in found["models"]),
        *(("verified", each["person"], _verdicts(each)) for each in found["labelers"]),
    ]
    if rows:
        yield ""
        yield f"agreement in {found['batch']}, boxes that overlap by {found['agreement_iou']:g} and more:"
    for what, who, how in rows:
        yield f"  {what:8}  {who}: {how}"


def _matched(each: Mapping[str, Any]) -> str:
    both = f"{each['matched']} boxes in common of {each['boxes'][0]} and {each['boxes'][1]}"
    overlap = "" if each["mean_iou"] is None else f", mean overlap {each['mean_iou']:.2f}"
    return f"{both} on {each['images']} images{overlap}"


def _verdicts(each: Mapping[str, Any]) -> str:
    rate = "" if each["accept_rate"] is None else f", {each['accept_rate']:.0%} accepted"
    return f"{each['accepted']} accepted, {each['adjusted']} adjusted, {each['rejected']} rejected{rate}"


def _batches(batches: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if batches:
        yield ""
        yield "batches, the latest first:"
    for each in batches:
        how = "ended" if each["status"] is None else each["status"].lower()
        yield f"  {each['batch']}  {how}, started {each['started']}{_report(each['report'])}"


def _report(report: Mapping[str, Any] | None) -> str:
    if report is None:
        return ""
    counts = ((name.replace("_", " "), report.get(name)) for name in _COUNTED)
    told = "".join(f", {name} {count}" for name, count in counts if count)
    failure = report.get("failure")
    return told if not failure else f"{told}; failed: {failure.get('error')}: {_words(str(failure.get('cause')))}"


def _words(cause: str) -> str:
    """Return what a failed function said, or the beginning of what else was said."""
    try:
        said = json.loads(cause)["errorMessage"]
    except (ValueError, KeyError, TypeError):
        said = cause
    return f"{' '.join(str(said).split()):.300}"
