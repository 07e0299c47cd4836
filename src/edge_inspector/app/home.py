"""The daemon's home: the folder of everything that must survive it, and what it begins with after a restart."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_inspector.alarms import LOST_IN_RESTART, Alarm, Severity
from edge_inspector.errors import InspectorError
from edge_inspector.journal import Journal, JournalOptions, Tally, lock_home
from edge_inspector.pipeline.accounts import Accounts
from edge_inspector.pipeline.ledger import Ledger
from edge_inspector.settings import JournalSettings, Settings

_log = logging.getLogger(__name__)


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


def home_folder(settings: Settings) -> Path | None:
    """Return the daemon's home, of its own for each camera; None where it keeps nothing on disk."""
    keeps_something = settings.journal.durable or settings.samples.mode != "off"
    return settings.state.dir / settings.station.camera if keeps_something else None


@contextmanager
def open_home(settings: Settings) -> Iterator[Home]:
    """Open the home and what is in it; yield it, and close it afterwards.

    A disk that cannot be used keeps nobody from inspecting: the journal then works from memory and says so.

    Raises:
        ConfigError: If another daemon lives there.
    """
    folder = home_folder(settings)
    durable = folder if settings.journal.durable else None
    with ExitStack() as stack:
        if folder is not None:
            stack.enter_context(lock_home(folder))
        options = journal_options(settings.journal)
        journal = stack.enter_context(Journal(None if durable is None else durable / "journal.db", options))
        tally = stack.enter_context(Tally(None if durable is None else durable / "tally"))
        before, alarms = _before(journal, tally)
        tally.reset_to(before.frames.captured, before.parts.seen)
        yield Home(folder, journal, Ledger(before, tally), alarms)


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


def _before(journal: Journal, tally: Tally) -> tuple[Accounts, tuple[Alarm, ...]]:
    document = journal.last_accounts
    if document is None:
        return Accounts(), ()
    try:
        known = Accounts.parse(document)
    except InspectorError as error:
        _log.error("%s; the accounts start at zero", error)
        return Accounts(), ()
    before, lost_frames, lost_parts = known.after_restart(captured=tally.frames, seen=tally.parts)
    if lost_frames or lost_parts:
        text = f"The last run ended while {lost_frames} frames and {lost_parts} parts were on their way: no result."
        _log.warning(text)
        what_to_do = "Inspect the parts that were on the line again; find out why the station ended."
        return before, (Alarm(LOST_IN_RESTART, Severity.WARNING, text, what_to_do),)
    return before, ()
