"""Why something failed, in one sentence: a cause that is JSON holds it among much else."""

import json

_NAMES = ("FailureReason", "ExitMessage", "errorMessage", "Cause")


def reason_of(cause: str) -> str:
    """Return what a cause tells a person first: of a SageMaker job, a function or an execution; empty for another."""
    try:
        told = json.loads(cause)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(told, dict):
        return ""
    return next((value for name in _NAMES if isinstance(value := told.get(name), str) and value), "")
