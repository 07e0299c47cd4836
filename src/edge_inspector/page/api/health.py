"""Health: what the station says of itself, its figures, its alarms, and how the page itself is."""

from collections.abc import Callable
from typing import Any

from pydantic import Field

from edge_inspector.page.access.roles import Role
from edge_inspector.page.api.documents import AlarmDocument, NowDocument
from edge_inspector.page.desk import Desk
from edge_inspector.page.doors import Asked, Document, Door
from edge_inspector.page.index.index import Index


class PageHealth(Document):
    """How the page is: who follows it, how many results it can look up, and what keeps it from more."""

    viewers: int = Field(description="of the events")
    live_viewers: int
    indexed: int = Field(description="results and defects that it can look up")
    behind: int = Field(description="events that it has still to look at, about")
    index_problem: str | None


class Health(Document):
    """The station; `values` are those of the `stats` message, see docs/schemas/stats.schema.json."""

    now: NowDocument
    values: dict[str, Any]  # the schema above describes it, and /metrics has the same
    alarms: tuple[AlarmDocument, ...]
    page: PageHealth


def doors(desk: Desk, index: Index, *, viewers: Callable[[], int], live_viewers: Callable[[], int]) -> list[Door]:
    """Return the door to the health of the station.

    Args:
        desk: Of the station.
        index: Where results are looked up.
        viewers: Returns how many follow the events.
        live_viewers: Returns how many watch the live view.
    """

    def asked_for(_: Asked) -> Document:
        now, state = desk.now(), index.state()
        return Health(
            now=NowDocument.of(now),
            values=dict(desk.values()),
            alarms=AlarmDocument.all_of(now.alarms),
            page=PageHealth(
                viewers=viewers(),
                live_viewers=live_viewers(),
                indexed=state.indexed,
                behind=state.behind,
                index_problem=state.problem,
            ),
        )

    return [Door("GET", "/api/v1/health", Role.VIEWER, "How the station is", asked_for, answer=Health)]
