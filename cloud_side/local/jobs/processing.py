"""A processing job: what lies where before its program runs, and what is taken from where afterwards."""

from collections.abc import Mapping
from typing import Any

from cloud_side.local.jobs.kinds import JobKind
from cloud_side.local.jobs.places import ML, Address, PlanError, below_ml
from cloud_side.local.jobs.plan import Host, Input, Limits, Output, Plan, command_of, host_names, input_of, only

_BASE = f"{ML}/processing"
_TOLD = (
    "ProcessingInputs",
    "ProcessingOutputConfig",
    "ProcessingResources",
    "RoleArn",
    "StoppingCondition",
    "AppSpecification",
    "Environment",
)


def plan_of(request: Mapping[str, Any]) -> Plan:
    """Return what is to be done for a CreateProcessingJob.

    Raises:
        PlanError: If a part of it cannot be done.

    Source:
        SageMaker AI Developer Guide, "How Amazon SageMaker Processing Configures Your Processing Container".
    """
    specification = request["AppSpecification"]
    inputs = tuple(_input(each) for each in request.get("ProcessingInputs", ()))
    outputs = tuple(_output(each) for each in request.get("ProcessingOutputConfig", {}).get("Outputs", ()))
    runtime_s = request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", Limits.runtime_s)
    return Plan(
        hosts=_hosts(request),
        command=command_of(specification),
        image=specification["ImageUri"],
        folders=("config", "output", *(each.path for each in inputs), *(each.path for each in outputs)),
        inputs=inputs,
        outputs=outputs,
        limits=Limits(runtime_s),
    )


def _input(found: Mapping[str, Any]) -> Input:
    name = found["InputName"]
    if (source := found.get("S3Input")) is None or "LocalPath" not in source:
        msg = f"input {name!r} has {', '.join(found)}, expected S3Input with LocalPath on this machine"
        raise PlanError(msg)
    only(source.get("S3InputMode", "File"), expected=("File",), what=f"S3InputMode of input {name!r}")
    only(source.get("S3CompressionType"), expected=("None", None), what=f"S3CompressionType of input {name!r}")
    return input_of(name, source, below_ml(source["LocalPath"], f"LocalPath of input {name!r}", base=_BASE))


def _output(found: Mapping[str, Any]) -> Output:
    name = found["OutputName"]
    if (target := found.get("S3Output")) is None or "LocalPath" not in target:
        msg = f"output {name!r} has {', '.join(found)}, expected S3Output with LocalPath on this machine"
        raise PlanError(msg)
    return Output(
        name,
        below_ml(target["LocalPath"], f"LocalPath of output {name!r}", base=_BASE),
        Address.parse(target["S3Uri"]),
        is_continuous=target["S3UploadMode"] == "Continuous",
    )


def _hosts(request: Mapping[str, Any]) -> tuple[Host, ...]:
    names = host_names(request["ProcessingResources"]["ClusterConfig"].get("InstanceCount", 1))
    arn = JobKind.PROCESSING.arn(request["ProcessingJobName"])
    told = {"ProcessingJobArn": arn, "ProcessingJobName": request["ProcessingJobName"]}
    told |= {name: request[name] for name in _TOLD if name in request}
    environment = {
        **request.get("Environment", {}),
        "PROCESSING_JOB_NAME": request["ProcessingJobName"],
        "PROCESSING_JOB_ARN": arn,
    }
    return tuple(
        Host(
            name,
            {"config/processingjobconfig.json": told, "config/resourceconfig.json": _resources(name, names)},
            environment,
        )
        for name in names
    )


def _resources(name: str, names: tuple[str, ...]) -> dict[str, Any]:
    return {"current_host": name, "hosts": list(names)}
