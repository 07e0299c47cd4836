"""Errors of boto3 as the errors that definitions catch.

Source:
    https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html (`ServiceName.ErrorName`,
    "always include the Exception suffix"), and `concepts-error-handling.html` there; causes as observed at AWS, see
    `arguments`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.model import OperationModel

from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.integrations.resource import Integration, Kind
from cloud_side.local.states.integrations.spelling import exception_name, service_prefix


@contextmanager
def as_state_failure(integration: Integration, operation: OperationModel) -> Iterator[None]:
    """Make an error of the block's call the state's.

    Raises:
        StateFailure: With the name that the service's error has in definitions.
    """
    try:
        yield
    except ClientError as error:
        if integration.kind is Kind.SDK:
            raise _of_sdk(error, operation) from error
        raise _of_optimized(error, integration) from error
    except ParamValidationError:  # nothing was called
        raise
    except BotoCoreError as error:  # no answer: no connection, a time-out
        prefix = _prefix(operation) if integration.kind is Kind.SDK else integration.optimized.prefix
        raise StateFailure(error=f"{prefix}.SdkClientException", cause=str(error)) from error


def _of_sdk(error: ClientError, operation: OperationModel) -> StateFailure:
    prefix = _prefix(operation)
    shape = _shape(error, operation)
    name = f"{prefix}Exception" if shape is None else exception_name(shape)
    metadata = error.response.get("ResponseMetadata", {})
    details = [
        f"Service: {prefix}",
        f"Status Code: {metadata.get('HTTPStatusCode')}",
        f"Request ID: {metadata.get('RequestId')}",
    ]
    if "HostId" in metadata:
        details.append(f"Extended Request ID: {metadata['HostId']}")
    cause = f"{_message(error)} ({', '.join(details)}) (SDK Attempt Count: 1)"
    return StateFailure(f"{prefix}.{name}", cause)


def _of_optimized(error: ClientError, integration: Integration) -> StateFailure:
    service = integration.optimized
    shape = _modeled(error)
    name = service.own_error if shape is None else shape.removesuffix("Exception") + "Exception"
    metadata = error.response.get("ResponseMetadata", {})
    cause = (
        f"{_message(error)} (Service: {service.told_as}; Status Code: {metadata.get('HTTPStatusCode')}; "
        f"Error Code: {error.response['Error'].get('Code')}; Request ID: {metadata.get('RequestId')}; Proxy: null)"
    )
    return StateFailure(f"{service.prefix}.{name}", cause)


def _prefix(operation: OperationModel) -> str:
    return service_prefix(str(operation.service_model.service_id))


def _shape(error: ClientError, operation: OperationModel) -> str | None:
    """Return which error of the model it is.

    An answer to HEAD has no body, so that its code is the status; it is then the one error that the operation has.
    """
    modeled = _modeled(error)
    if modeled is None and error.response["Error"].get("Code") == "404" and len(operation.error_shapes) == 1:
        return str(operation.error_shapes[0].name)
    return modeled


def _modeled(error: ClientError) -> str | None:
    """boto3 makes a class of each error of a model, named as its shape."""
    return None if type(error) is ClientError else type(error).__name__


def _message(error: ClientError) -> str:
    return str(error.response["Error"].get("Message", ""))
