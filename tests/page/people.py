"""People of every role: in settings, with one password for all of them, and at a page, by HTTP."""

import json
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

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
from tests.mosquitto import HOST, PATIENCE_S

PASSWORD = "correct horse"


@cache
def hashed(password: str = PASSWORD) -> str:
    return str(hash_password(password))


def user(role: str) -> dict[str, str]:
    return {"role": role, "password": hashed()}


def people(**more: Any) -> PageSettings:
    """Return settings with a viewer Vera, an operator Otto and an admin Ada."""
    users = {"vera": user("viewer"), "otto": user("operator"), "ada": user("admin")}
    return PageSettings.model_validate({"port": 0, "users": users, **more})


def page_of(port: int) -> dict[str, Any]:
    """Return the section `page` of a station that these people use."""
    return people(port=port).model_dump(mode="json", exclude_none=True)


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


@dataclass(slots=True)
class Person:
    """Asks a page by HTTP, as whoever has signed in."""

    port: int
    cookie: str | None = None
    csrf: str | None = None

    def sign_in(self, user: str, password: str = PASSWORD) -> Self:
        response, content = self.ask("POST", "/session", {"user": user, "password": password})
        assert response.status == 200, content
        self.cookie = str(response.headers["Set-Cookie"]).partition(";")[0]
        self.csrf = json.loads(content)["csrf"]
        return self

    def get(self, path: str, **query: object) -> tuple[int, dict[str, Any]]:
        """Return status and document of an answer; the values of a query may be lists."""
        return self._document("GET", f"{path}?{urlencode(query, doseq=True)}" if query else path)

    def put(self, path: str, body: object) -> tuple[int, dict[str, Any]]:
        return self._document("PUT", path, body)

    def post(self, path: str, body: object) -> tuple[int, dict[str, Any]]:
        return self._document("POST", path, body)

    def delete(self, path: str) -> tuple[int, dict[str, Any]]:
        return self._document("DELETE", path)

    def ask(self, method: str, path: str, body: object = None) -> tuple[HTTPResponse, bytes]:
        """Return an answer and its content."""
        headers = {} if self.cookie is None else {"Cookie": self.cookie}
        headers |= {} if self.csrf is None else {"X-CSRF-Token": self.csrf}
        headers |= {} if body is None else {"Content-Type": "application/json"}
        connection = HTTPConnection(HOST, self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, f"/api/v1{path}", None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    def _document(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        response, content = self.ask(method, path, body)
        document: dict[str, Any] = json.loads(content)
        return response.status, document


def answers(port: int) -> bool:
    with suppress(OSError):
        return Person(port).ask("GET", "/session")[0].status == 200
    return False
