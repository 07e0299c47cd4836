"""Programs that some tests need: missing ones skip a test on a laptop and fail it in CI."""

import os
import shutil

import pytest

_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))


def require_program(name: str, *, package: str) -> str:
    """Return the path of a program, or skip the test; fail it where CI=true says that everything is installed."""
    if path := shutil.which(name, path=_PATH):
        return path
    reason = f"{name} is not installed; install the package {package}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
