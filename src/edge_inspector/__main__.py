"""`edge-inspector` and `python -m edge_inspector`: runs the command line and ends the process with its code."""

import gc
import logging
import os
import signal
import sys
import threading

from edge_inspector.cli import main


def enter() -> None:
    """Run one command and end the process.

    A stop leaves a thread behind whose driver or model does not return. Before Python 3.14 such a thread aborts the
    process if it wakes while the interpreter is taken down, so that is left out then: everything is written already.
    """
    code = main()
    for number in (signal.SIGTERM, signal.SIGINT):  # it is ending: a signal that comes now must not change the code
        signal.signal(number, signal.SIG_IGN)
    if any(thread.daemon and thread.is_alive() for thread in threading.enumerate()):
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    gc.freeze()  # to look through all that is loaded once more for garbage takes 0.3 s, and frees what is freed anyway
    sys.exit(code)


if __name__ == "__main__":
    enter()
