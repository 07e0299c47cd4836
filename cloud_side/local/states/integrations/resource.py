"""What the Resource of a Task state names: an operation of a service, and when the task is at its end.

Source:
    https://docs.aws.amazon.com/step-functions/latest/dg/integrate-services.html,
    https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Self

import botocore.session

from cloud_side.local.states.integrations.optimized import Job, OptimizedService, Pattern, optimized_services
from cloud_side.local.states.integrations.spelling import Spelling, boto3_service, sdk_service, services, uncapitalized

_PARTITION = r"arn:aws(?:-[a-z]+)*"
_PATTERN = r"(?P<pattern>\.sync|\.sync:2|\.waitForTaskToken)?"
_SDK = re.compile(rf"{_PARTITION}:states:::aws-sdk:(?P<service>[^:]+):(?P<action>\w+){_PATTERN}")
_OPTIMIZED = re.compile(rf"{_PARTITION}:states:::(?P<service>[^:]+):(?P<action>\w+){_PATTERN}")
_FUNCTION = re.compile(rf"{_PARTITION}:lambda:[a-z0-9-]+:\d{{12}}:function:(?P<name>[\w-]+)(?::(?:\$LATEST|[\w-]+))?")


class ResourceError(ValueError):
    """A Resource that names nothing that can be done."""


class Kind(StrEnum):
    """The three ways to name what is to be done."""

    SDK = "sdk"
    OPTIMIZED = "optimized"
    FUNCTION = "function"


@dataclass(frozen=True)
class Integration:
    """What a Task state does.

    Attributes:
        resource: As in the definition.
        kind: How it is named.
        service: As the resource spells it, e.g. `greengrassv2`; `lambda` for a function.
        client: boto3's name of the service.
        operation: As the API has it, e.g. `CreateDeployment`.
        pattern: When the task is at its end.
    """

    resource: str
    kind: Kind
    service: str
    client: str
    operation: str
    pattern: Pattern = Pattern.CALL

    @classmethod
    def parse(cls, resource: str) -> Self:
        """Read a Resource.

        Raises:
            ResourceError: If it names no service, operation or pattern that there is; the message says what is.
        """
        if found := _SDK.fullmatch(resource):
            return cls._of_sdk(resource, found)
        if found := _OPTIMIZED.fullmatch(resource):
            return cls._of_optimized(resource, found)
        if _FUNCTION.fullmatch(resource):
            return cls(resource, Kind.FUNCTION, "lambda", "lambda", "Invoke")
        msg = (
            f"the Resource {resource!r} is none that a task can have; expected an ARN as in "
            "arn:aws:states:::aws-sdk:s3:getObject, arn:aws:states:::lambda:invoke, or that of a function"
        )
        raise ResourceError(msg)

    @classmethod
    def _of_sdk(cls, resource: str, found: re.Match[str]) -> Self:
        service, action, pattern = found["service"], found["action"], Pattern(found["pattern"] or "")
        client = boto3_service(service)
        if client is None:
            raise _unknown_service(resource, service)
        if pattern not in (Pattern.CALL, Pattern.TOKEN):
            msg = f"{resource}: the AWS SDK integrations have no {pattern}; expected none, or .waitForTaskToken"
            raise ResourceError(msg)
        operations = _operations(client)
        if action not in operations:
            hint = _close(action, operations)
            msg = f"{resource}: {service} has no action {action!r}{hint or '; expected one that begins in lower case'}"
            raise ResourceError(msg)
        return cls(resource, Kind.SDK, service, client, operations[action], pattern)

    @classmethod
    def _of_optimized(cls, resource: str, found: re.Match[str]) -> Self:
        service, action, pattern = found["service"], found["action"], Pattern(found["pattern"] or "")
        actions = {
            f"{name}:{action}": patterns
            for name, integrated in _optimized().items()
            for action, patterns in integrated.actions.items()
        }
        if (patterns := actions.get(f"{service}:{action}")) is None:
            msg = (
                f"{resource}: no optimized integration {service}:{action} on this engine; there are "
                f"{', '.join(sorted(actions))}, and aws-sdk:SERVICE:ACTION for all else"
            )
            raise ResourceError(msg)
        if pattern not in patterns:
            expected = ", ".join(f"{service}:{action}{allowed}" for allowed in patterns)
            msg = f"{resource}: {service}:{action} has no {pattern}; expected one of {expected}"
            raise ResourceError(msg)
        operation = action[0].upper() + action[1:]
        return cls(resource, Kind.OPTIMIZED, service, _optimized()[service].client, operation, pattern)

    @property
    def spelling(self) -> Spelling:
        """How members of its arguments and results are spelled."""
        return Spelling.SDK if self.kind is Kind.SDK else Spelling.OPTIMIZED

    @property
    def task(self) -> str:
        """What does it, as histories and causes tell it: `aws-sdk:s3`, `lambda`."""
        return f"aws-sdk:{self.service}" if self.kind is Kind.SDK else self.service

    @property
    def optimized(self) -> OptimizedService:
        """How the service is integrated; not for the AWS SDK's."""
        return _optimized()[self.service]

    @property
    def job(self) -> Job | None:
        """What the task waits for after its call; None where it does not."""
        if self.pattern not in (Pattern.JOB, Pattern.JOB_2):
            return None
        return self.optimized.jobs[uncapitalized(self.operation)]


@cache
def _optimized() -> Mapping[str, OptimizedService]:
    return optimized_services()


@cache
def _operations(client: str) -> Mapping[str, str]:
    """Return a service's operations by their names in resources, without those that Step Functions does not offer.

    These are the ones that stream events, and deprecated ones.
    """
    model = botocore.session.get_session().get_service_model(client)
    offered = {}
    for name in model.operation_names:
        operation = model.operation_model(name)
        streams = operation.has_event_stream_input or operation.has_event_stream_output
        if not streams and not operation.deprecated:
            offered[uncapitalized(name)] = name
    return offered


def _unknown_service(resource: str, service: str) -> ResourceError:
    proper = sdk_service(service)
    if boto3_service(proper) == service:
        return ResourceError(f"{resource}: the service {service} is named {proper} there")
    close = _close(service, services())
    return ResourceError(
        f"{resource}: no service {service!r}{close or '; expected one as the AWS SDK for Java names it'}"
    )


def _close(name: str, known: Mapping[str, str]) -> str:
    close = difflib.get_close_matches(name, known, n=3)
    return f"; did you mean {' or '.join(close)}?" if close else ""
