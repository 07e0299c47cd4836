"""What the API answers with, as JSON."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

from cloud_side.labeling.items import Item
from cloud_side.labeling.work.answers import Answer
from cloud_side.labeling.work.orders import Order, told
from cloud_side.labeling.work.progress import Progress


def order_document(order: Order, progress: Progress) -> dict[str, Any]:
    """Return an open order as a person sees it in the list."""
    return {
        "batch": order.batch,
        "round": order.round,
        "kind": order.kind.value,
        "workers": order.needed,
        "class_names": list(order.class_names),
        "opened_at": told(order.opened_at),
        "closes_at": told(order.closes_at),
        **progress.document(),
    }


def item_document(
    order: Order, item: Item, *, answer: Answer | None, held_until: datetime | None, progress: Progress
) -> dict[str, Any]:
    """Return an item as a person works on it.

    Args:
        order: What is asked.
        item: The item.
        answer: What this person has said of it before.
        held_until: Until when this person holds it.
        progress: Of the order.
    """
    return {
        "item": item.sha256,
        "image": f"{path_of(order)}/items/{item.sha256}/image",
        "width": item.width,
        "height": item.height,
        "group": item.group,
        "class_names": list(item.class_names),
        "boxes": _proposal(item),
        "note": item.note,
        "origin": item.origin.document(),
        "answer": None if answer is None else answer.said(),
        "lease_until": None if held_until is None else told(held_until),
        "progress": progress.document(),
    }


def path_of(order: Order) -> str:
    """Return the path of an order in the API."""
    return f"/api/orders/{quote(order.batch, safe='')}/{order.round}/{order.kind.value}"


def _proposal(item: Item) -> list[dict[str, Any]]:
    return [
        {**box.document(), "source": "person"}
        if confidence is None
        else {**box.document(), "source": "model", "confidence": confidence}
        for box, confidence in zip(item.proposal, item.confidences, strict=True)
    ]
