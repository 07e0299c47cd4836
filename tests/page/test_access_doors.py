"""Every door of the page, and every role before it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from edge_inspector.page.access.roles import Role
from edge_inspector.page.api import session
from edge_inspector.page.application import application
from edge_inspector.page.doors import Door, Nothing
from edge_inspector.page.page import OperatorPage
from edge_inspector.topics import TopicTree
from tests.page.asking import Answer, Browser
from tests.page.people import PASSWORD, entrance_of, nobody, passed, people
from tests.page.stations import PageStation

ROLES = {Role.NOTHING: None, Role.VIEWER: "vera", Role.OPERATOR: "otto", Role.ADMIN: "ada"}


@pytest.fixture
def page(station: PageStation, tmp_path: Path) -> OperatorPage:
    """Return a page that is not served."""
    return OperatorPage(station.desk, tmp_path)


@pytest.fixture
def all_doors(page: OperatorPage) -> Sequence[Door]:
    """Return every door that there is."""
    return page.doors


@pytest.fixture
def whole_app(page: OperatorPage) -> Starlette:
    """Return the application as a station serves it."""
    app = page._server._app
    assert isinstance(app, Starlette)
    return app


def test_every_route_is_a_door_with_a_declared_role(all_doors: Sequence[Door], whole_app: Starlette) -> None:
    assert len(whole_app.routes) == len(all_doors)
    for route in whole_app.routes:
        assert isinstance(route, Route), f"{route} is served without a door"
        methods = (route.methods or set()) - {"HEAD"}
        doors = [door for door in all_doors if door.path == route.path and {door.method} == methods]
        assert len(doors) == 1, f"{route.path} {methods} is served without a door of its own"
        assert isinstance(doors[0].role, Role)


def test_what_everybody_may_ask_is_signing_in_and_what_a_browser_loads_first(all_doors: Sequence[Door]) -> None:
    open_to_all = {(door.method, door.path) for door in all_doors if door.role is Role.NOTHING}
    assert open_to_all <= {
        ("GET", "/api/v1/session"),
        ("POST", "/api/v1/session"),
        ("DELETE", "/api/v1/session"),
        ("GET", "/api/v1/openapi.json"),
        ("GET", "/"),
        ("GET", "/favicon.svg"),
        ("GET", "/static/{name:path}"),
    }


def test_whoever_only_looks_changes_nothing(all_doors: Sequence[Door]) -> None:
    for door in all_doors:
        if door.method != "GET" and door.path != session.PATH:
            assert door.role >= Role.OPERATOR, f"{door.method} {door.path}"


def ask(browser: Browser, door: Door, **headers: str) -> Answer:
    path = door.path.replace("{", "").replace(":path}", "").replace("}", "")
    return browser.ask(door.method, path, headers=headers)


@pytest.mark.parametrize("role", ROLES)
def test_each_door_lets_in_its_role_and_those_above_and_nobody_else(all_doors: Sequence[Door], role: Role) -> None:
    entrance = entrance_of(people())
    # The doors as they are, but behind them nothing happens.
    harmless = [replace(door, handler=passed, query=Nothing, body=Nothing) for door in all_doors]
    signing_in = session.doors(entrance, TopicTree("a", "b", "c", "d", "e"), is_triggered=True)[1]
    browser = Browser(application([signing_in, *_without(harmless, signing_in)], entrance.guard))
    if (user := ROLES[role]) is not None:
        assert browser.sign_in(user, PASSWORD).status == 200
    for door in _without(harmless, signing_in):
        place = f"{door.method} {door.path} as {role.label}"
        answer = ask(browser, door)
        is_change = door.method != "GET"
        if role < door.role or (is_change and user is None):
            assert (answer.status, answer.code) == ((401, "sign_in") if user is None else (403, "not_allowed")), place
        else:
            assert answer.status == 200, place
        if is_change and user is not None:
            assert ask(browser, door, x_csrf_token="guessed").status == 403, f"{place} with another token"
        if is_change:
            assert ask(browser, door, origin="http://evil.example").status == 403, f"{place} from another site"
        assert ask(browser, door, host="evil.example").status == 421, f"{place} under another name"


def test_where_nobody_is_configured_no_door_lets_anybody_change_anything(all_doors: Sequence[Door]) -> None:
    harmless = [replace(door, handler=passed, query=Nothing, body=Nothing) for door in all_doors]
    browser = Browser(application(harmless, entrance_of(nobody()).guard))
    for door in harmless:
        if door.method != "GET" and door.needs_csrf:
            assert ask(browser, door).status == 403, f"{door.method} {door.path}"


def _without(doors: Sequence[Door], door: Door) -> list[Door]:
    return [other for other in doors if (other.method, other.path) != (door.method, door.path)]
