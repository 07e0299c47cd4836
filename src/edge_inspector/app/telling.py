"""What the rooms around the flow tell in the statistics."""

from edge_inspector.events import Json
from edge_inspector.journal import Journal


def journal_document(journal: Journal) -> dict[str, Json]:
    """Return the journal's state as it is written in the statistics."""
    state = journal.state()
    return {
        "rows": state.rows,
        "bytes": state.bytes_on_disk,
        "pending": state.pending,
        "waiting": dict(state.waiting),
        "evicted": {sink: sum(lanes.values()) for sink, lanes in state.evicted.items()},
        "dead_letters": dict(state.dead_letters),
        "problem": state.problem and state.problem[:300],
    }
