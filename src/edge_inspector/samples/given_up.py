"""Why a sample that was worth keeping was not kept."""

from enum import StrEnum

from edge_inspector.errors import InspectorError


class NotKept(StrEnum):
    """The causes, as the names of counters."""

    OVER_BUDGET = "over_budget"
    QUEUE_FULL = "queue_full"
    NOT_ENCODED = "not_encoded"
    OVER_QUOTA = "over_quota"  # it alone is larger than all of its reason may be
    DISK_LOW = "disk_low"  # and nothing worth less could make room
    DISK_FAILED = "disk_failed"
    FAILED = "failed"  # by a fault of ours; the log tells
    STOPPED = "stopped"  # it was still waiting to be encoded


class NotStoredError(InspectorError):
    """A sample was given up.

    Attributes:
        cause: Why.
    """

    def __init__(self, cause: NotKept, problem: str) -> None:
        super().__init__(problem)
        self.cause = cause
