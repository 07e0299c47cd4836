"""An endpoint in SageMaker: what has to be done until it serves what is wanted, and what it does now."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from botocore.exceptions import ClientError

from cloud_side.commands import CommandError
from cloud_side.deployment.endpoint.requests import (
    Wanted,
    config_request,
    create_request,
    model_request,
    owned,
    update_request,
)
from cloud_side.objects import Client, code_of

_ABSENT: Final = frozenset({"ValidationException", "ResourceNotFound"})
_IN_SERVICE, _DELETING = "InService", "Deleting"
_BUSY: Final = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", _DELETING})
_LOOK_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Step:
    """One call.

    Attributes:
        operation: As the client names it.
        request: Its parameters.
        line: What it does, for a person.
    """

    operation: str
    request: Mapping[str, Any]
    line: str


def as_many_as_stand(client: Client, wanted: Wanted) -> Wanted:
    """Return what is wanted with as many instances as the endpoint has; as it is where there is no endpoint yet.

    Args:
        client: Of SageMaker.
        wanted: What shall be served; its count is not looked at.
    """
    endpoint = _found(client.describe_endpoint, EndpointName=wanted.name)
    if endpoint is None:
        return wanted
    serves = _found(client.describe_endpoint_config, EndpointConfigName=endpoint["EndpointConfigName"])
    if serves is not None:  # that a scaling policy has changed the count since makes no other configuration
        begun_with = serves["ProductionVariants"][0].get("InitialInstanceCount", wanted.count)
        same = replace(wanted, count=max(1, begun_with))
        if config_request(same)["EndpointConfigName"] == endpoint["EndpointConfigName"]:
            return same
    (variant, *_) = endpoint.get("ProductionVariants") or [{}]
    return replace(wanted, count=max(1, variant.get("DesiredInstanceCount", wanted.count)))


def plan(client: Client, wanted: Wanted) -> tuple[Step, ...]:
    """Return what is missing until an endpoint serves what is wanted, and what is left over of earlier ones, in order.

    Left over is what was made for this endpoint and is neither wanted nor serves now; so what an update has replaced
    goes with the plan that is made after it.

    Args:
        client: Of SageMaker.
        wanted: What shall be served.

    Raises:
        CommandError: If the endpoint is in a state in which it cannot be changed.
    """
    return tuple(_steps(client, wanted))


def _steps(client: Client, wanted: Wanted) -> Iterator[Step]:
    model, config = model_request(wanted), config_request(wanted)
    endpoint = _found(client.describe_endpoint, EndpointName=wanted.name)
    if endpoint is not None:
        _check_changeable(wanted.name, endpoint)
    if _found(client.describe_model, ModelName=model["ModelName"]) is None:
        yield Step("create_model", model, f"make model {model['ModelName']} of {wanted.archive_uri}")
    name = config["EndpointConfigName"]
    if _found(client.describe_endpoint_config, EndpointConfigName=name) is None:
        yield Step("create_endpoint_config", config, f"make configuration {name}: {wanted.count} {wanted.instance}")
    if endpoint is None:
        yield Step("create_endpoint", create_request(wanted), f"make endpoint {wanted.name}")
    elif endpoint["EndpointConfigName"] != name:
        request = update_request(wanted)
        yield Step("update_endpoint", request, _told(wanted, request))
    kept = {name, model["ModelName"]}
    if endpoint is not None and endpoint["EndpointConfigName"] != name:
        serves = endpoint["EndpointConfigName"]
        described = _found(client.describe_endpoint_config, EndpointConfigName=serves)
        if described is None:
            return  # nobody knows which models it needs
        kept |= {serves, *(variant["ModelName"] for variant in described["ProductionVariants"])}
    yield from _leftovers(client, wanted.name, kept)


def _told(wanted: Wanted, request: Mapping[str, Any]) -> str:
    routing = request["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    first = f"{routing['CanarySize']['Value']} of {wanted.count} first" if "CanarySize" in routing else "all at once"
    watched = f"back on {', '.join(wanted.alarms)}" if wanted.alarms else "no alarm is watched"
    return f"update endpoint {wanted.name} from new instances: {first}, {routing['WaitIntervalInSeconds']} s, {watched}"


def do(client: Client, steps: tuple[Step, ...]) -> None:
    """Make the calls; one that was made before the process ended is not made again by the next plan."""
    for step in steps:
        getattr(client, step.operation)(**step.request)


def wait(client: Client, wanted: Wanted, *, pause: Callable[[float], object]) -> None:
    """Wait until an endpoint serves what is wanted.

    Args:
        client: Of SageMaker.
        wanted: What shall be served.
        pause: Waits so many seconds.

    Raises:
        CommandError: If it does not come to that; says why.
    """
    name = config_request(wanted)["EndpointConfigName"]
    while (endpoint := _described(client, wanted.name))["EndpointStatus"] in _BUSY:
        pause(_LOOK_S)
    if endpoint["EndpointStatus"] != _IN_SERVICE or endpoint["EndpointConfigName"] != name:
        why = endpoint.get("FailureReason") or "SageMaker says no reason"
        msg = (
            f"{wanted.name}: expected {_IN_SERVICE} with {name}, found {endpoint['EndpointStatus']} with "
            f"{endpoint['EndpointConfigName']}: {why}"
        )
        raise CommandError(msg)


def status(client: Client, name: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return what SageMaker says of an endpoint, and of its configuration.

    Raises:
        CommandError: If there is no such endpoint.
    """
    endpoint = _described(client, name)
    return endpoint, client.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])


