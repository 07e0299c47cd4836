"""The report of a batch as JSON.

schema            edge-inspector/labeling-report/1
batch, number     name of the batch, and number of its claim; null where it came to none
opened_at, closed_at, duration_s
failure           what ended it before its time, as {"error", "cause"}; else null
settings          all of them
taken             images; the sum of labeled, quarantined, unusable, given_up, not_stored, unlabeled, unverified, failed
accepted, adjusted, rejected    verdicts of labels that are stored, and rejections in all rounds
boxes, no_defect  of the labels that are stored: boxes, and labels without one
not_stored        images whose label was accepted and did not come into the store: round-N/accepted.jsonl has it
boxes_cut         that people drew beyond their image by little
boxes_by_class, quarantined_by_reason, unusable_by_reason, rejected_by_reason    {"what": how many}
refused           {"image hash": why the store did not take its label}, 50 at most
pre_labels        {"images", "boxes": [model's, labels'], "matched", "precision", "recall", ..., "least_iou"} over
                  labeled images that a model had looked at; {"cut", "dropped", "images_without"} of all
rounds            [{"round", "label": {...}, "verify": {...}}]: what became of the items of each, and odd lines
people            [{"name", "labeled", "seconds", "accepted", "adjusted", "rejected", "verified"}]
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final

from cloud_side.labeling.tally import End, Tally

SCHEMA: Final = "edge-inspector/labeling-report/1"
_MOST_REFUSED: Final = 50


@dataclass(frozen=True)
class Batch:
    """What a report is about, beside its tally.

    Attributes:
        name: Of the batch.
        number: Of its claim.
        settings: As JSON.
        failure: What ended it before its time.
        gathered: Counts of the preparation.
        pre_labels: How the model's boxes compare with the labels.
        rounds: Counts of each round.
        refused: Why the store did not take a label, by hash of the image.
    """

    name: str
    number: int | None
    settings: Mapping[str, Any]
    failure: Mapping[str, str] | None
    gathered: Mapping[str, int] = field(default_factory=dict)
    pre_labels: Mapping[str, Any] = field(default_factory=dict)
    rounds: Sequence[Mapping[str, Any]] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


def failure_of(error: object) -> dict[str, str] | None:
    """Return what ended an execution, as Step Functions' error output tells it; None for none."""
    if not error:
        return None
    if not isinstance(error, Mapping):
        return {"error": "unknown", "cause": str(error)}
    return {"error": str(error.get("Error", "unknown")), "cause": str(error.get("Cause", ""))}


def report_of(batch: Batch, tally: Tally) -> dict[str, Any]:
    """Return the report, without its times."""
    return {
        "schema": SCHEMA,
        "batch": batch.name,
        "number": batch.number,
        "failure": batch.failure,
        "settings": dict(batch.settings),
        "taken": len(tally.ends),
        **{end.value: tally.count(end) for end in End},
        "accepted": tally.verdicts["accepted"],
        "adjusted": tally.verdicts["adjusted"],
        "rejected": tally.rejected.total(),
        "boxes": tally.classes.total(),
        "no_defect": tally.no_defect,
        "boxes_cut": tally.cut,
        "boxes_by_class": _ordered(tally.classes),
        "quarantined_by_reason": _ordered(tally.quarantined),
        "unusable_by_reason": _ordered(tally.unusable),
        "rejected_by_reason": _ordered(tally.rejected),
        "refused": dict(islice(sorted(batch.refused.items()), _MOST_REFUSED)),
        "pre_labels": {
            **batch.pre_labels,
            "cut": batch.gathered.get("boxes_cut", 0),
            "dropped": batch.gathered.get("boxes_dropped", 0),
            "images_without": batch.gathered.get("without_pre_labels", 0),
        },
        "rounds": [dict(each) for each in batch.rounds],
        "people": [{"name": name, **asdict(person)} for name, person in sorted(tally.people.items())],
    }


def timed(report: Mapping[str, Any], *, opened_at: datetime | None, closed_at: datetime) -> dict[str, Any]:
    """Return a report with its times; both aware."""
    duration_s = None if opened_at is None else round((closed_at - opened_at).total_seconds(), 1)
    return {
        **report,
        "opened_at": None if opened_at is None else opened_at.isoformat(),
        "closed_at": closed_at.isoformat(),
        "duration_s": duration_s,
    }


def _ordered(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))
