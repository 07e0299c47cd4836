"""The command line: parses arguments, calls one function, prints."""

import os
import sys
from collections.abc import Sequence

from edge_inspector.cli.parser import build_parser
from edge_inspector.errors import InspectorError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; an error is one line, without a traceback."""
    options = build_parser().parse_args(arguments)
    try:
        code = int(options.command(options))
        sys.stdout.flush()  # here, where a reader that has gone is no surprise
    except InspectorError as error:
        from edge_inspector.daemon import exit_code

        for line in str(error).splitlines():
            print(f"edge-inspector: error: {line}", file=sys.stderr)
        return exit_code(error)
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does; nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code