def delete_steps(client: Client, name: str) -> tuple[Step, ...]:
    """Return what removes an endpoint and all that was made for it, of what is left of them; what others made stays.

    Raises:
        CommandError: If it is being changed now, or others have made it.
    """
    endpoint, steps = _found(client.describe_endpoint, EndpointName=name), []
    if endpoint is not None and endpoint["EndpointStatus"] != _DELETING:
        if endpoint["EndpointStatus"] in _BUSY:
            msg = f"{name}: expected an endpoint that stands, found it {endpoint['EndpointStatus']}; try again later"
            raise CommandError(msg)
        if not (serves := endpoint["EndpointConfigName"]).startswith(owned(name)):
            msg = f"{name}: expected an endpoint that `endpoint deploy` made, found one of others, serving {serves}"
            raise CommandError(msg)
        steps.append(Step("delete_endpoint", {"EndpointName": name}, f"delete endpoint {name}"))
    return (*steps, *_leftovers(client, name, frozenset()))


def _leftovers(client: Client, endpoint: str, kept: Collection[str]) -> Iterator[Step]:
    """Yield what deletes all that was made for an endpoint but what is kept: configurations first, they name models."""
    begin = owned(endpoint)
    for kind, plural, key, word in (
        ("endpoint_config", "EndpointConfigs", "EndpointConfigName", "configuration"),
        ("model", "Models", "ModelName", "model"),
    ):
        for page in client.get_paginator(f"list_{kind}s").paginate(NameContains=begin):
            for name in (each[key] for each in page[plural]):
                if name.startswith(begin) and name not in kept:
                    yield Step(f"delete_{kind}", {key: name}, f"delete {word} {name}")


def _check_changeable(name: str, endpoint: Mapping[str, Any]) -> None:
    found = endpoint["EndpointStatus"]
    if found == _IN_SERVICE:
        return
    helps = "try again later" if found in _BUSY else f"`edge-inspector-cloud endpoint delete {name}` makes room"
    why = f" ({endpoint['FailureReason']})" if endpoint.get("FailureReason") else ""
    msg = f"{name}: expected an endpoint that is {_IN_SERVICE}, or none, found it {found}{why}; {helps}"
    raise CommandError(msg)


def _described(client: Client, name: str) -> Mapping[str, Any]:
    found = _found(client.describe_endpoint, EndpointName=name)
    if found is None:
        msg = f"{name}: expected an endpoint, found none of this name"
        raise CommandError(msg)
    return found


def _found(describe: Callable[..., Mapping[str, Any]], **names: str) -> Mapping[str, Any] | None:
    try:
        return describe(**names)
    except ClientError as error:
        if code_of(error) not in _ABSENT:  # it has no code of its own for what is not there
            raise
        return None
