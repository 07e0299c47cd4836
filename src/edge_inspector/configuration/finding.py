"""Where the last good configuration of a file lies when the file itself cannot say, because it is damaged or gone.

A signpost beside the file names the home, unless that lies where it is looked for anyway: in the default state folder.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from edge_inspector.configuration.last_good import LastGood
from edge_inspector.configuration.reading import document_in
from edge_inspector.errors import ConfigError
from edge_inspector.settings import Settings, StateSettings

_log = logging.getLogger(__name__)
_LONGEST_PATH = 4096


def signpost_of(file: Path) -> Path:
    """Return the file that names the home of a configuration file."""
    return file.with_name(f".{file.name}.home")


def leave_signpost(file: Path, home: Path) -> None:
    """Note the home of a configuration file beside it, where that is needed and the folder can be written to."""
    signpost, text = signpost_of(file), f"{home.absolute()}\n"
    try:
        is_there = signpost.exists()
        if not is_there and home.parent == _default_folder():
            return
        if not is_there or signpost.read_text(encoding="utf-8", errors="replace") != text:
            signpost.write_text(text, encoding="utf-8")
    except (OSError, ValueError) as error:
        _log.debug("%s: if it cannot be read, its last good configuration is not found: %s", file, error)


def find_last_good(file: Path, content: bytes) -> tuple[LastGood, Settings] | None:
    """Return the last good configuration of a file, and where it lies; None when there is none.

    Args:
        file: The configuration file.
        content: What could be read of it, if anything.
    """
    for home in _homes(file, content):
        store = LastGood(home, file)
        if (settings := store.load()) is not None:
            return store, settings
    return None


def _homes(file: Path, content: bytes) -> Iterator[Path]:
    """Yield the folders in which it may lie, the most likely first."""
    if (named := _named_home(file, content)) is not None:
        yield named
    try:
        noted = signpost_of(file).read_text(encoding="utf-8")[:_LONGEST_PATH].strip()
    except (OSError, ValueError):
        noted = ""
    if noted and noted.isprintable():
        yield Path(noted)
    for folder in sorted(_default_folder().glob("*/configuration")):
        if LastGood(folder.parent, file).is_of_file():
            yield folder.parent


def _named_home(file: Path, content: bytes) -> Path | None:
    """Return the home that a file names, whatever else is wrong with it."""
    try:
        document = document_in(content, file)
        sections = {name: document[name] for name in ("state", "station") if name in document}
        return Settings.model_validate(sections).home if sections else None
    except (ConfigError, ValidationError):
        return None


def _default_folder() -> Path:
    return StateSettings().dir
