"""How a nucleus says no: the errors of the IPC API."""

from enum import StrEnum


class ApiError(StrEnum):
    SERVICE = "ServiceError"
    RESOURCE_NOT_FOUND = "ResourceNotFoundError"
    UNAUTHORIZED = "UnauthorizedError"
    INVALID_ARGUMENTS = "InvalidArgumentsError"
    FAILED_UPDATE_CONDITION_CHECK = "FailedUpdateConditionCheckError"


class RefusalError(Exception):
    """What a request is refused with: the error's name, and a text."""

    def __init__(self, name: str, text: str = "") -> None:
        super().__init__(text or name)
        self.name, self.text = name, text or name
