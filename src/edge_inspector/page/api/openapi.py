"""The description of the API, made from the table of doors: what stands in it is what is served."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from http import HTTPStatus
from typing import Any, Final, Literal, TypeAlias

from pydantic.json_schema import models_json_schema
from starlette.responses import Response

from edge_inspector.page.access.guard import CSRF_HEADER
from edge_inspector.page.access.roles import Role
from edge_inspector.page.doors import Asked, Document, Door, Nothing, Problem

PATH: Final = "/api/v1/openapi.json"
VERSION = "1"  # of the API: what is only added changes nothing
_REFERENCE = "#/components/schemas/{model}"
_PATH_NAME = re.compile(r"\{(\w+)\}")
_ABOUT = (
    "What the operator page of a station asks, for other tools too. Times are ISO 8601, UTC, with milliseconds; boxes"
    " are left, top, right, bottom in pixels of the frame as captured. An answer that grants nothing says why, as"
    " `error` with `code` for programs and `text` for people. Each operation names the least role that it takes,"
    " `x-role`: viewer looks, operator judges too, admin changes too. Where nobody must sign in to look, the viewer's"
    " operations ask for nothing. See docs/api.md."
)
_SECURITY: Final = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "edge-inspector-…",
        "description": "The cookie that POST /api/v1/session sets; each installation gives it a name of its own, and"
        " over TLS one that begins with __Host-. A reverse proxy that signs people in makes it needless.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": CSRF_HEADER,
        "description": "`csrf` of GET /api/v1/session, repeated with everything that changes something.",
    },
}
_ERRORS: Final = {
    400: "the Host header is missing or stands there twice",
    401: "somebody with this role must sign in first",
    403: "the role is not enough, the token is missing, or another site asks",
    408: "the body does not come in time",
    409: "the station refuses; `text` tells why",
    413: "the body is too large",
    415: "the body is not said to be JSON",
    421: "the page is asked by a name that is none of its own",
    422: "the query or the body is not what is expected; `text` tells what was found",
    500: "the page is at fault; the log of the station says more",
    503: "the station could not do it now; ask again",
}
_FIRST_ERROR: Final = 400
_OF_ANY: Final = (400, 403, 409, 421, 500, 503)
_OF_A_BODY: Final = (408, 413, 415)
_Object: TypeAlias = dict[str, Any]  # JSON Schema and OpenAPI, which pydantic and others define


def door(others: Sequence[Door]) -> Door:
    """Return the door to the description of these doors and of itself."""
    itself: Door

    @cache
    def text() -> str:
        return json.dumps(description([*others, itself]), ensure_ascii=False)

    def described(_: Asked) -> Response:
        return Response(text(), media_type="application/json", headers={"Cache-Control": "no-cache"})

    itself = Door("GET", PATH, Role.NOTHING, "This description", described)
    return itself


def description(doors: Sequence[Door]) -> _Object:
    """Return the OpenAPI 3.1 document of the public ones among these doors.

    Source:
        https://spec.openapis.org/oas/v3.1.0
    """
    public = [door for door in doors if door.is_public]
    schemas = _Schemas(public)
    paths: dict[str, _Object] = {}
    for each in public:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Edge Inspector", "version": VERSION, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas.named,
            "responses": {_error_name(status): _error(text, schemas) for status, text in _ERRORS.items()},
            "securitySchemes": _SECURITY,
        },
    }


class _Schemas:
    """The schemas of all documents of some doors, each named once."""

    def __init__(self, doors: Sequence[Door]) -> None:
        taken: list[tuple[type[Document], Literal["validation", "serialization"]]] = [(Problem, "serialization")]
        for each in doors:
            taken += [(kind, "validation") for kind in (each.query, each.body) if kind is not Nothing]
            taken += [] if each.answer is None else [(each.answer, "serialization")]
        unique = list(dict.fromkeys(taken))
        self._references, document = models_json_schema(unique, ref_template=_REFERENCE)
        self.named: dict[str, _Object] = dict(document.get("$defs", {}))
        queries = {self._name(each.query, "validation") for each in doors if each.query is not Nothing}
        self._queries = {name: self.named.pop(name) for name in queries}

    def _name(self, kind: type[Document], mode: Literal["validation", "serialization"]) -> str:
        reference: str = self._references[kind, mode]["$ref"]
        return reference.rsplit("/", 1)[-1]

    def taken(self, kind: type[Document]) -> _Object:
        """Return the schema of what comes in."""
        return self._references[kind, "validation"]

    def given(self, kind: type[Document]) -> _Object:
        """Return the schema of what goes out."""
        return self._references[kind, "serialization"]

    def parameters(self, query: type[Document]) -> list[_Object]:
        """Return the fields of a query as parameters."""
        if query is Nothing:
            return []
        schema = self._queries[self._name(query, "validation")]
        needed = schema.get("required", ())
        return [_parameter(name, field, is_needed=name in needed) for name, field in schema["properties"].items()]


def _parameter(name: str, field: Mapping[str, Any], *, is_needed: bool) -> _Object:
    schema = {key: value for key, value in field.items() if key not in {"title", "description"}}
    may_be = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(may_be) == 1:  # what is left out is null already
        schema = may_be[0]
    about = {"description": field["description"]} if "description" in field else {}
    return {"name": name, "in": "query", "required": is_needed, **about, "schema": schema}


def _operation(each: Door, schemas: _Schemas) -> _Object:
    path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PATH_NAME.findall(each.path)
    ]
    operation: _Object = {
        "operationId": _operation_id(each),
        "summary": each.summary,
        "x-role": each.role.label,
        "security": _security(each),
    }
    if parameters := [*path, *schemas.parameters(each.query)]:
        operation["parameters"] = parameters
    if each.body is not Nothing:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schemas.taken(each.body)}},
        }
    content = {"schema": {"type": "object"}} if each.media == "application/json" else {}
    if each.answer is not None:
        content = {"schema": schemas.given(each.answer)}
    good = {"description": HTTPStatus(each.status).phrase, "content": {each.media: content}}
    return {**operation, "responses": {str(each.status): good, **_errors(each, schemas)}}


def _security(each: Door) -> list[dict[str, list[str]]]:
    if _needs_token(each):
        return [{"session": [], "csrf": []}]
    return [] if each.role is Role.NOTHING else [{"session": []}]


def _needs_token(each: Door) -> bool:
    return each.method != "GET" and each.needs_csrf


def _errors(each: Door, schemas: _Schemas) -> _Object:
    statuses = set(_OF_ANY)
    if each.role is not Role.NOTHING or _needs_token(each):
        statuses.add(401)
    if each.query is not Nothing or each.body is not Nothing:
        statuses.add(422)
    if each.body is not Nothing:
        statuses.update(_OF_A_BODY)
    found = {status: {"$ref": f"#/components/responses/{_error_name(status)}"} for status in statuses}
    found |= {status: _error(text, schemas) for status, text in each.errors.items() if status >= _FIRST_ERROR}
    found |= {status: {"description": text} for status, text in each.errors.items() if status < _FIRST_ERROR}
    return {str(status): found[status] for status in sorted(found)}


def _error(text: str, schemas: _Schemas) -> _Object:
    return {"description": text, "content": {"application/json": {"schema": schemas.given(Problem)}}}


def _error_name(status: int) -> str:
    return f"Error{status}"


def _operation_id(each: Door) -> str:
    words = re.findall(r"[a-z_]+", each.path.removeprefix("/api/v1"))
    return "_".join([each.method.lower(), *words])
