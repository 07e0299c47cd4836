"""The manifests of a labeling job: the lines that go in, and the augmented lines that come out."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from cloud_side.local.jobs.places import Address, PlanError

LONGEST_LINE, _MOST_LINES = 100_000, 100_000
_EXPIRED = "ClientError: The task expired before anybody answered it"


class ManifestError(Exception):
    """A manifest that no job can work with; the message names the line."""


def read_manifest(lines: Iterable[bytes]) -> Iterator[str]:
    """Yield the lines of an input manifest, each as JSON in one line; blank ones are passed over.

    Raises:
        ManifestError: If a line is no JSON object with a `source-ref` in S3, or is too long, or there are none or
            too many.

    Source:
        SageMaker AI Developer Guide, "Input manifest files", and "Input data quotas".
    """
    number = 0
    for place, line in enumerate(lines, 1):
        if not line.strip():
            continue
        number += 1
        if number > _MOST_LINES:
            msg = f"the manifest has more than {_MOST_LINES} lines"
            raise ManifestError(msg)
        yield _checked(line, place)
    if number == 0:
        msg = "the manifest has no lines, expected one for each image"
        raise ManifestError(msg)


def _checked(line: bytes, place: int) -> str:
    if len(line) > LONGEST_LINE:
        msg = f"line {place} of the manifest has {len(line)} bytes, expected {LONGEST_LINE} at most"
        raise ManifestError(msg)
    try:
        content = json.loads(line, parse_constant=_refuse)
        text = json.dumps(content, allow_nan=False)  # 1e999 is read as a number that JSON does not have
    except (ValueError, RecursionError) as error:
        msg = f"line {place} of the manifest is no JSON: {error}"
        raise ManifestError(msg) from error
    source = content.get("source-ref") if isinstance(content, dict) else None
    if not isinstance(source, str):
        msg = f'line {place} of the manifest has no source-ref, expected {{"source-ref": "s3://…", …}}'
        raise ManifestError(msg)
    try:
        Address.parse(source)
    except PlanError as error:
        msg = f"line {place} of the manifest: source-ref {error}"
        raise ManifestError(msg) from error
    return text


def _refuse(constant: str) -> None:
    msg = f"{constant} is no number"
    raise ValueError(msg)


def labeled_line(
    content: Mapping[str, Any],
    attribute: str,
    job: str,
    answer: tuple[Any, Mapping[str, Any], datetime],
) -> str:
    """Return the output line of a task that was answered; a label of that name that came in is replaced.

    Args:
        content: The input line.
        attribute: LabelAttributeName.
        job: Its name.
        answer: Label, metadata, and when it was given.

    Source:
        SageMaker AI Developer Guide, "Labeling job output data".
    """
    label, metadata, answered = answer
    said = {"creation-date": _date(answered), "human-annotated": "yes", **metadata, **_named(job)}
    return json.dumps({**content, attribute: label, f"{attribute}-metadata": said})


def expired_line(content: Mapping[str, Any], attribute: str, job: str, now: datetime) -> str:
    """Return the output line of a task that nobody answered in time: it says so, and has no label."""
    kept = {name: value for name, value in content.items() if name != attribute}
    said = {"creation-date": _date(now), "human-annotated": "no", "failure-reason": _EXPIRED, **_named(job)}
    return json.dumps({**kept, f"{attribute}-metadata": said})


def _named(job: str) -> dict[str, str]:
    return {"job-name": f"labeling-job/{job}"}


def _date(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds")
