"""The API: what the page's scripts ask for, and what a scripted labeler may ask for just as well."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cloud_side.labeling.items import Item
from cloud_side.labeling.page.documents import item_document, order_document
from cloud_side.labeling.page.guard import Turned
from cloud_side.labeling.places import WorkKind
from cloud_side.labeling.work.agreeing import Agreeing
from cloud_side.labeling.work.desk import ClosedError, Desk
from cloud_side.labeling.work.orders import Order, is_batch, told
from cloud_side.objects import Bucket, parse_address

_ORDER: Final = "/api/orders/{batch}/{round}/{kind}"
_ITEM: Final = f"{_ORDER}/items/{{item}}"
_IMAGE_S: Final = 600
_BEGINNINGS: Final = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may be answered.

    Attributes:
        person: Who asks.
        path: What the path's placeholders stand for.
        body: JSON; None where there is none.
        request: The rest of it.
    """

    person: str
    path: Mapping[str, str]
    body: Any
    request: Request


Handler: TypeAlias = Callable[[Asked], Response]


class Api:
    """Answers of the API; on any thread."""

    def __init__(self, desk: Desk, wake: Callable[[], object]) -> None:
        """Take the desk.

        Args:
            desk: Does it.
            wake: Told when an order may be complete.
        """
        self._desk, self._wake = desk, wake
        self._agreeing = Agreeing(desk.bucket)

    def doors(self) -> tuple[tuple[str, str, Handler], ...]:
        """Return what can be asked: methods and paths, with what answers."""
        return (
            ("GET", "/api/me", self.me),
            ("GET", "/api/orders", self.orders),
            ("POST", f"{_ORDER}/next", self.next),
            ("GET", _ITEM, self.item),
            ("GET", f"{_ITEM}/image", self.image),
            ("POST", f"{_ITEM}/lease", self.lease),
            ("DELETE", f"{_ITEM}/lease", self.release),
            ("PUT", f"{_ITEM}/answer", self.answer),
            ("GET", "/api/batches/{batch}/agreement", self.agreement),
        )

    def me(self, asked: Asked) -> Response:
        """Say who asks."""
        return _json({"name": asked.person})

    def orders(self, asked: Asked) -> Response:
        """Say what there is to do."""
        return _json([order_document(order, progress) for order, progress in self._desk.listed(asked.person)])

    def next(self, asked: Asked) -> Response:
        """Give the next item; nothing where there is none for this person now."""
        order = self._order(asked)
        body = asked.body if isinstance(asked.body, Mapping) else {}
        after = body.get("after")
        if after is not None and not isinstance(after, str):
            raise Turned(422, f"after: expected an item, found {after!r:.100}")
        found = self._desk.next(order, asked.person, after)
        if found is None:
            return Response(status_code=204)
        item, until = found
        progress = self._desk.progress(order, asked.person)
        return _json(item_document(order, item, answer=None, held_until=until, progress=progress))

    def item(self, asked: Asked) -> Response:
        """Say what is known of an item, with this person's answer."""
        order, item = self._item(asked)
        desk, person = self._desk, asked.person
        answer, held_until = desk.answer_of(order, item, person), desk.held_until(order, item, person)
        progress = desk.progress(order, person)
        return _json(item_document(order, item, answer=answer, held_until=held_until, progress=progress))

    def image(self, asked: Asked) -> Response:
        """Give the picture of an item; another person's browser does not get it from a cache in between."""
        _, item = self._item(asked)
        headers = {"ETag": f'"{item.sha256}"', "Cache-Control": f"private, max-age={_IMAGE_S}", "Vary": "Cookie"}
        if asked.request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        name, key = parse_address(item.source_ref)
        kept = Bucket(self._desk.bucket.s3, name).read(key)
        if kept is None:
            raise Turned(404, f"{item.source_ref}: the picture is not there any more")
        if sha256(kept.content).hexdigest() != item.sha256:
            raise Turned(404, f"{item.source_ref}: another picture is there now than was taken into the batch")
        media = next((media for begin, media in _BEGINNINGS.items() if kept.content.startswith(begin)), None)
        return Response(kept.content, media_type=media or "application/octet-stream", headers=headers)

    def lease(self, asked: Asked) -> Response:
        """Let a person go on holding an item."""
        return _json({"lease_until": told(self._desk.lease(*self._item(asked), asked.person))})

    def release(self, asked: Asked) -> Response:
        """Let others have an item."""
        self._desk.release(*self._item(asked), asked.person)
        return Response(status_code=204)

    def answer(self, asked: Asked) -> Response:
        """Take an answer."""
        order, item = self._item(asked)
        ledger = self._desk.put(order, item, asked.person, asked.body)
        if ledger.is_complete():
            self._wake()
        return _json(self._desk.progress(order, asked.person).document())

    def agreement(self, asked: Asked) -> Response:
        """Say how far people agree, with each other and with the model."""
        batch = asked.path["batch"]
        if not is_batch(batch):
            raise Turned(404, f"{batch!r:.100}: expected the name of a batch")
        return _json(self._agreeing.of_batch(batch))

    def _order(self, asked: Asked) -> Order:
        number, kind = asked.path["round"], asked.path["kind"]
        is_order = number.isascii() and number.isdigit() and len(number) < 4 and kind in list(WorkKind)
        if not is_order:
            raise ClosedError
        return self._desk.order(asked.path["batch"], int(number), WorkKind(kind))

    def _item(self, asked: Asked) -> tuple[Order, Item]:
        order = self._order(asked)
        return order, self._desk.item(order, asked.path["item"])


def _json(document: object) -> Response:
    return JSONResponse(document, headers={"Cache-Control": "no-store"})
