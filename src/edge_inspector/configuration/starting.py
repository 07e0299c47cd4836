"""Which configuration a start runs: what the file says, or the last good one."""

from dataclasses import dataclass
from pathlib import Path

from edge_inspector.configuration.finding import find_last_good
from edge_inspector.configuration.last_good import LastGood, digest_of
from edge_inspector.configuration.reading import document_in, read_content, settings_in
from edge_inspector.errors import ConfigError
from edge_inspector.settings import Settings

MOST_TRIES = 2  # a power cut during a trial must not condemn it


@dataclass(frozen=True, slots=True)
class Choice:
    """What runs.

    Attributes:
        settings: The configuration.
        on_trial: It has not proved itself yet.
        refusal: Why it is not what the file says; None when it is.
    """

    settings: Settings
    on_trial: bool
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """A start.

    Attributes:
        choice: What runs.
        good: The last good configuration, if there is one.
        store: Where that lies, and the mark of a trial.
        content: What the file holds.
    """

    choice: Choice
    good: Settings | None
    store: LastGood
    content: bytes


def choose(wanted: Settings | ConfigError, good: Settings | None, tries: int) -> Choice:
    """Return what runs.

    Args:
        wanted: What the file says, or what is wrong with it.
        good: The last good configuration, if there is one.
        tries: How often the wanted one was started and took the process down before it had proved itself.

    Raises:
        ConfigError: `wanted`, if there is nothing to run instead.
    """
    if isinstance(wanted, ConfigError):
        if good is None:
            raise wanted
        return Choice(good, on_trial=False, refusal=str(wanted))
    if wanted == good:
        return Choice(wanted, on_trial=False)
    if good is not None and tries >= MOST_TRIES:
        problem = f"it ended the process {tries} times before it had proved itself"
        return Choice(good, on_trial=False, refusal=problem)
    return Choice(wanted, on_trial=True)


def begin(file: Path) -> Start:
    """Read a configuration file and choose what runs.

    Raises:
        ConfigError: If it cannot be used, and there is no last good configuration.
    """
    wanted: Settings | ConfigError
    content = b""
    try:
        content = read_content(file)
        wanted = settings_in(content, file)
    except ConfigError as error:
        wanted = error
    found = find_last_good(file, content)
    good = None if found is None else found[1]
    if isinstance(wanted, Settings):
        try:
            refuse_empty(content, file, good)
        except ConfigError as error:
            wanted = error
    if isinstance(wanted, Settings):
        store = LastGood(wanted.home, file)
    elif found is not None:
        store = found[0]
    else:
        raise wanted
    return Start(choose(wanted, good, store.tries(digest_of(content))), good, store, content)


def refuse_empty(content: bytes, file: Path, good: Settings | None) -> None:
    """Refuse a file without a section where the last good configuration had some: a write was cut short.

    Raises:
        ConfigError: If it is so.
    """
    if good not in (None, Settings()) and not document_in(content, file):
        msg = f"{file}: is empty: expected sections, as the last good configuration has"
        raise ConfigError(msg)
