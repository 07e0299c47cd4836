"""The daemon's home: the folder of everything that must survive it, and what it begins with after a restart."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_inspector.alarms import LOST_IN_RESTART, Alarm, Severity
from edge_inspector.errors import InspectorError
from edge_inspector.events import Json
from edge_inspector.journal import Journal, JournalOptions, Tally, lock_home
from edge_inspector.pipeline.accounts import Accounts
from edge_inspector.pipeline.ledger import Ledger
from edge_inspector.settings import JournalSettings, Settings

_log = logging.getLogger(__name__)
_FLUSH_S = 0.5  # within the time of a stop


@dataclass(frozen=True, slots=True)
class Home:
    """What outlives a run of the daemon.

    Attributes:
        folder: Where it is; None where nothing is kept.
        journal: The record of every event, open.
        ledger: The accounts, which go on where they were.
        alarms: What a person should know about the end of the run before.
    """

    folder: Path | None
    journal: Journal
    ledger: Ledger
    alarms: tuple[Alarm, ...]


@contextmanager
def open_home(settings: Settings) -> Iterator[Home]:
    """Open the home and what is in it; yield it, and close it afterwards.

    A disk that cannot be used keeps nobody from inspecting: the journal then works from memory and says so.

    Raises:
        ConfigError: If another daemon lives there.
    """
    folder = settings.home if settings.keeps_on_disk else None
    durable = folder if settings.journal.durable else None
    with ExitStack() as stack:
        if folder is not None:
            stack.enter_context(lock_home(folder))
        tally = stack.enter_context(Tally(None if durable is None else durable / "tally"))
        captured, seen = tally.frames, tally.parts
        ledger = Ledger(tally=tally)

        def go_on(document: Mapping[str, Json] | None) -> tuple[Alarm, ...]:
            ledger.before, alarms = _before(document, captured=captured, seen=seen)
            tally.add_frames(ledger.before.frames.captured - captured)
            tally.add_parts(ledger.before.parts.seen - seen)
            return alarms

        def join(document: Mapping[str, Json]) -> None:
            go_on(document)
            journal.append([], accounts=ledger.total(ledger.accounts()).document())

        path = None if durable is None else durable / "journal.db"
        journal = Journal(path, journal_options(settings.journal), on_joined=join)
        stack.enter_context(journal)
        document, alarms = journal.last_accounts, tuple[Alarm, ...]()
        is_away = journal.state().problem is not None or ledger.before.sessions > 0  # or has joined already
        if document is not None or not is_away:
            alarms = go_on(document)
        yield Home(folder, journal, ledger, alarms)
        if journal.flush(_FLUSH_S) and journal.accounts == ledger.total(ledger.accounts()).document():
            tally.forget()


def journal_options(settings: JournalSettings) -> JournalOptions:
    """Return the journal's options in its own units."""
    megabyte = 1 << 20
    return JournalOptions(
        commit_rows=settings.commit_rows,
        commit_s=settings.commit_ms / 1000,
        keep_s=settings.keep_days * 86_400,
        keep_rows=settings.keep_rows,
        keep_bytes=int(settings.keep_mb * megabyte),
        quota_rows=settings.quota_rows,
        quota_bytes=int(settings.quota_mb * megabyte),
    )


def _before(document: Mapping[str, Json] | None, *, captured: int, seen: int) -> tuple[Accounts, tuple[Alarm, ...]]:
    """Return what the ledger goes on from, by the last commit and by what was counted until the end of the last run."""
    if document is None:
        if captured:
            _log.warning("no accounts are on record: they start at zero, after %d frames and %d parts", captured, seen)
        return Accounts(), ()
    try:
        known = Accounts.parse(document)
    except InspectorError as error:
        _log.error("%s; the accounts start at zero", error)
        return Accounts(), ()
    before, lost_frames, lost_parts = known.after_restart(captured=captured, seen=seen)
    if lost_frames or lost_parts:
        text = f"The last run ended before the results of {lost_frames} frames and {lost_parts} parts were on record."
        _log.warning(text)
        what_to_do = "Inspect the parts that were on the line again; find out why the station ended."
        return before, (Alarm(LOST_IN_RESTART, Severity.WARNING, text, what_to_do),)
    return before, ()
