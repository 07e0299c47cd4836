"""What a command says when it cannot be done."""

from collections.abc import Iterator
from contextlib import contextmanager

from cloud_side import commands
from cloud_side.commands import CommandError

__all__ = ["CommandError", "one_line_errors"]


@contextmanager
def one_line_errors(engine: str) -> Iterator[None]:
    """Make what the service refuses, and what keeps one from asking it, an error of one line.

    Args:
        engine: Which one is asked: `aws`, or the folder of a local one.
    """
    import sqlite3

    try:
        with commands.one_line_errors():
            yield
    except BrokenPipeError:
        raise  # of whoever reads what is printed
    except (OSError, sqlite3.Error) as error:
        msg = f"{engine}: the engine's folder cannot be read or written: {error}"
        raise CommandError(msg) from error
