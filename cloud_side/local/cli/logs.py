"""`logs`: the end of a log of the engine, a function or a job, and what comes after it."""

import argparse
import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from cloud_side.drawing.markup import shown
from cloud_side.local.cli.errors import CommandError
from cloud_side.local.cli.opened import existing_home
from cloud_side.local.home import Home

_LOOK_S = 0.25
_BLOCK = 1 << 20
_LISTED = 10


def logs(options: argparse.Namespace) -> int:
    """Print a log, or which there are."""
    home = existing_home(options)
    found = _logs(home)
    if options.list:
        print("\n".join(found) if found else "no logs")
        return 0
    path = _meant(options.name, found)
    try:
        with path.open("rb") as file:
            for text in _tail(file, options.lines):
                _print(text)
            if options.follow:
                _follow(path, file)
    except OSError as error:
        msg = f"{path}: cannot be read: {error}"
        raise CommandError(msg) from error
    return 0


def _logs(home: Home) -> dict[str, Path]:
    """Return the logs by name: the path below the folder of logs, without what it ends with."""
    found = {str(path.relative_to(home.logs).with_suffix("")): path for path in home.logs.rglob("*.log")}
    return dict(sorted(found.items()))


def _meant(said: str, found: dict[str, Path]) -> Path:
    if said in found:
        return found[said]
    meant = [name for name in found if name.rpartition("/")[2] == said] or [name for name in found if said in name]
    if len(meant) != 1:
        what = f"{len(meant)} logs are meant: {', '.join(meant[:_LISTED])}" if meant else "no log has this name"
        there = ", ".join(list(found)[:_LISTED]) or "none"
        msg = f"{said}: {what}; expected one of {there}{', …' if len(found) > _LISTED else ''}"
        raise CommandError(msg)
    return found[meant[0]]


def _tail(file: IO[bytes], lines: int) -> Iterator[bytes]:
    """Yield the last lines, and be at the end of the file."""
    at = file.seek(0, os.SEEK_END)
    kept = b""
    while at > 0 and kept.count(b"\n") <= lines:
        size = min(_BLOCK, at)
        at = file.seek(at - size)
        kept = file.read(size) + kept
    file.seek(0, os.SEEK_END)
    yield from deque(kept.splitlines(keepends=True), maxlen=lines)


def _follow(path: Path, file: IO[bytes]) -> None:
    """Print what is added, also once the log has begun anew; until Ctrl-C."""
    while True:
        for text in file:
            _print(text)
        sys.stdout.flush()
        time.sleep(_LOOK_S)
        if _began_anew(path, file):
            for text in file:  # what came before it was put aside
                _print(text)
            file.close()
            file = path.open("rb")


def _began_anew(path: Path, file: IO[bytes]) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False  # it is about to
    return found.st_ino != os.fstat(file.fileno()).st_ino or found.st_size < file.tell()


def _print(text: bytes) -> None:
    sys.stdout.write(shown(text.decode("utf-8", "replace")))
