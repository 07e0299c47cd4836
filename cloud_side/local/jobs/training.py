"""A training job: its channels, its model, its checkpoints."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cloud_side.local.jobs.places import ML, Address, PlanError, below_ml
from cloud_side.local.jobs.plan import Input, Limits, Output, Plan, command_of, input_of, only
from cloud_side.local.jobs.training_hosts import hosts_of

_LONGEST_VALUE = 2500


def plan_of(request: Mapping[str, Any]) -> Plan:
    """Return what is to be done for a CreateTrainingJob.

    Raises:
        PlanError: If a part of it cannot be done.

    Source:
        SageMaker AI Developer Guide, "How Amazon SageMaker AI provides training information".
    """
    algorithm = request["AlgorithmSpecification"]
    channels = tuple(_channel(each, algorithm["TrainingInputMode"]) for each in request.get("InputDataConfig", ()))
    checkpoints = request.get("CheckpointConfig")
    kept = None if checkpoints is None else below_ml(checkpoints.get("LocalPath", f"{ML}/checkpoints"), "LocalPath")
    _check_names(channels)
    _check_hyperparameters(request.get("HyperParameters", {}))
    return Plan(
        hosts=hosts_of(request, channels),
        command=command_of(algorithm),
        image=algorithm.get("TrainingImage", algorithm.get("AlgorithmName", "none")),
        folders=("input/config", "input/data", "model", "output/data", *([kept] if kept else [])),
        inputs=(*channels, *_checkpoint_inputs(checkpoints, kept)),
        outputs=(*_checkpoint_outputs(checkpoints, kept), *_artifacts(request)),
        limits=_limits(request),
        kept=kept,
        metrics=_metrics(algorithm.get("MetricDefinitions", ())),
    )


def model_address(request: Mapping[str, Any]) -> Address:
    """Return where the model of a training job lies once it has ended."""
    return _made(request, "model")


def _artifacts(request: Mapping[str, Any]) -> tuple[Output, ...]:
    is_archive = _is_packed(request)
    return (
        Output("model", "model", _made(request, "model"), is_archive=is_archive),
        Output("output", "output/data", _made(request, "output"), is_archive=is_archive, is_optional=True),
    )


def _made(request: Mapping[str, Any], what: str) -> Address:
    base = Address.parse(request["OutputDataConfig"]["S3OutputPath"])
    return base.below(f"{request['TrainingJobName']}/output/{what}{'.tar.gz' if _is_packed(request) else '/'}")


def _is_packed(request: Mapping[str, Any]) -> bool:
    return bool(request["OutputDataConfig"].get("CompressionType") != "NONE")


def _channel(channel: Mapping[str, Any], mode: str) -> Input:
    name = channel["ChannelName"]
    only(channel.get("InputMode", mode), expected=("File", "FastFile"), what=f"the input mode of channel {name!r}")
    if (source := channel["DataSource"].get("S3DataSource")) is None:
        msg = f"channel {name!r} has {', '.join(channel['DataSource'])}, expected S3DataSource on this machine"
        raise PlanError(msg)
    only(source["S3DataType"], expected=("S3Prefix", "ManifestFile"), what=f"S3DataType of channel {name!r}")
    only(channel.get("CompressionType"), expected=("None", None), what=f"CompressionType of channel {name!r}")
    return input_of(name, source, f"input/data/{name}")


def _check_names(channels: Sequence[Input]) -> None:
    names = [channel.name for channel in channels]
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9.\-_]{1,64}", name) or name in (".", "..") or names.count(name) > 1:
            msg = f"a channel is named {name!r}, expected letters, digits, '.', '-' and '_', and each name once"
            raise PlanError(msg)


def _check_hyperparameters(values: Mapping[str, str]) -> None:
    for name, value in values.items():
        if len(value) > _LONGEST_VALUE:
            msg = f"hyperparameter {name!r} has {len(value)} characters, expected {_LONGEST_VALUE} at most"
            raise PlanError(msg)


def _checkpoint_inputs(checkpoints: Mapping[str, Any] | None, path: str | None) -> tuple[Input, ...]:
    if checkpoints is None or path is None:
        return ()
    return (Input("checkpoints", _folder(checkpoints["S3Uri"]), path, is_optional=True),)


def _checkpoint_outputs(checkpoints: Mapping[str, Any] | None, path: str | None) -> tuple[Output, ...]:
    if checkpoints is None or path is None:
        return ()
    return (Output("checkpoints", path, _folder(checkpoints["S3Uri"]), is_continuous=True),)


def _folder(uri: str) -> Address:
    address = Address.parse(uri)
    return Address(address.bucket, f"{address.key.rstrip('/')}/" if address.key else "")


def _limits(request: Mapping[str, Any]) -> Limits:
    stopping = request.get("StoppingCondition", {})
    runtime_s, wait_s = stopping.get("MaxRuntimeInSeconds", Limits.runtime_s), stopping.get("MaxWaitTimeInSeconds")
    is_spot = request.get("EnableManagedSpotTraining", False)
    if is_spot and (wait_s is None or wait_s < runtime_s):
        msg = f"MaxWaitTimeInSeconds is {wait_s}, expected at least MaxRuntimeInSeconds, which is {runtime_s}"
        raise PlanError(msg)
    if wait_s is not None and not is_spot:
        msg = "MaxWaitTimeInSeconds is there without EnableManagedSpotTraining, expected both or none"
        raise PlanError(msg)
    retries = request.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0)
    return Limits(runtime_s, wait_s, is_spot=is_spot, retries=retries)


def _metrics(definitions: Sequence[Mapping[str, str]]) -> dict[str, str]:
    for each in definitions:
        try:
            groups = re.compile(each["Regex"]).groups
        except re.error as error:
            msg = f"the Regex of metric {each['Name']!r} is {each['Regex']!r}, which is none: {error}"
            raise PlanError(msg) from error
        if not groups:
            msg = f"the Regex of metric {each['Name']!r} is {each['Regex']!r}, expected one with a group: the number"
            raise PlanError(msg)
    return {each["Name"]: each["Regex"] for each in definitions}
