"""`edge-inspector` and `python -m edge_inspector`: runs the command line and ends the process with its code."""

import logging
import os
import sys
import threading

from edge_inspector.cli import main


def enter() -> None:
    """Run one command and end the process.

    A stop leaves a thread behind whose driver or model does not return. Before Python 3.14 such a thread aborts the
    process if it wakes while the interpreter is taken down, so that is left out then: everything is written already.
    """
    code = main()
    if any(thread.daemon and thread.is_alive() for thread in threading.enumerate()):
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    enter()
