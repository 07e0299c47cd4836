"""What ends a build: one line that names the thing, what was found and what was expected."""

import sys
from collections.abc import Callable


class BuildError(Exception):
    """Something that is built from is not as it must be."""


def exit_status(build: Callable[[], None]) -> int:
    """Run a build; return 0, or 1 after saying in one line why not."""
    try:
        build()
    except (BuildError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
