"""Why a job failed, in the words that DescribeTrainingJob and DescribeProcessingJob give."""

from pathlib import Path

from cloud_side.local.jobs.metrics import last_line

_MOST = 1024  # characters of a FailureReason or ExitMessage, and bytes of the file that a program writes
_SIGNALS = 128


def algorithm_error(root: Path, log: Path, code: int, *, host: str = "") -> str:
    """Return the reason of a job whose program ended badly: what it wrote about that, else its last words.

    Args:
        root: What the program sees as /opt/ml.
        log: What it printed.
        code: Its exit code; above 128 a signal ended it.
        host: Named where there are several.

    Source:
        SageMaker AI Developer Guide, "How Amazon SageMaker AI signals algorithm success and failure".
    """
    said = written(root / "output" / "failure") or last_line(log) or "the program said nothing"
    by = f" (ended by signal {code - _SIGNALS})" if code > _SIGNALS else ""
    return _reason("AlgorithmError", f"{host}: {said}" if host else said, f", exit code: {code}{by}")


def client_error(problem: object) -> str:
    """Return the reason of a job that its request or its data made impossible."""
    return _reason("ClientError", str(problem))


def internal_error(problem: object) -> str:
    """Return the reason of a job that this machine made impossible."""
    return _reason("InternalServerError", str(problem))


def written(path: Path) -> str:
    """Return the beginning of what a program left in a file; empty where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(_MOST).decode(errors="replace").strip()
    except OSError:
        return ""


def _reason(kind: str, text: str, tail: str = "") -> str:
    return f"{kind}: {text[: _MOST - len(kind) - len(tail) - 2]}{tail}"
