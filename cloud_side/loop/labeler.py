"""The people at the labeling page: one labels, the other one verifies, and both know the truth, or think so."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from cloud_side.loop.people import Browser, expect

Box: TypeAlias = tuple[float, float, float, float]
Known: TypeAlias = Callable[[Mapping[str, Any]], Sequence[Box]]
PEOPLE: Final = ("ana", "ben")
_LABEL: Final = "label"
_GONE: Final = (204, 404, 410)
_DECIMALS: Final = 2


class Labeler:
    """A person who labels or verifies."""

    def __init__(self, link: str, known: Known) -> None:
        """Sign in by a secret link.

        Args:
            link: As the page printed it.
            known: The boxes of defects on an item, left, top, right, bottom in pixels.

        Raises:
            LoopError: If the page does not let the person in.
        """
        origin, _, rest = link.partition("/?")
        self._browser = Browser(origin)
        self._browser.headers["X-Edge-Inspector"] = "1"
        self._browser.open(f"/?{rest}")
        self._known = known

    def work(self) -> int:
        """Answer all that is there for this person, and return how much that was.

        Raises:
            LoopError: If the page does not take an answer.
        """
        orders = expect(*self._browser.ask("GET", "/api/orders"), 200)
        return sum(map(self._work_on, orders))

    def _work_on(self, order: Mapping[str, Any]) -> int:
        path = f"/api/orders/{order['batch']}/{order['round']}/{order['kind']}"
        done = 0
        while True:
            status, item = self._browser.ask("POST", f"{path}/next", {})
            if expect(status, item, 200, *_GONE) is None or status != 200:
                return done
            told = self._browser.ask("PUT", f"{path}/items/{item['item']}/answer", self._answer(order["kind"], item))
            expect(*told, 200, 409, 410)
            done += told[0] == 200

    def _answer(self, kind: str, item: Mapping[str, Any]) -> dict[str, Any]:
        if kind != _LABEL:
            return {"verdict": "accept"}
        boxes = [drawn(box, item) for box in self._known(item)]
        return {"boxes": boxes, "seconds": 3} if boxes else {"no_defect": True, "seconds": 1}


def drawn(box: Box, item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a box as the page takes it, inside the image of an item."""
    x0, y0 = max(box[0], 0.0), max(box[1], 0.0)
    x1, y1 = min(box[2], item["width"]), min(box[3], item["height"])
    corner = {"x": round(x0, _DECIMALS), "y": round(y0, _DECIMALS)}
    side = {"width": round(x1 - x0 - 0.01, _DECIMALS), "height": round(y1 - y0 - 0.01, _DECIMALS)}
    return {"label": item["class_names"][0], **corner, **side}
