"""Parts of a pipeline's definition: references, inputs, outputs, steps."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from cloud_side.training.places import ML

Json: TypeAlias = Any
_STEPS: Final = "cloud_side.training.steps"
# A machine that is not free now may be so later; a job that broke off by itself may not do so again.
RETRIES: Final = (
    {
        "ExceptionType": ["Step.SERVICE_FAULT", "Step.THROTTLING"],
        "IntervalSeconds": 10,
        "BackoffRate": 2.0,
        "MaxAttempts": 6,
    },
    {
        "ExceptionType": ["SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT"],
        "IntervalSeconds": 300,
        "BackoffRate": 1.5,
        "ExpireAfterMin": 720,
    },
    {"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "IntervalSeconds": 30, "BackoffRate": 2.0, "MaxAttempts": 2},
)


def parameter(name: str) -> Json:
    """Return what stands for a parameter."""
    return {"Get": f"Parameters.{name}"}


def joined(*values: Json, by: str = "/") -> Json:
    """Return what stands for texts one after the other."""
    return {"Std:Join": {"On": by, "Values": list(values)}}


def run_place(*names: Json) -> Json:
    """Return the address of something of this run."""
    return joined("s3:/", parameter("Bucket"), "training", {"Get": "Execution.PipelineExecutionId"}, *names)


def output_of(step: str, name: str, *below: str) -> Json:
    """Return the address of a processing step's output, or of something in it; the step comes first by that."""
    address = {"Get": f"Steps.{step}.ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri"}
    return joined(address, *below) if below else address


def model_of(step: str) -> Json:
    """Return the address of a training step's archive; the step comes first by that."""
    return {"Get": f"Steps.{step}.ModelArtifacts.S3ModelArtifacts"}


def entry_point(name: str) -> list[str]:
    """Return the program of a step."""
    return ["python", "-m", f"{_STEPS}.{name}"]


def arguments(said: Mapping[str, Json]) -> list[Json]:
    """Return options with their values as a container's arguments."""
    return [word for name, value in said.items() for word in (f"--{name}", value)]


def processing(
    name: str,
    *,
    said: Mapping[str, Json],
    inputs: Mapping[str, Json],
    outputs: Sequence[str],
    property_files: Sequence[Mapping[str, str]] = (),
) -> Json:
    """Return a processing step, whose program is the script of its name in small letters.

    Args:
        name: Of the step.
        said: Options of the program.
        inputs: Addresses, by the name under which the program finds them.
        outputs: Names under which the program leaves them, and under which they lie in the run's folder.
        property_files: Of outputs, that conditions look into.
    """
    specification = {"ImageUri": parameter("Image"), "ContainerEntrypoint": entry_point(name.lower())}
    step = {
        "Name": name,
        "Type": "Processing",
        "Arguments": {
            "RoleArn": parameter("Role"),
            "AppSpecification": {**specification, **({"ContainerArguments": arguments(said)} if said else {})},
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceCount": 1,
                    "InstanceType": parameter("StepInstance"),
                    "VolumeSizeInGB": parameter("StepVolumeGB"),
                }
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": parameter("StepSeconds")},
            **({"ProcessingInputs": [_input(key, address) for key, address in inputs.items()]} if inputs else {}),
            "ProcessingOutputConfig": {"Outputs": [_output(each) for each in outputs]},
        },
        "RetryPolicies": list(RETRIES),
    }
    return {**step, "PropertyFiles": list(property_files)} if property_files else step


def channel(name: str, address: Json) -> Json:
    """Return a channel of a training job."""
    source = {"S3DataType": "S3Prefix", "S3Uri": address, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def _input(name: str, address: Json) -> Json:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": address,
            "LocalPath": f"{ML}/processing/input/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        },
    }


def _output(name: str) -> Json:
    return {
        "OutputName": name,
        "S3Output": {
            "S3Uri": run_place(name),
            "LocalPath": f"{ML}/processing/output/{name}",
            "S3UploadMode": "EndOfJob",
        },
    }
