"""What was logged while a test ran."""

import logging

import pytest


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the messages of the warnings, and of what is worse, in order."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
