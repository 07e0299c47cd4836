"""Recorded and replayed results side by side: where they differ, or what another model or configuration changes."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from edge_inspector.replay.results import ResultDocument, clock_cause, frame_ids, subject

_FIRST = 3  # results that are named for each change

_Key: TypeAlias = tuple[str, int, str, int]
_ABSENT = "nothing"


@dataclass(frozen=True, slots=True)
class Difference:
    """The first field of one result that differs.

    Attributes:
        subject: Which result.
        field: Its path, for example `detections[0].confidence`; empty where the result as a whole has no counterpart.
        expected: As recorded.
        found: As replayed.
    """

    subject: str
    field: str
    expected: Any
    found: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the results of a replay compare with those that were recorded.

    Attributes:
        compared: Recorded results, those that are left out apart.
        different: One for each of them that differs, or is missing.
        extra: One for each replayed result that the recording does not have.
        left_out: Results that hung on the clock, with the cause of each.
        without_record: Replayed results of the recording's last frames, whose own were no longer recorded.
    """

    compared: int
    different: tuple[Difference, ...]
    extra: tuple[Difference, ...]
    left_out: tuple[tuple[str, str], ...]
    without_record: int

    @property
    def differences(self) -> tuple[Difference, ...]:
        """All of them; none where the replay gave what was recorded."""
        return self.different + self.extra


@dataclass(frozen=True, slots=True)
class Change:
    """Results whose outcome another model or configuration changes in one way; `first` names some of them."""

    before: str
    after: str
    count: int
    first: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """What another model or configuration changes.

    Attributes:
        compared: Results whose outcome was compared.
        same: Those with the same outcome.
        changes: The others, the most frequent change first.
        tracks: Defects announced by a camera without a trigger, as recorded and as replayed.
        left_out: As in Comparison.
    """

    compared: int
    same: int
    changes: tuple[Change, ...]
    tracks: tuple[int, int]
    left_out: tuple[tuple[str, str], ...] = field(default=())


def compare(
    recorded: Sequence[ResultDocument],
    replayed: Sequence[ResultDocument],
    *,
    is_whole: bool,
    has_every_result: bool = True,
) -> Comparison:
    """Compare every field of every result.

    Args:
        recorded: As they were.
        replayed: As they are now.
        is_whole: The recording has its session to the end; otherwise replayed results behind the last one that was
            recorded say nothing.
        has_every_result: The recorded session published every result; otherwise others that are replayed, tracks
            apart, say nothing either.
    """
    before, after = dict(_keyed(recorded)), dict(_keyed(replayed))
    last = max((number for number, key in enumerate(after) if key in before), default=-1)
    different: list[Difference] = []
    left_out: list[tuple[str, str]] = []
    for key, expected in before.items():
        if (cause := clock_cause(expected)) is not None:
            left_out.append((subject(expected), cause))
        elif (difference := _difference(expected, after.get(key))) is not None:
            different.append(difference)
    unknown = [
        (number > last, found)
        for number, (key, found) in enumerate(after.items())
        if key not in before and (has_every_result or found["kind"] == "track")
    ]
    extra = [
        Difference(subject(found), "", _ABSENT, found["outcome"])
        for is_last, found in unknown
        if is_whole or not is_last
    ]
    compared = len(before) - len(left_out)
    return Comparison(compared, tuple(different), tuple(extra), tuple(left_out), len(unknown) - len(extra))


def changes(recorded: Sequence[ResultDocument], replayed: Sequence[ResultDocument]) -> Changes:
    """Compare outcomes alone, for a replay with another model or configuration."""
    before = {key: result for key, result in _keyed(recorded) if result["kind"] == "result"}
    after = {key: result for key, result in _keyed(replayed) if result["kind"] == "result"}
    left_out = tuple(
        (subject(result), cause) for result in before.values() if (cause := clock_cause(result)) is not None
    )
    named: dict[tuple[str, str], list[str]] = {}
    same = 0
    for key, result in before.items():
        if clock_cause(result) is not None or key not in after:
            continue
        pair = result["outcome"], after[key]["outcome"]
        if pair[0] == pair[1]:
            same += 1
        else:
            named.setdefault(pair, []).append(subject(result))
    found = [Change(*pair, len(subjects), tuple(subjects[:_FIRST])) for pair, subjects in named.items()]
    found.sort(key=lambda change: (-change.count, change.before, change.after))
    compared = same + sum(change.count for change in found)
    return Changes(compared, same, tuple(found), (_announced(recorded), _announced(replayed)), left_out)


def _announced(results: Sequence[ResultDocument]) -> int:
    return sum(result.get("phase") == "new" for result in results)


def _keyed(results: Sequence[ResultDocument]) -> Iterator[tuple[_Key, ResultDocument]]:
    """Yield results with what they are known by: the frame, and for tracks the phase and which of that they are."""
    times: Counter[tuple[str, int, str]] = Counter()
    for result in results:
        kind = result["kind"], frame_ids(result)[0], result.get("phase", "")
        yield (*kind, times[kind]), result
        times[kind] += 1


def _difference(expected: ResultDocument, found: ResultDocument | None) -> Difference | None:
    if found is None:
        return Difference(subject(expected), "", expected["outcome"], _ABSENT)
    first = next(_differences(expected, found, ""), None)
    return None if first is None else Difference(subject(expected), *first)


def _differences(expected: Any, found: Any, path: str) -> Iterator[tuple[str, Any, Any]]:  # noqa: ANN401 - any JSON
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        for name in [*expected, *(name for name in found if name not in expected)]:
            inner = f"{path}.{name}" if path else name
            yield from _differences(expected.get(name, _ABSENT), found.get(name, _ABSENT), inner)
    elif isinstance(expected, list) and isinstance(found, list):
        for index in range(max(len(expected), len(found))):
            first, second = (entries[index] if index < len(entries) else _ABSENT for entries in (expected, found))
            yield from _differences(first, second, f"{path}[{index}]")
    elif expected != found or type(expected) is not type(found):
        yield path, expected, found
