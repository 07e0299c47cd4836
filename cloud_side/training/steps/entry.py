"""What the programs of the steps have in common: an error is one line, and lies where SageMaker reads it."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cloud_side.training.places import ml_root
from edge_inspector.errors import InspectorError

PROCESSING_MESSAGE: Final = "output/message"
TRAINING_FAILURE: Final = "output/failure"
_LONGEST: Final = 1024  # letters that SageMaker keeps


def told(step: Callable[[], object], *, where: str = PROCESSING_MESSAGE) -> int:
    """Run a step as the program of a job and return its exit code.

    Args:
        step: Does the work.
        where: File below /opt/ml for the reason of a failure.

    Source:
        SageMaker AI Developer Guide, "How Amazon SageMaker AI Processes Training Output" and "How Amazon SageMaker
        Processing Runs Your Processing Container".
    """
    try:
        step()
    except InspectorError as error:
        sys.stderr.write(f"{error}\n")
        _tell(ml_root() / where, str(error))
        return 1
    return 0


def say(line: str) -> None:
    """Print a line of progress at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _tell(file: Path, reason: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(reason[:_LONGEST], encoding="utf-8", errors="backslashreplace")
