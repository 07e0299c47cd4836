"""What a handler is told about its invocation, as in AWS Lambda's Python runtime."""

import os
import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Context:
    """The second argument of a handler.

    Source:
        AWS Lambda Developer Guide, "Using the Lambda context object to retrieve Python function information".
    """

    aws_request_id: str
    invoked_function_arn: str
    function_name: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_FUNCTION_NAME"])
    function_version: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_FUNCTION_VERSION"])
    memory_limit_in_mb: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"])
    log_group_name: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_LOG_GROUP_NAME"])
    log_stream_name: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_LOG_STREAM_NAME"])
    identity: None = None
    client_context: None = None
    _ends_at: float = field(kw_only=True)  # time.monotonic()

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the invocation may still take, in milliseconds."""
        return max(0, int((self._ends_at - time.monotonic()) * 1000))

    def log(self, message: object) -> None:
        """Write to the function's log."""
        print(message)  # noqa: T201 - a function's output is its log
