"""What a replay found, as text for people and as JSON."""

from collections.abc import Sequence

from edge_inspector.events import Json
from edge_inspector.replay.compare import Changes, Comparison, Difference
from edge_inspector.replay.recording import Recording

_MOST_DIFFERENCES = 10  # that are shown
_MOST_LEFT_OUT = 5


def remarks(recording: Recording, versions: dict[str, str], processor: str) -> list[str]:
    """Return what a person should know before reading the rest."""
    lines = []
    if recording.end is None:
        lines.append("the recording was cut off: it has no end")
    elif not recording.end.is_whole:
        lines.append(f"the recording ended before its session: {recording.end.reason}")
    header = recording.header
    for name, recorded, here in [
        ("processor", header.processor, processor),
        *((name, header.versions.get(name), versions.get(name)) for name in {**header.versions, **versions}),
    ]:
        if recorded != here:
            lines.append(f"recorded with another {name}: {recorded}; here it is {here}")
    return lines


def comparison_text(comparison: Comparison) -> str:
    """Return the summary of a replay with the recorded model and configuration."""
    different = len(comparison.different)
    lines = [f"{_results(comparison.compared)}: {comparison.compared - different} equal, {different} different"]
    if comparison.extra:
        lines[0] += f", and {len(comparison.extra)} that the recording does not have"
    lines += [f"  {_describe(difference)}" for difference in comparison.differences[:_MOST_DIFFERENCES]]
    if (more := len(comparison.differences) - _MOST_DIFFERENCES) > 0:
        lines.append(f"  and {more} more")
    lines += _left_out(comparison.left_out)
    if comparison.without_record:
        lines.append(f"{_results(comparison.without_record)} of the last frames: the recording had ended")
    return "\n".join(lines)


def changes_text(changes: Changes) -> str:
    """Return the summary of a replay with another model or configuration."""
    lines = [
        f"{_results(changes.compared)}: {changes.same} with the same outcome, {changes.compared - changes.same} changed"
    ]
    width = max((len(f"{change.before} -> {change.after}") for change in changes.changes), default=0)
    for change in changes.changes:
        more = ", ..." if change.count > len(change.first) else ""
        way = f"{change.before} -> {change.after}"
        lines.append(f"  {way:<{width}}  {change.count:>6}  {', '.join(change.first)}{more}")
    if any(changes.tracks):
        lines.append(f"defects announced: {changes.tracks[0]} recorded, {changes.tracks[1]} now")
    lines += _left_out(changes.left_out)
    return "\n".join(lines)


def comparison_document(comparison: Comparison) -> dict[str, Json]:
    """Return the same for programs."""
    return {
        "compared": comparison.compared,
        "equal": comparison.compared - len(comparison.different),
        "differences": [
            {"subject": entry.subject, "field": entry.field, "expected": entry.expected, "found": entry.found}
            for entry in comparison.differences
        ],
        "left_out": _left_out_document(comparison.left_out),
        "without_record": comparison.without_record,
    }


def changes_document(changes: Changes) -> dict[str, Json]:
    """Return the same for programs."""
    return {
        "compared": changes.compared,
        "same": changes.same,
        "changes": [
            {"before": change.before, "after": change.after, "count": change.count, "first": list(change.first)}
            for change in changes.changes
        ],
        "defects_announced": {"recorded": changes.tracks[0], "now": changes.tracks[1]},
        "left_out": _left_out_document(changes.left_out),
    }


def _describe(difference: Difference) -> str:
    if not difference.field:
        return f"{difference.subject}: expected {difference.expected}, found {difference.found}"
    return f"{difference.subject}: {difference.field}: expected {difference.expected!r}, found {difference.found!r}"


def _left_out(left_out: Sequence[tuple[str, str]]) -> list[str]:
    if not left_out:
        return []
    lines = [f"{_results(len(left_out))} left out, which hung on the clock and cannot come out again:"]
    lines += [f"  {subject}: {cause}" for subject, cause in left_out[:_MOST_LEFT_OUT]]
    if len(left_out) > _MOST_LEFT_OUT:
        lines.append(f"  and {len(left_out) - _MOST_LEFT_OUT} more")
    return lines


def _left_out_document(left_out: Sequence[tuple[str, str]]) -> list[Json]:
    return [{"subject": subject, "cause": cause} for subject, cause in left_out]


def _results(count: int) -> str:
    return f"{count} result{'' if count == 1 else 's'}"
