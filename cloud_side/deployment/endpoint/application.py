"""The application: SageMaker's `/ping` and `/invocations`, every answer JSON, every refusal one sentence.

Source:
    SageMaker AI Developer Guide, "Custom Inference Code with Hosting Services"; SageMaker Runtime API, InvokeEndpoint.
"""

import asyncio
import logging
from dataclasses import replace
from typing import Final

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from cloud_side.deployment.endpoint.looking import Wish
from cloud_side.deployment.endpoint.pool import FullError, GoneError, Pool
from edge_inspector.errors import FrameError, ModelError
from edge_inspector.events import Json, model_document
from edge_inspector.events.documents import as_json

_log = logging.getLogger(__name__)
MOST_BYTES: Final = 6_291_456  # InvokeEndpoint's limit of a body
PATIENCE_S: Final = 30.0  # for a whole body: SageMaker gives an answer 60 s
ATTRIBUTES: Final = "X-Amzn-SageMaker-Custom-Attributes"  # SageMaker hands on no header of a client's own
_JSON: Final = "application/json"
_ACCEPTED: Final = frozenset({_JSON, "application/*", "*/*"})
_BYTES: Final = "application/octet-stream"
_RETRY_AFTER_S: Final = 1


def application(pool: Pool, *, patience_s: float = PATIENCE_S) -> Starlette:
    """Return the application.

    Args:
        pool: Looks at the images.
        patience_s: How long a request may take to arrive.
    """

    async def ping(_: Request) -> Response:
        return _answer({"model": model_document(pool.identity)})

    async def invocations(request: Request) -> Response:
        try:
            wish = _checked(request.headers)
            with pool.place():
                content = await _body(request, patience_s)
                gone = asyncio.ensure_future(_gone(request))
                try:
                    return _answer(await pool.look(content, wish, gone))
                finally:
                    gone.cancel()
        except FrameError as error:
            raise HTTPException(400, str(error)) from error
        except FullError as error:
            raise HTTPException(503, str(error), {"Retry-After": str(_RETRY_AFTER_S)}) from error
        except (ClientDisconnect, GoneError):
            return Response(status_code=400)  # nobody will read it
        except ModelError as error:
            _log.exception("the model failed")
            raise HTTPException(500, str(error)) from error

    return Starlette(
        routes=[Route("/ping", ping), Route("/invocations", invocations, methods=["POST"])],
        exception_handlers={HTTPException: _refused, Exception: _failed},
    )


def _checked(headers: Headers) -> Wish:
    """Return which detections a request wants.

    Raises:
        HTTPException: If it carries no image, wants no JSON, says it wrongly, or its body is too large.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind.startswith("image/") and kind != _BYTES:
        raise HTTPException(415, f"Content-Type: expected image/* or {_BYTES}, found {kind!r:.100}")
    wanted = {each.partition(";")[0].strip().lower() for each in headers.get("accept", _JSON).split(",")}
    if not wanted & _ACCEPTED:
        raise HTTPException(406, f"Accept: expected {_JSON}, found {headers['accept']!r:.100}")
    length = headers.get("content-length", "")
    if length.isascii() and length.isdecimal() and int(length[:20]) > MOST_BYTES:
        raise _too_large(length[:20])
    said = headers.get(ATTRIBUTES, "")
    try:
        return _wish(said)
    except ValueError as error:
        expected = "expected min_confidence=NUMBER, from 0 to 1, and exact=true or false, with commas between"
        raise HTTPException(400, f"{ATTRIBUTES}: {expected}, found {said!r:.100}") from error


def _wish(said: str) -> Wish:
    """Return what the attributes of a request ask for.

    Raises:
        ValueError: If one is unknown, or its value is none.
    """
    wish = Wish()
    for each in filter(None, (part.strip() for part in said.split(","))):
        match each.split("="):
            case ["min_confidence", number] if 0 <= float(number) <= 1:
                wish = replace(wish, min_confidence=float(number))
            case ["exact", "true" | "false" as is_exact]:
                wish = replace(wish, exact=is_exact == "true")
            case _:
                raise ValueError(each)
    return wish


async def _body(request: Request, patience_s: float) -> bytes:
    content = bytearray()
    try:
        async with asyncio.timeout(patience_s):
            async for chunk in request.stream():
                content += chunk
                if len(content) > MOST_BYTES:
                    raise _too_large("more")  # noqa: EM101 - it is a number, or this
    except TimeoutError as error:
        msg = f"expected a whole body within {patience_s:g} s, found {len(content)} bytes"
        raise HTTPException(408, msg, {"Connection": "close"}) from error
    return bytes(content)


async def _gone(request: Request) -> None:
    """Return once the client of a request whose body has arrived closes the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _too_large(found: str) -> HTTPException:
    return HTTPException(413, f"expected at most {MOST_BYTES} bytes, as SageMaker's endpoints take, found {found}")


def _answer(document: dict[str, Json], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(as_json(document), status, headers, media_type=_JSON)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these
    text = error.detail
    if error.status_code == 404:
        text = f"{request.url.path!r:.100}: expected /ping or /invocations"
    if error.status_code == 405:
        text = f"{request.url.path}: expected {(error.headers or {}).get('Allow')}, found {request.method:.20}"
    return _answer({"error": text}, error.status_code, dict(error.headers or {}))


async def _failed(_: Request, __: Exception) -> Response:
    return _answer({"error": "the server failed; its log says more"}, 500)
