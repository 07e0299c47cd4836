"""Requests to SageMaker hosting, from values; names tell whose they are and what is behind them."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cloud_side.installation import installation
from edge_inspector.errors import ConfigError

VARIANT: Final = "model"
_LONGEST_NAME, _LONGEST_VERSION, _WHOSE, _HASH, _MOST_ALARMS = 63, 12, 8, 10, 10
_OTHER_LETTERS: Final = re.compile(r"[^a-zA-Z0-9]+")
_NAME: Final = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


@dataclass(frozen=True, slots=True)
class Shifting:
    """How an update moves the requests to new instances, in seconds.

    Attributes:
        share: Of the instances that get requests first, above 0 and at most 0.5; a single one takes them all at once.
        watch_s: How long alarms are watched before the others follow, and again before the old instances end.
        end_after_s: How long the old instances stay after that.
        most_s: An update that takes longer is rolled back; more than all that waiting.

    Source:
        SageMaker API Reference, BlueGreenUpdatePolicy: what a MaximumExecutionTimeoutInSeconds has to be larger than.
    """

    share: float = 0.1
    watch_s: int = 600
    end_after_s: int = 300
    most_s: int = 3600

    def __post_init__(self) -> None:
        limits = {"watch_s": (0, 3600), "end_after_s": (0, 3600), "most_s": (600, 28_800)}
        for name, (least, most) in limits.items():
            if not least <= getattr(self, name) <= most:
                msg = f"{name}: expected {least} to {most} seconds, found {getattr(self, name)}"
                raise ConfigError(msg)
        if not 0 < self.share <= 0.5:
            msg = f"share: expected more than 0 and at most 0.5 of the instances, found {self.share}"
            raise ConfigError(msg)
        waits_s = 2 * self.watch_s + self.end_after_s
        if self.most_s <= waits_s:
            msg = (
                f"most_s: expected more than the {waits_s} seconds that every update waits (watched twice for "
                f"{self.watch_s}, old instances end after {self.end_after_s}), found {self.most_s}"
            )
            raise ConfigError(msg)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What shall be served.

    Attributes:
        endpoint: Its name; None: after the model.
        model, version: Of the package.
        archive_uri: Address of `model.tar.gz`.
        archive_sha256: Of it; empty where the registry does not know it.
        image: URI of the container.
        role: ARN of the role that SageMaker takes: it reads the archive and the image.
        instance: Type, such as `ml.c7i.large`.
        count: Instances, at least 1.
        precision: Of the package's file.
        alarms: Names of CloudWatch's that roll an update back.
        shifting: How an update goes.
    """

    model: str
    version: str
    archive_uri: str
    archive_sha256: str
    image: str
    role: str
    instance: str = "ml.c7i.large"
    count: int = 1
    endpoint: str | None = None
    precision: str = "float32"
    alarms: tuple[str, ...] = ()
    shifting: Shifting = Shifting()

    def __post_init__(self) -> None:
        if self.endpoint is not None and not _NAME.fullmatch(self.endpoint):
            msg = f"endpoint: expected up to 63 letters, digits and hyphens between them, found {self.endpoint!r}"
            raise ConfigError(msg)
        if self.count < 1:
            msg = f"count: expected at least 1 instance, found {self.count}"
            raise ConfigError(msg)
        if len(self.alarms) > _MOST_ALARMS:
            msg = f"alarms: expected at most {_MOST_ALARMS}, found {len(self.alarms)}"
            raise ConfigError(msg)

    @property
    def name(self) -> str:
        """Of the endpoint."""
        return self.endpoint or _fitting(f"{installation()}-{self.model}", _LONGEST_NAME)


def owned(endpoint: str) -> str:
    """Return how the names of all that is made for an endpoint begin, and no name of what is made for another."""
    endpoint = endpoint.lower()  # SageMaker takes two names that differ by case for one
    room = _LONGEST_NAME - _WHOSE - _LONGEST_VERSION - _HASH - len("---")
    return f"{_fitting(endpoint, room)}-{_hash(endpoint, _WHOSE)}-"


