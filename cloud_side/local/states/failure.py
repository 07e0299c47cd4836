"""How a state fails: an error that retriers and catchers match by name, and a cause for people."""


class StateFailure(Exception):  # noqa: N818 - Step Functions' own word is "fail"; its errors are names
    """A state that failed.

    Attributes:
        error: The error's name, e.g. `States.QueryEvaluationError` or `SageMaker.ResourceLimitExceededException`.
        cause: What happened, in words.
    """

    def __init__(self, error: str, cause: str = "") -> None:
        """Keep both."""
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause
