"""Run rule: the same defect on so many of so few parts comes from the line, not from chance."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """Parts with the same defect, near each other.

    Attributes:
        label: Its class.
        first, last: Places in the line of the first and the last of them.
        met_at: Place of the part with which the rule was met.
        count: How many parts have it.
    """

    label: str
    first: int
    last: int
    met_at: int
    count: int

    @property
    def parts(self) -> int:
        """From the first to the last of them, those without it included."""
        return self.last - self.first + 1


def runs(places: Mapping[str, Sequence[int]], *, defects: int, parts: int) -> tuple[Run, ...]:
    """Return where `defects` equal ones came within `parts` parts, in the order in which that was first so.

    Wherever two such windows share a part they are one run: a tool that broke is told once, however long it lasts.

    Args:
        places: By class the places in the line of the parts that have it, in order, each once; those of parts that
            follow each other differ by 1.
        defects: So many, from 2.
        parts: Within so many parts that follow each other.
    """
    found = [run for label, line in places.items() for run in _runs_of(label, line, defects, parts)]
    return tuple(sorted(found, key=lambda run: (run.met_at, run.label)))


def _runs_of(label: str, line: Sequence[int], defects: int, parts: int) -> Iterable[Run]:
    windows = zip(line, line[defects - 1 :], strict=False)
    begins = [begin for begin, (first, last) in enumerate(windows) if last - first < parts]
    open_at = 0  # which of `begins` the run began with
    for number, begin in enumerate(begins):
        end = begin + defects - 1
        is_last = number + 1 == len(begins) or begins[number + 1] > end
        if is_last:
            first = begins[open_at]
            yield Run(label, line[first], line[end], line[first + defects - 1], end - first + 1)
            open_at = number + 1