def model_request(wanted: Wanted) -> dict[str, Any]:
    """Return the parameters of CreateModel: the container reads its package and reaches no network.

    Source:
        SageMaker API Reference, CreateModel; ContainerDefinition.
    """
    content = {
        "PrimaryContainer": {
            "Image": wanted.image,
            "ModelDataUrl": wanted.archive_uri,
            "Environment": {"EDGE_INSPECTOR_ENDPOINT_PRECISION": wanted.precision},
        },
        "ExecutionRoleArn": wanted.role,
        "EnableNetworkIsolation": True,
        "Tags": _tags(wanted),
    }
    return {"ModelName": _named(wanted, content, wanted.archive_sha256), **content}


def config_request(wanted: Wanted) -> dict[str, Any]:
    """Return the parameters of CreateEndpointConfig, for the model of `model_request`.

    Source:
        SageMaker API Reference, CreateEndpointConfig; ProductionVariant.
    """
    content = {
        "ProductionVariants": [
            {
                "VariantName": VARIANT,
                "ModelName": model_request(wanted)["ModelName"],
                "InitialInstanceCount": wanted.count,
                "InstanceType": wanted.instance,
                "InitialVariantWeight": 1.0,
                "ContainerStartupHealthCheckTimeoutInSeconds": 300,
                # An instance is slow when requests wait there, not when it was the last one's turn.
                "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
            }
        ],
        "Tags": _tags(wanted),
    }
    return {"EndpointConfigName": _named(wanted, content), **content}


def create_request(wanted: Wanted) -> dict[str, Any]:
    """Return the parameters of CreateEndpoint: there is nothing yet that requests could be moved from."""
    return {
        "EndpointName": wanted.name,
        "EndpointConfigName": config_request(wanted)["EndpointConfigName"],
        "Tags": _tags(wanted),
    }


def update_request(wanted: Wanted) -> dict[str, Any]:
    """Return the parameters of UpdateEndpoint: new instances beside the old ones, a few first, and back on an alarm.

    Source:
        SageMaker API Reference, BlueGreenUpdatePolicy, TrafficRoutingConfig (a canary has at most half the instances).
    """
    shifting = wanted.shifting
    routing: dict[str, Any] = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": shifting.watch_s}
    if wanted.count > 1:
        first = min(math.ceil(wanted.count * shifting.share), wanted.count // 2)
        routing |= {"Type": "CANARY", "CanarySize": {"Type": "INSTANCE_COUNT", "Value": first}}
    deployment: dict[str, Any] = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": shifting.end_after_s,
            "MaximumExecutionTimeoutInSeconds": shifting.most_s,
        }
    }
    if wanted.alarms:
        deployment["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": name} for name in wanted.alarms]}
    return {
        "EndpointName": wanted.name,
        "EndpointConfigName": config_request(wanted)["EndpointConfigName"],
        "RetainAllVariantProperties": False,
        "DeploymentConfig": deployment,
    }


def _tags(wanted: Wanted) -> list[dict[str, str]]:
    return [
        {"Key": "edge-inspector:model", "Value": wanted.model},
        {"Key": "edge-inspector:version", "Value": wanted.version},
    ]


def _named(wanted: Wanted, content: Mapping[str, Any], *more: str) -> str:
    """Return a name for content of an endpoint: another content, or the same of another endpoint, has another name."""
    told = _hash(json.dumps([content, *more], sort_keys=True), _HASH)
    return f"{owned(wanted.name)}{_fitting(wanted.version, _LONGEST_VERSION)}-{told}"


def _hash(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def _fitting(text: str, longest: int) -> str:
    """Return text as SageMaker's names are, and no longer than that."""
    return _OTHER_LETTERS.sub("-", text)[:longest].strip("-")
