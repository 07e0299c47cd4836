"""How each state of a machine did, over all its visits."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cloud_side.drawing.visits import Outcome, Visit

_DETAILED = 12


@dataclass(frozen=True)
class Summary:
    """What is told of a state at a glance.

    Attributes:
        outcome: The worst that there is now; None where the state was never entered.
        visits: All of them.
        retries: Attempts beyond the first, over all visits.
        now: How the visits ended that no later one has taken the place of.
        items: Of a Map: how many items ended how.
    """

    outcome: Outcome | None = None
    visits: Sequence[Visit] = ()
    retries: int = 0
    now: Mapping[Outcome, int] = field(default_factory=dict)
    items: Mapping[str, int] = field(default_factory=dict)

    def detailed(self) -> Sequence[Visit]:
        """Return the visits that a person may want to see: the first, the last, and what did not go well."""
        if len(self.visits) <= _DETAILED:
            return self.visits
        third = _DETAILED // 3
        wrong = [visit for visit in self.visits[third:-third] if visit.has_failed or visit.retries][:third]
        return [*self.visits[:third], *wrong, *self.visits[-third:]]


def summaries(
    visits: Sequence[Visit], map_runs: Mapping[str, Mapping[str, int]], *, is_over: bool
) -> dict[str, Summary]:
    """Return the summary of each state that was entered.

    Args:
        visits: Of the execution, in order.
        map_runs: By ARN: how many items of a distributed Map ended how.
        is_over: Whether the execution has ended.
    """
    by_state: defaultdict[str, list[Visit]] = defaultdict(list)
    for visit in visits:
        by_state[visit.state].append(visit)
    return {state: _summary(own, map_runs, is_over=is_over) for state, own in by_state.items()}


def _summary(visits: Sequence[Visit], map_runs: Mapping[str, Mapping[str, int]], *, is_over: bool) -> Summary:
    last = {visit.place: visit for visit in visits}  # one that came later has taken the place of those before
    now = Counter(visit.outcome(is_execution_over=is_over) for visit in last.values())
    items: Counter[str] = Counter()
    for visit in last.values():
        items.update(map_runs.get(visit.map_run or "", Counter(visit.progress.values())))
        if visit.length and visit.map_run is None and (left := visit.length - len(visit.progress)) > 0:
            items["not begun"] += left
    return Summary(
        outcome=next(outcome for outcome in Outcome if now[outcome]),
        visits=visits,
        retries=sum(visit.retries for visit in visits),
        now=now,
        items={name: count for name, count in items.items() if count},
    )
