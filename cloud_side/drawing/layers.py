"""Which items stand on one level: below everything that leads to them, loops apart."""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Links: TypeAlias = "Mapping[int, Link]"  # by their place in the plan: two may be alike


@dataclass(frozen=True)
class Link:
    """What leads from one item to another.

    Attributes:
        label_wh: Width and height of its label; zeros without one.
    """

    source: str
    target: str
    label_wh: tuple[float, float] = (0.0, 0.0)

    @property
    def is_labeled(self) -> bool:
        """Return whether there is a label."""
        return self.label_wh[0] > 0


def closing_links(items: Sequence[str], links: Links) -> set[int]:
    """Return the links that lead back to where one came from: without them there are no loops.

    Args:
        items: All of them; the first is where one starts.
        links: Between them.
    """
    leaving = _leaving(links)
    closing: set[int] = set()
    done: set[str] = set()
    for first in items:
        path: dict[str, Iterator[int]] = {} if first in done else {first: iter(leaving[first])}  # as it was walked
        while path:
            last = next(reversed(path))
            at = next(path[last], None)
            if at is None:
                del path[last]
                done.add(last)
            elif (target := links[at].target) in path:
                closing.add(at)
            elif target not in done:
                path[target] = iter(leaving[target])
    return closing


def levels_of(items: Sequence[str], forward: Links) -> dict[str, int]:
    """Return the level of each item, from 0: the length of the longest way to it.

    Where a link with a label leaves a level, the next one is left free for labels.

    Args:
        items: All of them.
        forward: Links that close no loop.
    """
    leaving = _leaving(forward)
    missing = dict.fromkeys(items, 0)
    for link in forward.values():
        missing[link.target] += 1
    level = dict.fromkeys(items, 0)
    ready = deque(item for item in items if not missing[item])
    while ready:
        item = ready.popleft()
        for target in (forward[at].target for at in leaving[item]):
            level[target] = max(level[target], level[item] + 1)
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    labeled = {level[link.source] for link in forward.values() if link.is_labeled}
    return {item: own + sum(each < own for each in labeled) for item, own in level.items()}


def _leaving(links: Links) -> defaultdict[str, list[int]]:
    leaving: defaultdict[str, list[int]] = defaultdict(list)
    for at, link in links.items():
        leaving[link.source].append(at)
    return leaving
