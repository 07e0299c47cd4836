"""The index as others see it: it follows the journal on a thread of its own, and is asked from all others."""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from edge_inspector.journal import Journal
from edge_inspector.page.index import finding, names, reading
from edge_inspector.page.index.figures import Asked, Figures, RecentDefect, figures, recent_defects
from edge_inspector.page.index.keeping import Keeping
from edge_inspector.page.index.rows import (
    Choices,
    Counts,
    IndexState,
    PartName,
    ResultFilter,
    ResultPage,
    ResultRow,
    Said,
)


class Index:
    """What the pages look up, for all threads. Made of what the journal says, and of nothing else.

    Used as a context manager around the server of the page, inside that of the journal. Where the disk takes nothing
    the newest results are kept in memory, and said so; the journal never waits for it. What cannot be looked up now
    is an InspectorError.
    """

    def __init__(
        self,
        journal: Journal,
        path: Path | None,
        *,
        random_share: float,
        on_news: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            journal: What is followed.
            path: The database; its folder is made. None keeps the newest results in memory.
            random_share: Share of the accepted parts that is audited, in [0, 1].
            on_news: Called on the thread `page-index` when there are new rows; quick, and never failing.
        """
        self._keeping = Keeping(journal, path, random_share, on_news)

    def __enter__(self) -> Self:
        """Begin to follow the journal, and return at once."""
        self._keeping.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End, in about a second at most; a thread that hangs in the disk is left behind."""
        self._keeping.stop()

    def find(self, inspection_id: str) -> ResultRow | None:
        """Return a result by its inspection id, or by its `key`; None where the journal has it no more.

        Of several defects that begin on one frame its inspection id gives the first: `key` tells them apart.
        """
        with self._keeping.reading() as connection:
            return reading.find(connection, inspection_id)

    def history(self, key: str) -> list[Said]:
        """Return all that was said of a result, the newest first; by its `key`."""
        with self._keeping.reading() as connection:
            return reading.history(connection, key)

    def results(self, wanted: ResultFilter, limit: int, before: str | None = None) -> ResultPage:
        """Return results, the newest first by the time of capture; rows that come in the meantime move none of them.

        Args:
            wanted: Which ones.
            limit: So many at most, from 1.
            before: `next` of the page before; None for the first one.

        Raises:
            RefusedError: If `before` is no such place.
        """
        with self._keeping.reading() as connection:
            return finding.results(connection, wanted, limit, before)

    def last(self) -> ResultRow | None:
        """Return the newest part, or published frame of a free-running source, whatever became of it."""
        with self._keeping.reading() as connection:
            return reading.last(connection)

    def last_defect(self) -> ResultRow | None:
        """Return the defect of a free-running source that began last; None where none did."""
        with self._keeping.reading() as connection:
            return reading.last_defect(connection)

    def recent_defects(self, parts: int) -> tuple[RecentDefect, ...]:
        """Return the classes that speak against the newest parts, the newest first, but for parts found good."""
        with self._keeping.reading() as connection:
            return recent_defects(connection, parts)

    def choices(self) -> Choices:
        """Return what filters can be set to."""
        with self._keeping.reading() as connection:
            return names.choices(connection)

    def counts(self, since: datetime, until: datetime, product: str | None = None) -> Counts:
        """Return how many had which outcome in the whole minutes that hold [since, until), aware UTC."""
        with self._keeping.reading() as connection:
            return reading.counts(connection, since, until, product)

    def quality(self, asked: Asked) -> Figures:
        """Return what was counted for the figures of quality."""
        with self._keeping.reading() as connection:
            return figures(connection, asked)

    def names_of(self, seqs: Iterable[int]) -> dict[int, PartName]:
        """Return by which name parts are known that `quality` told of by number; those that are gone are missing."""
        with self._keeping.reading() as connection:
            return reading.names_of(connection, seqs)

    def wait_for(self, event_id: str, timeout_s: float) -> bool:
        """Wait until an event that was appended a moment ago can be found; return whether it can."""
        return self._keeping.wait_for(event_id, timeout_s)

    def state(self) -> IndexState:
        """Return how it is."""
        return self._keeping.state()
