"""A laptop on which people label: the page, served from a local cloud, and work for them."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import boto3
import cv2
import numpy as np

from cloud_side.catalog.labels import Box, Origin
from cloud_side.labeling.items import Item
from cloud_side.labeling.places import OPEN_WORK, WorkKind, work_prefix
from cloud_side.labeling.work.leases import Lease
from cloud_side.objects import Bucket
from tests.cloud.labeling.orders import BUCKET, cloud, put_order, served

CLASSES = ("scratch", "dent", "stain", *(f"kind {number}" for number in range(4, 13)))
IMAGE_WH = (600, 400)


def picture(number: int, *, is_grainy: bool = False) -> bytes:
    """Return an image of its own: a gray plate with a scratch; one that is grainy has many bytes."""
    width, height = IMAGE_WH
    image = np.full((height, width), 90 + number % 100, np.uint8)
    if is_grainy:
        image += np.random.default_rng(number).integers(0, 60, image.shape, np.uint8)
    cv2.line(image, (120, 80 + number), (300, 160), 220, 2)
    return cv2.imencode(".png", image)[1].tobytes()


@dataclass
class Laptop:
    """Serves the page.

    Attributes:
        session: Of the cloud.
        links: Secret link of each person.
    """

    session: boto3.Session
    links: dict[str, str]
    _items: dict[str, list[Item]] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def serving(cls, folder: Path) -> Iterator[Self]:
        """Serve it until the end of the block."""
        with cloud(folder / "engine") as session, served(session, folder) as page:
            yield cls(session, page.links)

    @property
    def bucket(self) -> Bucket:
        """The bucket."""
        return Bucket(self.session.client("s3"), BUCKET)

    def open_order(
        self,
        batch: str,
        proposals: Sequence[Sequence[tuple[Box, float | None]]],
        *,
        kind: str = "label",
        is_grainy: bool = False,
        **more: Any,
    ) -> str:
        """Open a work order in the place of any other, and return the hash of its page.

        Args:
            batch: Its name.
            proposals: For each image the boxes to start from, with the model's confidence or None.
            kind: Of the work.
            is_grainy: Whether the images have many bytes.
            more: Fields of all items: `note`, `excluded`.
        """
        contents = [picture(number, is_grainy=is_grainy) for number in range(len(proposals))]
        self._items[batch] = [
            replace(self._item(number, content, boxes), **more)
            for number, (content, boxes) in enumerate(zip(contents, proposals, strict=True))
        ]
        for key in list(self.bucket.names(OPEN_WORK)):
            self.bucket.remove(key)
        put_order(self.session, self._items[batch], kind=kind, batch=batch, class_names=CLASSES)
        return f"#/work/{batch}/1/{kind}"

    def said(self, batch: str, number: int, person: str = "ana", *, kind: str = "label") -> dict[str, Any] | None:
        """Return what a person has answered, as it is kept; None where nothing is."""
        item = self.item(batch, number)
        kept = self.bucket.read(f"{work_prefix(batch, 1, WorkKind(kind))}answers/{item}/{person}.json")
        return None if kept is None else json.loads(kept.content)["said"]

    def item(self, batch: str, number: int) -> str:
        """Return the sha256 of an item."""
        return self._items[batch][number].sha256

    def give_away(self, batch: str, number: int, person: str) -> None:
        """Let another person hold an item, as if the lease had run out meanwhile."""
        lease = Lease(person, datetime.now(UTC) + timedelta(minutes=10))
        self.bucket.write(
            f"{work_prefix(batch, 1, WorkKind.LABEL)}leases/{self.item(batch, number)}/0.json", lease.content()
        )

    def _item(self, number: int, content: bytes, boxes: Sequence[tuple[Box, float | None]]) -> Item:
        sha256 = hashlib.sha256(content).hexdigest()
        self.bucket.write(f"samples/{sha256}.png", content, media="image/png")
        return Item(
            f"s3://{BUCKET}/samples/{sha256}.png",
            sha256,
            *IMAGE_WH,
            f"part-{number}",
            CLASSES,
            tuple(box for box, _ in boxes),
            tuple(confidence for _, confidence in boxes),
            Origin(station="press-3", part_id=f"part-{number}", captured_at="2026-03-01T12:00:00Z", model="tags/1.2.0"),
        )
