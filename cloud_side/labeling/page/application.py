"""The application: the doors of the API and the page's files, with what holds for every request and every answer."""

import json
import logging
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from cloud_side.catalog.labels import LabelError
from cloud_side.labeling.page.api import Api, Asked, Handler
from cloud_side.labeling.page.guard import Guard, Turned
from cloud_side.labeling.page.headers import SecurityHeaders
from cloud_side.labeling.page.links import SecretLinks
from cloud_side.labeling.page.static_files import StaticFiles
from cloud_side.labeling.work.answers import AnswerError
from cloud_side.labeling.work.desk import AbsentError, ClosedError, HeldError, NotYoursError
from cloud_side.labeling.work.orders import OrderError

_log = logging.getLogger(__name__)
_LARGEST_BODY: Final = 256 << 10  # bytes
_ANSWERS: Final[tuple[tuple[tuple[type[Exception], ...], int, str], ...]] = (
    ((ClosedError,), 410, "this work is closed: all is answered, or its time is up"),
    ((AbsentError,), 404, "there is no such image in this work"),
    ((HeldError,), 409, "{}"),
    ((NotYoursError,), 403, "{}"),
    ((AnswerError,), 422, "{}"),
    ((OrderError, LabelError), 503, "this work cannot be read: {}"),
    ((ClientError, BotoCoreError, OSError), 503, "the storage cannot be reached, try again: {}"),
)


def application(api: Api, guard: Guard, links: SecretLinks | None, files: StaticFiles | None = None) -> Starlette:
    """Return the application.

    Args:
        api: Answers.
        guard: Says who asks, and whether they may.
        links: Where people come by secret links.
        files: Of the page; the package's own when None.
    """
    files = files or StaticFiles()

    async def first(request: Request) -> Response:
        guard.check_host(request)
        secret = request.query_params.get("key")
        if links is None or secret is None:
            return files.answer("index.html", request)
        response = RedirectResponse("/", 303)  # so that the secret leaves the address bar
        links.enter(secret, response)
        return response

    async def static(request: Request) -> Response:
        guard.check_host(request)
        return files.answer(request.path_params["name"], request)

    async def health(_: Request) -> Response:
        return JSONResponse({"ok": True})

    app = Starlette(
        routes=[
            Route("/", first),
            Route("/static/{name:path}", static),
            Route("/healthz", health),
            *(Route(path, _endpoint(handler, guard), methods=[method]) for method, path, handler in api.doors()),
        ],
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers={Turned: _turned, HTTPException: _unknown},
    )
    app.router.redirect_slashes = False  # it would send browsers where their Host header says
    return app


def _endpoint(handler: Handler, guard: Guard) -> Any:  # noqa: ANN401 - Starlette's own type is as wide
    async def answer(request: Request) -> Response:
        try:
            person = await run_in_threadpool(guard.admit, request)  # which may have to fetch a key
            asked = Asked(person, request.path_params, await _body(request), request)
            return await run_in_threadpool(handler, asked)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody will read it
        except Exception as error:  # noqa: BLE001 - boundary: what one request does wrong ends one answer
            turned = _answer_to(error)
            if turned.status >= 500:
                trace = error if turned.status == 500 else None
                _log.error("%s %s: %s", request.method, request.url.path, turned.text, exc_info=trace)
            return _problem(turned)

    return answer


def _answer_to(error: Exception) -> Turned:
    if isinstance(error, Turned):
        return error
    for kinds, status, text in _ANSWERS:
        if isinstance(error, kinds):
            return Turned(status, text.format(error))
    return Turned(500, "the page failed; its log says more")


async def _body(request: Request) -> Any:  # noqa: ANN401 - any JSON
    """Return the JSON that a request carries, None where it carries nothing.

    Raises:
        Turned: 413, 415 or 422.
    """
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > _LARGEST_BODY:
            raise Turned(413, f"expected at most {_LARGEST_BODY} bytes, found more")
    if not content:
        return None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Turned(415, f"Content-Type: expected application/json, found {kind!r:.100}")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Turned(422, f"expected JSON: {error!s:.200}") from error


def _problem(turned: Turned) -> Response:
    text = turned.text.encode("utf-8", "replace").decode()
    return JSONResponse({"error": text}, turned.status, headers={"Cache-Control": "no-store"})


async def _turned(_: Request, error: Exception) -> Response:
    return _problem(_answer_to(error))


async def _unknown(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return _problem(Turned(status, f"{request.method} {request.url.path!r:.200}: there is nothing like this here"))
