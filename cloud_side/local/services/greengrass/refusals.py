"""The errors of Greengrass, by what is wrong."""

from cloud_side.local.wiring import RefusedRequest


def invalid(message: str) -> RefusedRequest:
    """Return the refusal of a request that says something that cannot be."""
    return RefusedRequest("ValidationException", message, reason="OTHER")


def missing(kind: str, identity: str, expected: str) -> RefusedRequest:
    """Return the refusal of a request for something that is not there.

    Args:
        kind: As AWS calls it, e.g. `Deployment`.
        identity: What was asked for.
        expected: What would be there.
    """
    message = f"{kind} {identity} not found; expected {expected}"
    return RefusedRequest("ResourceNotFoundException", message, status=404, resourceId=identity, resourceType=kind)


def conflicting(message: str, kind: str, identity: str) -> RefusedRequest:
    """Return the refusal of a change that what is there does not allow."""
    return RefusedRequest("ConflictException", message, status=409, resourceId=identity, resourceType=kind)
