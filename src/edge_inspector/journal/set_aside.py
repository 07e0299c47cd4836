"""Files that cannot be used are renamed, and the newest of them kept for a person to look at."""

import re
from pathlib import Path

from edge_inspector.durable import sync_folder

_KEPT = 3


def set_aside(path: Path, *, why: str) -> str | None:
    """Rename a database with its log to `{name}.{why}-{n}`; return the new name, None where there was nothing.

    Args:
        path: The database.
        why: One word.

    Raises:
        OSError: If the disk does not take it.
    """
    if not path.parent.is_dir():
        return None
    pattern = re.compile(rf"{re.escape(path.name)}\.{why}-(\d+)")
    numbers = sorted(int(found[1]) for each in path.parent.iterdir() if (found := pattern.fullmatch(each.name)))
    number = numbers[-1] + 1 if numbers else 1
    new_path = path.with_name(f"{path.name}.{why}-{number}")
    # The log goes first: beside a new database of the old name it would be taken for that one's.
    log = _beside(path, "-wal")
    if log.exists():
        log.rename(_beside(new_path, "-wal"))
    _beside(path, "-shm").unlink(missing_ok=True)
    if not path.exists():
        return None
    path.rename(new_path)
    sync_folder(path.parent)
    for old in [*numbers, number][:-_KEPT]:
        for suffix in ("", "-wal"):
            path.with_name(f"{path.name}.{why}-{old}{suffix}").unlink(missing_ok=True)
    return new_path.name


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
