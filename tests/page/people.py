"""Settings with people of every role, and one password for all of them."""

from functools import cache
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.responses import Response

from edge_inspector.page.access.attempts import Attempts
from edge_inspector.page.access.entrance import Entrance
from edge_inspector.page.access.passwords import hash_password
from edge_inspector.page.access.roles import Role
from edge_inspector.page.access.sessions import Sessions
from edge_inspector.page.api import session
from edge_inspector.page.application import application
from edge_inspector.page.doors import Asked, Door
from edge_inspector.settings import PageSettings
from edge_inspector.topics import TopicTree

PASSWORD = "correct horse"


@cache
def hashed(password: str = PASSWORD) -> str:
    return str(hash_password(password))


def user(role: str, password: str | None = PASSWORD) -> dict[str, str | None]:
    return {"role": role, "password": None if password is None else hashed(password)}


def people(**more: Any) -> PageSettings:
    """Return settings with a viewer Vera, an operator Otto and an admin Ada."""
    users = {"vera": user("viewer"), "otto": user("operator"), "ada": user("admin")}
    return PageSettings.model_validate({"users": users, **more})


def nobody(**more: Any) -> PageSettings:
    return PageSettings.model_validate(more)


def entrance_of(settings: PageSettings, home: Path | None = None, attempts: Attempts | None = None) -> Entrance:
    sessions = Sessions(settings.users, hours=settings.session_hours, home=home)
    return Entrance(settings, sessions, Attempts() if attempts is None else attempts)


def passed(asked: Asked) -> Response:
    """Answer with who has passed."""
    return Response(f"{asked.visitor.user}", 200)


DOORS = (
    Door("GET", "/see", Role.VIEWER, "Look", passed),
    Door("PUT", "/judge", Role.OPERATOR, "Judge", passed),
    Door("PUT", "/change", Role.ADMIN, "Change", passed),
)


def app_of(entrance: Entrance, *more: Door) -> Starlette:
    station = TopicTree("edge-inspector", "site", "line", "station", "camera")
    return application((*session.doors(entrance, station, is_triggered=True), *DOORS, *more), entrance.guard)
