"""JSON that others wrote, read strictly: a definition, and the property files of jobs."""

import json
from typing import Any

_DEEPEST = 100  # what is walked through recursively, here and later


def read_json(text: str | bytes) -> Any:  # noqa: ANN401 - any JSON
    """Return what a text says.

    Raises:
        ValueError: If it is no JSON, has a number that is not finite or half a character, or nests deeper than 100.
    """
    try:
        found = json.loads(text)
        json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    except RecursionError as error:
        raise _too_deep() from error
    if _depth(found) > _DEEPEST:
        raise _too_deep()
    return found


def _too_deep() -> ValueError:
    return ValueError(f"found deeper nesting, expected {_DEEPEST} levels at most")


def _depth(value: object) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        members = [part.values() if isinstance(part, dict) else part for part in level if isinstance(part, dict | list)]
        level = [member for part in members for member in part]
    return depth
