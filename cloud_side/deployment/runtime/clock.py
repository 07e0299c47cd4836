"""The time, in one place."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)
