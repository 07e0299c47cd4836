"""Reads what people said in a batch, for the statistics of their agreement."""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from cloud_side.labeling.items import Item, read_items
from cloud_side.labeling.places import SETTINGS, WorkKind, batch_key, batch_prefix, input_key
from cloud_side.labeling.work.agreement import Answered, agreement
from cloud_side.labeling.work.answers import Answer, read_answer
from cloud_side.objects import Bucket

_ANSWER: Final = re.compile(r"round-(?P<round>\d+)/(?P<kind>label|verify)/answers/(?P<item>[^/]+)/[^/]+")
_READERS: Final = 16
_MOST_KEPT: Final = 4  # batches
_DEFAULT_IOU: Final = 0.5


class _About(NamedTuple):
    round: int
    kind: WorkKind
    item: str


@dataclass(slots=True)
class _Batch:
    """What was read of a batch.

    Attributes:
        answers: By key, with the ETag; None for what nobody can read.
        told: What came of them.
    """

    answers: dict[str, tuple[str, Answer | None]] = field(default_factory=dict)
    told: dict[str, Any] | None = None


class Agreeing:
    """Tells how far people agree; an answer that is not new is not read again. For all threads."""

    def __init__(self, bucket: Bucket) -> None:
        """Take the bucket."""
        self._bucket = bucket
        self._lock = threading.Lock()
        self._batches: dict[str, _Batch] = {}

    def of_batch(self, batch: str) -> dict[str, Any]:
        """Return the statistics of a batch, as JSON; of an unknown one they are empty."""
        found = {each.key: each.etag for each in self._bucket.listed(batch_prefix(batch)) if _about(batch, each.key)}
        with self._lock:
            kept = self._batches.pop(batch, None) or _Batch()
            self._batches[batch] = kept  # the last one is the latest used
            while len(self._batches) > _MOST_KEPT:
                self._batches.pop(next(iter(self._batches)))
            if kept.told is None or found != {key: etag for key, (etag, _) in kept.answers.items()}:
                self._read(kept, found)
                kept.told = {"batch": batch, **agreement(self._answered(batch, kept), self._iou(batch))}
            return kept.told

    def _read(self, kept: _Batch, found: Mapping[str, str]) -> None:
        new = [key for key, etag in found.items() if kept.answers.get(key, ("",))[0] != etag]
        with ThreadPoolExecutor(_READERS, "answers") as readers:
            read = dict(zip(new, readers.map(self._answer, new), strict=True))
        kept.answers = {key: (etag, read[key]) if key in read else kept.answers[key] for key, etag in found.items()}

    def _answered(self, batch: str, kept: _Batch) -> Iterator[Answered]:
        answers: dict[_About, list[Answer]] = {}
        for key, (_, answer) in kept.answers.items():
            about = _about(batch, key)
            if answer is not None and about is not None:
                answers.setdefault(about, []).append(answer)
        for number in sorted({about.round for about in answers}):
            for item in self._items(batch, number):
                labels, verdicts = (answers.get(_About(number, kind, item.sha256), []) for kind in WorkKind)
                if labels:
                    yield Answered(item, labels, verdicts, is_first=number == 1)

    def _items(self, batch: str, number: int) -> Iterator[Item]:
        kept = self._bucket.read(input_key(batch, number, WorkKind.LABEL))
        return iter(()) if kept is None else read_items(kept.content.splitlines())

    def _answer(self, key: str) -> Answer | None:
        kept = self._bucket.read(key)
        return None if kept is None else read_answer(kept.content)

    def _iou(self, batch: str) -> float:
        kept = self._bucket.read(batch_key(batch, SETTINGS))
        try:
            return _DEFAULT_IOU if kept is None else float(json.loads(kept.content)["agreement_iou"])
        except (KeyError, TypeError, ValueError):
            return _DEFAULT_IOU


def _about(batch: str, key: str) -> _About | None:
    found = _ANSWER.fullmatch(key.removeprefix(batch_prefix(batch)))
    return None if found is None else _About(int(found["round"]), WorkKind(found["kind"]), found["item"])
