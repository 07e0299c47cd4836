"""The errors of AWS IoT's registry, by what is wrong."""

from cloud_side.local.wiring import Parameters, RefusedRequest


def invalid(message: str) -> RefusedRequest:
    """Return the refusal of a request that says something that cannot be."""
    return RefusedRequest("InvalidRequestException", message)


def missing(message: str) -> RefusedRequest:
    """Return the refusal of a request for something that is not there."""
    return RefusedRequest("ResourceNotFoundException", message, status=404)


def taken(message: str, *, identity: str, arn: str) -> RefusedRequest:
    """Return the refusal to make something that is there already, and otherwise."""
    return RefusedRequest("ResourceAlreadyExistsException", message, status=409, resourceId=identity, resourceArn=arn)


def outdated(message: str) -> RefusedRequest:
    """Return the refusal to change another version than is there."""
    return RefusedRequest("VersionConflictException", message, status=409)


def not_here(message: str) -> RefusedRequest:
    """Return the refusal of a request for something that AWS has and this machine has not."""
    return RefusedRequest("NotOnLocalEngine", message, status=501)


def refuse_others(parameters: Parameters, known: str) -> None:
    """Refuse members of a request that this machine has no use for.

    Args:
        parameters: Of the request.
        known: The members that it has, separated by spaces.

    Raises:
        RefusedRequest: If there is another one.
    """
    if others := sorted(parameters.keys() - set(known.split())):
        msg = f"{', '.join(others)}: not there on the local engine, which knows {known.replace(' ', ', ')}"
        raise not_here(msg)
