"""The steps after people: what they drew goes to others who verify it, and what these accepted are labels."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from cloud_side.catalog.label_rows import row_of
from cloud_side.catalog.labels import LabelError, json_lines, strict_json
from cloud_side.clients import open_bucket
from cloud_side.labeling.items import Item, read_items, write_items
from cloud_side.labeling.output_manifest import (
    Answer,
    Drawn,
    Output,
    Verified,
    read_label,
    read_output,
    read_verification,
)
from cloud_side.labeling.places import WorkKind, accepted_key, collected_key, input_key, outcomes_key
from cloud_side.labeling.settings import LabelingSettings, parse_settings
from cloud_side.labeling.verdicts import Fate, Outcome, label_of, of_label, of_verification, once_more, to_verify
from cloud_side.objects import Bucket, parse_address

_ACCEPTED = frozenset({Fate.ACCEPTED, Fate.ADJUSTED})
_FATES = {
    WorkKind.LABEL: (Fate.LABELED, Fate.UNLABELED, Fate.UNUSABLE, Fate.AGAIN),
    WorkKind.VERIFY: (Fate.ACCEPTED, Fate.ADJUSTED, Fate.REJECTED, Fate.UNVERIFIED, Fate.UNUSABLE),
}


def labels(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Read what people drew, and write what is to be verified.

    Args:
        event: `bucket`, `batch`, `round`, `settings`, and `output`: address of the output manifest.
        context: Of the function.

    Returns:
        How many were `labeled`, `unlabeled`, `unusable`, and how many go round `again`; and how many items the `next`
        round has, if it follows at once because nothing was labeled.
    """
    bucket, batch, number = open_bucket(event["bucket"]), event["batch"], event["round"]
    settings = parse_settings(event["settings"])
    items = _items(bucket, input_key(batch, number, WorkKind.LABEL))
    output, _ = _read(event["output"], items, read_label)
    outcomes = [of_label(item, output.of(item)) for item in items.values()]
    drawn = ((item, answer) for item in items.values() if isinstance(answer := output.of(item), Drawn))
    verify = (to_verify(item, answer, second_person=settings.second_person) for item, answer in drawn)
    bucket.write_lines(input_key(batch, number, WorkKind.VERIFY), write_items(verify))
    counts = _kept(bucket, batch, number, WorkKind.LABEL, outcomes=outcomes, output=output)
    if counts["labeled"]:
        return {**counts, "next": 0}  # the verdicts say
    again = _again(items.values(), {}, {each.sha256: each for each in outcomes}, {})
    return {**counts, "next": _follow(bucket, batch, number, settings, again)}


def verdicts(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Read what who verified said; accepted ones are labels, rejected ones are the next round's.

    Args:
        event: As for `labels`.
        context: Of the function.

    Returns:
        How many were `accepted`, with `adjusted` ones among them, `rejected`, `unverified`, `unusable`; and how many
        items the `next` round has, with those whose answer was of no use; none after the last one.
    """
    bucket, batch, number = open_bucket(event["bucket"]), event["batch"], event["round"]
    items = _items(bucket, input_key(batch, number, WorkKind.VERIFY))
    output, written = _read(event["output"], items, read_verification)
    labeled = {each.sha256: each for each in read_outcomes(bucket, batch, number, WorkKind.LABEL)}
    outcomes = {item.sha256: of_verification(item, output.of(item)) for item in items.values()}
    accepted = (
        row_of(label_of(item, labeled[item.sha256].people, answer, job=batch, otherwise=written))
        for item in items.values()
        if outcomes[item.sha256].fate in _ACCEPTED and isinstance(answer := output.of(item), Verified)
    )
    bucket.write_lines(accepted_key(batch, number), json_lines(accepted))
    first = read_items(bucket.lines(input_key(batch, number, WorkKind.LABEL)))
    again = _again(first, items, labeled, outcomes)
    following = _follow(bucket, batch, number, parse_settings(event["settings"]), again)
    counts = _kept(bucket, batch, number, WorkKind.VERIFY, outcomes=outcomes.values(), output=output)
    return {**counts, "accepted": counts["accepted"] + counts["adjusted"], "next": following}


def read_outcomes(bucket: Bucket, batch: str, number: int, kind: WorkKind) -> Iterator[Outcome]:
    """Yield what became of the items of one round's work; nothing where it was not done."""
    for line in bucket.lines(outcomes_key(batch, number, kind)):
        yield Outcome.parse(json.loads(line))


def _items(bucket: Bucket, key: str) -> dict[str, Item]:
    return {item.source_ref: item for item in read_items(bucket.lines(key))}


def _again(
    first: Iterable[Item], verified: Mapping[str, Item], labeled: Mapping[str, Outcome], outcomes: Mapping[str, Outcome]
) -> Iterator[Item]:
    """Yield the items of the next round, in the order of this one."""
    for item in first:
        of_drawing, of_verdict = labeled[item.sha256], outcomes.get(item.sha256)
        if of_drawing.fate is Fate.AGAIN:
            yield once_more(item, f"The answer was of no use: {of_drawing.reason}", None)
        elif of_verdict is not None and of_verdict.fate is Fate.REJECTED:
            yield once_more(item, str(of_verdict.reason), verified[item.source_ref].proposal)


def _follow(bucket: Bucket, batch: str, number: int, settings: LabelingSettings, again: Iterable[Item]) -> int:
    """Write the items of the next round, and return how many they are; none after the last one."""
    if number >= settings.rounds:
        return 0
    return bucket.write_lines(input_key(batch, number + 1, WorkKind.LABEL), write_items(again))


def _read(
    uri: str, asked: Mapping[str, Item], read: Callable[[Mapping[str, Any], Item], Answer]
) -> tuple[Output, datetime]:
    """Return an output manifest, and when it was written; it may be in another bucket."""
    name, key = parse_address(uri)
    bucket = open_bucket(name)
    written = bucket.written_at(key)
    if written is None:
        msg = f"expected an output manifest, found nothing at {uri}"
        raise LabelError(msg)
    return read_output(bucket.lines(key), asked, read), written


def _kept(  # noqa: PLR0913 - where it is kept, and what
    bucket: Bucket, batch: str, number: int, kind: WorkKind, *, outcomes: Iterable[Outcome], output: Output
) -> dict[str, int]:
    """Write what became of the items, and return how many had which fate."""
    found: Counter[str] = Counter()
    rows = []
    for outcome in outcomes:
        found[outcome.fate] += 1
        found["cut"] += outcome.cut
        rows.append(outcome.document())
    bucket.write_lines(outcomes_key(batch, number, kind), json_lines(rows))
    counts = {fate.value: found[fate] for fate in _FATES[kind]}
    told = strict_json({**counts, "cut": found["cut"], **output.counts()})
    bucket.write(collected_key(batch, number, kind), f"{told}\n".encode())
    return counts
