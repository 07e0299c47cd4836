"""A page of a list: as much of it as was asked for, and where the next page begins."""

from collections.abc import Mapping, Sequence
from typing import Any

from cloud_side.local.wiring import Answer


def page(member: str, found: Sequence[Mapping[str, Any]], most: int, key: str) -> Answer:
    """Return the answer of a list operation whose token is the key of the last item before it.

    Args:
        member: Of the answer: the items.
        found: In the order of the key, from the token on; one more than `most` where there are more.
        most: Items on a page.
        key: Of an item: what its next page comes after.
    """
    answer = {member: list(found[:most])}
    return answer if len(found) <= most else {**answer, "NextToken": found[most - 1][key]}
