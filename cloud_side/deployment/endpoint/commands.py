"""What the commands `endpoint …` do in AWS; each says its lines, and returns its exit code."""

import argparse
import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from cloud_side.commands import CommandError, group_of, on_engine
from cloud_side.deployment.endpoint import deploying
from cloud_side.deployment.endpoint.requests import Shifting, Wanted
from cloud_side.engines import ENGINE_VARIABLE, engine_folder
from cloud_side.objects import Client
from cloud_side.session import session
from cloud_side.training.registry.packages import Registered, find
from edge_inspector.errors import ConfigError

Say: TypeAlias = Callable[[str], None]
Options: TypeAlias = argparse.Namespace


def run(name: str, options: Options, say: Say) -> int:
    """Do a command.

    Raises:
        InspectorError: With one line, or one a problem.
    """
    with on_engine(options):
        if engine_folder() is not None:
            msg = (
                f"{os.environ[ENGINE_VARIABLE]}: expected AWS, as an engine of one machine hosts no models; "
                "`edge-inspector-cloud endpoint serve MODEL_DIR` serves one here"
            )
            raise ConfigError(msg)
        return _COMMANDS[name](options, session().client("sagemaker"), say)


def _deploy(options: Options, client: Client, say: Say) -> int:
    wanted = wanted_of(find(client, group_of(options), options.package), options)
    if options.count is None:
        wanted = deploying.as_many_as_stand(client, wanted)
    steps = deploying.plan(client, wanted)
    for step in steps:
        say(step.line)
    if not steps:
        say(f"{wanted.name} serves {wanted.model} {wanted.version} already: nothing to do")
    if options.plan:
        return 0
    deploying.do(client, steps)
    if options.wait:
        deploying.wait(client, wanted, pause=time.sleep)
        say(f"{wanted.name} serves {wanted.model} {wanted.version}")
        left = deploying.plan(client, wanted)
        for step in left:
            say(step.line)
        deploying.do(client, left)
    elif steps:
        say(f"begun; `edge-inspector-cloud endpoint status {wanted.name}` says how far it is")
    return 0


def wanted_of(package: Registered, options: Options) -> Wanted:
    """Return what the options ask for of a package.

    Raises:
        CommandError: If it is none of ours, or nobody has approved it.
        ConfigError: If an option is wrong.
    """
    if not package.name or package.model_uri is None:
        msg = f"{package.arn}: expected a package that training registered, found one without a model or an archive"
        raise CommandError(msg)
    if package.approval.value != "Approved":
        msg = f"{package.title}: expected a model that was approved, found it {package.approval.value}"
        raise CommandError(msg)
    return Wanted(
        package.name,
        package.version,
        package.model_uri,
        package.properties.get("archive_sha256", ""),
        options.image,
        options.role,
        instance=options.instance,
        count=1 if options.count is None else options.count,
        endpoint=options.name,
        precision=options.precision,
        alarms=tuple(options.alarm),
        shifting=Shifting(options.share, options.watch, options.end_after, options.most),
    )


def _status(options: Options, client: Client, say: Say) -> int:
    endpoint, config = deploying.status(client, options.name)
    for line in told(endpoint, config):
        say(line)
    return 0


def told(endpoint: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[str]:
    """Yield what SageMaker says of an endpoint and its configuration, a line each."""
    yield f"endpoint:       {endpoint['EndpointName']}, {endpoint['EndpointStatus']}"
    if endpoint.get("FailureReason"):
        yield f"reason:         {endpoint['FailureReason']}"
    yield f"configuration:  {endpoint['EndpointConfigName']}"
    for variant in config["ProductionVariants"]:
        yield f"model:          {variant['ModelName']}"
        yield f"instances:      {variant.get('InitialInstanceCount', 0)} {variant.get('InstanceType', '')}"
    for variant in endpoint.get("ProductionVariants", []):
        yield f"in service:     {variant.get('CurrentInstanceCount', 0)} of {variant.get('DesiredInstanceCount', 0)}"
    if "PendingDeploymentSummary" in endpoint:
        yield f"on its way:     {endpoint['PendingDeploymentSummary']['EndpointConfigName']}"
    yield f"changed:        {endpoint['LastModifiedTime']:%Y-%m-%d %H:%M}"


def _delete(options: Options, client: Client, say: Say) -> int:
    steps = deploying.delete_steps(client, options.name)
    for step in steps:
        say(step.line)
    if not steps:
        say(f"there is no endpoint {options.name}, and nothing that was made for it: nothing to do")
    if not options.plan:
        deploying.do(client, steps)
    return 0


_COMMANDS: Mapping[str, Callable[[Options, Client, Say], int]] = {
    "deploy": _deploy,
    "status": _status,
    "delete": _delete,
}
