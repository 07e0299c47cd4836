"""What a request says, read as its door declares it: bounded in size, in time, and in what is said about mistakes."""

import asyncio
import types
from collections import defaultdict
from collections.abc import Callable
from typing import Final, Union, get_args, get_origin

from pydantic import ValidationError
from starlette.requests import Request

from edge_inspector.page.doors import Document, Door, Nothing, Turned

LARGEST_BODY: Final = 64 << 10  # bytes
LONGEST_BODY_S: Final = 10.0  # until the last of it is here
_MOST_PROBLEMS: Final = 8


class Parser:
    """Reads the query and the body of the requests at one door."""

    def __init__(self, door: Door) -> None:
        """Look at what the door declares."""
        self._door = door
        self._lists = frozenset(
            field.alias or name for name, field in door.query.model_fields.items() if _is_list(field.annotation)
        )

    def query(self, request: Request) -> Document:
        """Return the query; a key that holds one value may stand there once.

        Raises:
            Turned: 422.
        """
        found: dict[str, list[str]] = defaultdict(list)
        for key, value in request.query_params.multi_items():
            found[key].append(value)
        for key, values in found.items():
            if len(values) > 1 and key not in self._lists:
                raise Turned(422, "unexpected", f"query.{key:.60}: expected one value, found {len(values)}")
        values_of = {key: tuple(values) if key in self._lists else values[0] for key, values in found.items()}
        return _parsed(lambda: self._door.query.model_validate(values_of), "query")

    async def body(self, request: Request) -> Document:
        """Return the body.

        Raises:
            Turned: 408 where it does not come in time, 413 where it is too large, 415 where it is said not to be JSON,
                422 where it is none, or not what the door expects.
        """
        if self._door.body is Nothing:
            return Nothing()
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":  # a form of another site can be of other types only
            raise Turned(415, "no_json", f"Content-Type: expected application/json, found {kind!r:.100}")
        try:
            async with asyncio.timeout(LONGEST_BODY_S):
                content = await _content(request)
        except TimeoutError as error:
            raise Turned(408, "too_slow", f"body: expected all of it within {LONGEST_BODY_S:g} s") from error
        # As JSON, not by way of Python's objects: so half a character ("\ud800") is no text.
        return _parsed(lambda: self._door.body.model_validate_json(content), "body")


async def _content(request: Request) -> bytearray:
    too_large = Turned(413, "too_large", f"body: expected at most {LARGEST_BODY} bytes, found more")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > LARGEST_BODY:
        raise too_large
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > LARGEST_BODY:
            raise too_large
    return content


def _parsed(parse: Callable[[], Document], where: str) -> Document:
    try:
        return parse()
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        if found[0]["type"] == "json_invalid":
            raise Turned(422, "no_json", f"{where}: expected a JSON object: {found[0]['msg']}") from error
        problems = [
            f"{'.'.join([where, *(f'{part:.60}' for part in map(str, problem['loc']))])}: "
            f"{problem['msg'].removeprefix('Value error, ')}"
            for problem in found[:_MOST_PROBLEMS]
        ]
        if len(found) > _MOST_PROBLEMS:
            problems.append(f"and {len(found) - _MOST_PROBLEMS} more")
        raise Turned(422, "unexpected", "; ".join(problems)) from error


def _is_list(annotation: object) -> bool:
    """Return whether a field holds several values: a tuple, alone or in a union."""
    if get_origin(annotation) in {Union, types.UnionType}:
        return any(_is_list(part) for part in get_args(annotation))
    return annotation is tuple or get_origin(annotation) is tuple
