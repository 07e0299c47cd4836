"""Pareto: which kinds of defect matter, the most frequent first."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """One kind of defect.

    Attributes:
        label: Class.
        parts: Parts with it; a part with two kinds counts for both, so these may sum to more than there are parts.
        share: Of all counts, in [0, 1].
        cumulative: Share of this one and all before it.
    """

    label: str
    parts: int
    share: float
    cumulative: float


def pareto(parts_by_label: Mapping[str, int]) -> tuple[Bar, ...]:
    """Return the bars of a Pareto chart, the most frequent first; classes without a part have none.

    Args:
        parts_by_label: Parts on which each class was found.
    """
    total, so_far, bars = sum(parts_by_label.values()), 0, []
    for label, parts in sorted(parts_by_label.items(), key=lambda item: (-item[1], item[0])):
        if parts:
            so_far += parts
            bars.append(Bar(label, parts, parts / total, so_far / total))
    return tuple(bars)
