"""The application: the table of doors as Starlette sees it, with what holds for every request and every answer."""

import logging
from collections.abc import Sequence
from functools import partial
from typing import Final, cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Match, Route

from edge_inspector.errors import InspectorError, RefusedError
from edge_inspector.page.access.admitted import WhileAdmitted
from edge_inspector.page.access.guard import Guard
from edge_inspector.page.access.headers import SecurityHeaders
from edge_inspector.page.access.roles import Visitor
from edge_inspector.page.doors import Asked, Document, Door, Handler, Problem, Streamer, Turned
from edge_inspector.page.parsing import Parser

_log = logging.getLogger(__name__)
_LONGEST_TEXT: Final = 1000
_CUT: Final = "…"


def application(doors: Sequence[Door], guard: Guard) -> Starlette:
    """Return the application of these doors.

    Args:
        doors: Everything that can be asked.
        guard: Says who asks, and whether they may.

    Raises:
        ValueError: If two doors are one.
    """
    places = [(door.method, door.path) for door in doors]
    if twice := [place for place in places if places.count(place) > 1]:
        msg = f"{' '.join(twice[0])}: expected one door, found {places.count(twice[0])}"
        raise ValueError(msg)
    app = Starlette(
        routes=[_route(door, guard) for door in doors],
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers={HTTPException: _turn_away_unknown},
    )
    app.router.redirect_slashes = False  # it would send browsers where their Host header says
    return app


def answer_of(document: Document, status: int = 200) -> Response:
    """Return a document as an answer that nobody keeps."""
    return Response(
        document.model_dump_json(by_alias=True),
        status,
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def _route(door: Door, guard: Guard) -> Route:
    route = Route(door.path, _Endpoint(door, guard).answer, methods=[door.method])
    if door.is_stream and route.methods is not None:
        route.methods.discard("HEAD")  # which would never end
    return route


class _Endpoint:
    """Answers at one door; an error of ours is an answer too, and one line in the log."""

    def __init__(self, door: Door, guard: Guard) -> None:
        self._door, self._guard = door, guard
        self._parser = Parser(door)
        self._has_failed = False

    async def answer(self, request: Request) -> Response:
        try:
            return await self._answer(request)
        except Turned as turned:
            return _problem(turned.status, turned.code, f"{turned}", turned.headers)
        except RefusedError as error:
            return self._own_words(409, "refused", error)
        except InspectorError as error:
            return self._own_words(503, "failed", error)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody will read it
        except Exception as error:  # noqa: BLE001 - boundary: what one door does wrong ends one answer
            self._tell(error)
            return _problem(500, "internal", f"{self._place} failed; the log of the station says more")

    async def _answer(self, request: Request) -> Response:
        door = self._door
        visitor = self._guard.admit(request, door)
        path = {name: f"{value}" for name, value in request.path_params.items()}
        query, body = self._parser.query(request), await self._parser.body(request)
        asked = Asked(visitor, path, query, body, request)
        if not door.is_stream:
            return await run_in_threadpool(self._handle, asked)
        response = await cast("Streamer", door.handler)(asked)
        if isinstance(response, StreamingResponse):
            response.body_iterator = WhileAdmitted(response.body_iterator, partial(self._may_go_on, request, visitor))
        return response

    def _handle(self, asked: Asked) -> Response:
        answer = cast("Handler", self._door.handler)(asked)
        return answer_of(answer, self._door.status) if isinstance(answer, Document) else answer

    def _may_go_on(self, request: Request, visitor: Visitor) -> bool:
        now = self._guard.visitor(request)
        return now.role >= self._door.role and now.user == visitor.user

    @property
    def _place(self) -> str:
        return f"{self._door.method} {self._door.path}"

    def _own_words(self, status: int, code: str, error: InspectorError) -> Response:
        """Tell what the station refuses, or could not do, in its own words."""
        _log.warning("page: %s: %s", self._place, _in_one_line(_shortened(f"{error}")))
        return _problem(status, code, f"{error}")

    def _tell(self, error: Exception) -> None:
        """Log where a failure comes from the first time, and after that only that it has come again."""
        trace = None if self._has_failed else error
        self._has_failed = True
        _log.error("page: %s failed: %r", self._place, error, exc_info=trace)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + _CUT


def _in_one_line(text: str) -> str:
    """Return text that cannot pass for other lines of a log, whatever it quotes."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def _problem(status: int, code: str, text: str, headers: dict[str, str] | None = None) -> Response:
    words = Problem.Words(code=code, text=_shortened(text).encode("utf-8", "replace").decode())
    response = answer_of(Problem(error=words), status)
    response.headers.update(headers or {})
    return response


async def _turn_away_unknown(request: Request, error: Exception) -> Response:
    refused = cast("HTTPException", error)
    allowed = _methods_at(request) if refused.status_code == 405 else []
    expected = f"expected {' or '.join(allowed)}" if allowed else "expected what /api/v1/openapi.json lists"
    headers = {"Allow": ", ".join(allowed)} if allowed else {}
    return _problem(
        refused.status_code,
        "no_such_method" if allowed else "unknown",
        f"{request.method} {request.scope['path']!r:.200}: {expected}",
        headers,
    )


def _methods_at(request: Request) -> list[str]:
    """Return what can be done at a path, over all of its doors."""
    routes = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in routes if isinstance(route, Route) for method in route.methods or ()})
