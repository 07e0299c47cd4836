"""Lists in pages: what comes after the token, in the order of a key that never changes."""

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from cloud_side.local.wiring import Parameters, RefusedRequest

T = TypeVar("T")


def page_of(  # noqa: PLR0913 - what differs between the lists of two services
    items: Iterable[T],
    parameters: Parameters,
    *,
    key: Callable[[T], Any],
    shown: Callable[[T], Any],
    into: str,
    at_most: int,
    refusal: str,
) -> dict[str, Any]:
    """Return the answer of a list operation.

    Args:
        items: All that is to be listed.
        parameters: With `maxResults` and `nextToken`.
        key: JSON by which the items are ordered, another one for each.
        shown: An item as it stands in the answer.
        into: The member of the answer that holds the items.
        at_most: How many without `maxResults`.
        refusal: The service's code for a token that is none.

    Raises:
        RefusedRequest: If the token is not one of this list.
    """
    rest = sorted(_after(parameters.get("nextToken"), items, key, refusal), key=key)
    size = parameters.get("maxResults", at_most)
    answer: dict[str, Any] = {into: [shown(item) for item in rest[:size]]}
    if len(rest) > size:
        answer["nextToken"] = base64.urlsafe_b64encode(json.dumps(key(rest[size - 1])).encode()).decode()
    return answer


def _after(token: str | None, items: Iterable[T], key: Callable[[T], Any], refusal: str) -> list[T]:
    if token is None:
        return list(items)
    try:
        last = json.loads(base64.urlsafe_b64decode(token))
        return [item for item in items if key(item) > last]
    except (ValueError, TypeError) as error:
        msg = f"nextToken: found {token!r}, expected one that an earlier answer of this list gave"
        raise RefusedRequest(refusal, msg) from error
