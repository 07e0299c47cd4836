"""Where a batch keeps what it works on: keys in the product's bucket. The one module that spells them."""

from enum import StrEnum
from typing import Final

# One empty object a write of a sidecar that no look has seen yet: {samples prefix}/{partition}/{its name}.{sequencer}
ARRIVALS: Final = "catalog/arrivals/"
OPEN_WORK: Final = "labeling/open/"  # one object a work order that people can work on
BATCHES: Final = "labeling/batches/"

# Names of objects of a batch, for `batch_key`.
SETTINGS: Final = "settings.json"
PARTITIONS: Final = "partitions.jsonl"
QUERY: Final = "query/"  # what Athena answered, below it
TAKEN: Final = "taken.jsonl"
QUARANTINE: Final = "quarantine.jsonl"
GATHERED: Final = "gathered.json"
REPORT: Final = "report.json"
REPORT_PAGE: Final = "report.html"


class WorkKind(StrEnum):
    """What people do with the items of a work order."""

    LABEL = "label"
    VERIFY = "verify"


def batch_prefix(batch: str) -> str:
    """Return the prefix of everything of a batch."""
    return f"{BATCHES}{batch}/"


def batch_key(batch: str, name: str) -> str:
    """Return the key of something of a batch: `partitions.jsonl`, `items.jsonl`, `report.json` and so on."""
    return f"{batch_prefix(batch)}{name}"


def prepared_prefix(batch: str) -> str:
    """Return the prefix of what the children of the preparation wrote, an object a child."""
    return batch_key(batch, "prepared/")


def stored_prefix(batch: str) -> str:
    """Return the prefix of the receipts of stored labels, an object a child."""
    return batch_key(batch, "stored/")


def work_prefix(batch: str, number: int, kind: WorkKind) -> str:
    """Return the prefix of the work of one round: `input.manifest`, `output.manifest`, `leases/`, `answers/`."""
    return batch_key(batch, f"round-{number}/{kind.value}/")


def input_key(batch: str, number: int, kind: WorkKind) -> str:
    """Return the key of the input manifest of one round's work."""
    return f"{work_prefix(batch, number, kind)}input.manifest"


def output_key(batch: str, number: int, kind: WorkKind) -> str:
    """Return the key of the output manifest that our page writes."""
    return f"{work_prefix(batch, number, kind)}output.manifest"


def outcomes_key(batch: str, number: int, kind: WorkKind) -> str:
    """Return the key of what became of each item of one round's work, a row a line."""
    return f"{work_prefix(batch, number, kind)}outcomes.jsonl"


def collected_key(batch: str, number: int, kind: WorkKind) -> str:
    """Return the key of the counts of one round's work."""
    return f"{work_prefix(batch, number, kind)}collected.json"


def accepted_key(batch: str, number: int) -> str:
    """Return the key of the labels that one round accepted, a row a line."""
    return batch_key(batch, f"round-{number}/accepted.jsonl")


def order_key(batch: str, number: int, kind: WorkKind) -> str:
    """Return the key of an open work order."""
    return f"{OPEN_WORK}{batch}.{number}.{kind.value}.json"
