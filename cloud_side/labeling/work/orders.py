"""Work orders: which items of a batch people are asked to label or to verify now, and how."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Self

from cloud_side.catalog.labels import strict_json
from cloud_side.labeling.places import WorkKind, order_key, output_key, work_prefix

_BATCH: Final = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")  # as an execution's name


class OrderError(ValueError):
    """What should be a work order is none; says what was found."""


def instant(text: str) -> datetime:
    """Read an instant in ISO 8601; UTC where it says no zone.

    Raises:
        ValueError: If it is none.
    """
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def told(at: datetime) -> str:
    """Return an instant in ISO 8601, UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def is_batch(name: str) -> bool:
    """Return whether a text can be a batch's name."""
    return _BATCH.fullmatch(name) is not None and name not in {".", ".."}


class Closing(StrEnum):
    """Why an order takes no answers any more."""

    COMPLETE = "complete"  # all are there
    SHUT = "shut"  # its time is up


@dataclass(frozen=True, slots=True)
class Order:
    """A work order.

    Attributes:
        batch: Its batch.
        round: Its round, from 1.
        kind: What people do.
        token: Of the task that waits for it.
        input: Key of the input manifest.
        opened_at, closes_at: Aware UTC; the workflow closes it, not the page.
        workers: Answers that each item needs.
        agreement_iou: Overlap from which two people mean the same box.
        second_person: Who verifies must not have labeled.
        class_names: What is looked for.
        closing: Why no answer is taken any more; None while answers are.
    """

    batch: str
    round: int
    kind: WorkKind
    token: str
    input: str
    opened_at: datetime
    closes_at: datetime
    workers: int
    agreement_iou: float
    second_person: bool
    class_names: tuple[str, ...]
    closing: Closing | None = None

    @property
    def key(self) -> str:
        """Where it is kept."""
        return order_key(self.batch, self.round, self.kind)

    @property
    def prefix(self) -> str:
        """Where the work on it is kept."""
        return work_prefix(self.batch, self.round, self.kind)

    @property
    def output(self) -> str:
        """Key of the output manifest."""
        return output_key(self.batch, self.round, self.kind)

    @property
    def needed(self) -> int:
        """Answers that each item needs: one person verifies."""
        return self.workers if self.kind is WorkKind.LABEL else 1

    def closed(self, closing: Closing) -> Self:
        """Return it as one that takes no answer any more."""
        return replace(self, closing=closing)

    def content(self) -> bytes:
        """Return it as it is kept."""
        document = {
            "batch": self.batch,
            "round": self.round,
            "kind": self.kind.value,
            "token": self.token,
            "input": self.input,
            "opened_at": told(self.opened_at),
            "closes_at": told(self.closes_at),
            "workers": self.workers,
            "agreement_iou": self.agreement_iou,
            "second_person": self.second_person,
            "class_names": list(self.class_names),
            "closing": self.closing,
        }
        return strict_json(document).encode()


def read_order(content: bytes) -> Order:
    """Return the order that an object holds.

    Raises:
        OrderError: If it holds none.
    """
    try:
        return parse_order(json.loads(content))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        msg = f"expected a work order, found {content!r:.200}: {error!r}"
        raise OrderError(msg) from error


def parse_order(document: Mapping[str, Any]) -> Order:
    """Return the order that a document is.

    Raises:
        KeyError, TypeError, ValueError: If it is none.
    """
    names: Sequence[str] = document["class_names"]
    return Order(
        str(document["batch"]),
        int(document["round"]),
        WorkKind(document["kind"]),
        str(document["token"]),
        str(document["input"]),
        instant(document["opened_at"]),
        instant(document["closes_at"]),
        int(document["workers"]),
        float(document["agreement_iou"]),
        bool(document["second_person"]),
        tuple(str(name) for name in names),
        None if (closing := document.get("closing")) is None else Closing(closing),
    )
