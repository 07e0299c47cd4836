"""The person at the line, who sees every part, and tells the operator page where the model was wrong."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from cloud_side.loop.people import Browser, expect
from edge_inspector.simulation import Tag

_RESULTS: Final = "/api/v1/results"
_PAGE: Final = 200
Truth = Callable[[str], Tag | None]


class Operator:
    """Judges the results of one station."""

    def __init__(self, page: str, user: str, password: str) -> None:
        """Sign in.

        Args:
            page: Address of the operator page.
            user: Of the person.
            password: Likewise.

        Raises:
            LoopError: If the page does not let the person in.
        """
        self._browser = Browser(page)
        path = "/api/v1/session"
        session = expect(*self._browser.ask("POST", path, {"user": user, "password": password}), 200)
        self._browser.headers["X-CSRF-Token"] = session["csrf"]
        self._last: str | None = None
        self.said: Counter[str] = Counter()

    def judge(self, truth: Truth) -> None:
        """Look at the results since the last look, and say of which of them the model was wrong.

        Args:
            truth: What is on the part of an inspection; None where that is not known yet.

        Raises:
            LoopError: If the page does not take what is said.
        """
        for item in reversed(self._new()):
            tag = truth(item["inspection_id"])
            if tag is None:
                return
            self._last = item["inspection_id"]
            if (word := word_on(item, tag)) is not None and item["disposition"] is None:
                path = f"{_RESULTS}/{item['inspection_id']}/disposition"
                status, answer = self._browser.ask("PUT", path, word)
                # The picture of an accepted part may go from memory between two requests: then nobody can draw on it.
                if status != 422 or item["outcome"] != "accept":
                    expect(status, answer, 200)
                    self.said[word["disposition"]] += 1

    def _new(self) -> list[dict[str, Any]]:
        """Return the results since the last look, the newest first."""
        found: list[dict[str, Any]] = []
        query = f"?limit={_PAGE}"
        while True:
            page = expect(*self._browser.ask("GET", f"{_RESULTS}{query}"), 200)
            for item in page["results"]:
                if item["inspection_id"] == self._last:
                    return found
                found.append(item)
            if page["next"] is None or self._last is None:
                return found
            query = f"?limit={_PAGE}&before={page['next']}"


def word_on(item: dict[str, Any], tag: Tag) -> dict[str, Any] | None:
    """Return what the person says of a result; None where the model was right, or there is nothing to judge by."""
    if item["outcome"] == "accept" and tag.defects and item["pictures"]:
        boxes = [{"label": each.label, "xyxy": list(each.xyxy), "part_frame": 0} for each in tag.defects]
        return {"disposition": "missed_defect", "boxes": boxes}
    if item["outcome"] == "reject" and not tag.defects:
        return {"disposition": "false_reject"}
    return None
