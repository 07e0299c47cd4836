"""What each machine of a training job is told: three files, and the variables that scripts know."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cloud_side.local.jobs.kinds import JobKind
from cloud_side.local.jobs.places import ML
from cloud_side.local.jobs.plan import Host, Input, host_names

_NETWORK = "lo"
_GROUP = "homogeneousCluster"


def hosts_of(request: Mapping[str, Any], channels: Sequence[Input]) -> tuple[Host, ...]:
    """Return the machines that a CreateTrainingJob asks for.

    Raises:
        PlanError: If it asks for none.

    Source:
        SageMaker AI Developer Guide, "How Amazon SageMaker AI provides training information".
    """
    groups = _groups(request.get("ResourceConfig", {}))
    names = [name for group in groups for name in group["hosts"]]
    return tuple(_host(request, channels, groups, names, group, name) for group in groups for name in group["hosts"])


def _groups(resources: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = resources.get("InstanceGroups") or [
        {
            "InstanceGroupName": _GROUP,
            "InstanceType": resources.get("InstanceType", "local"),
            "InstanceCount": resources.get("InstanceCount", 1),
        }
    ]
    names = iter(host_names(sum(group["InstanceCount"] for group in found)))
    return [
        {
            "instance_group_name": group["InstanceGroupName"],
            "instance_type": group["InstanceType"],
            "hosts": [next(names) for _ in range(group["InstanceCount"])],
        }
        for group in found
    ]


def _host(  # noqa: PLR0913, PLR0917 - what resourceconfig.json of one host is made of
    request: Mapping[str, Any],
    channels: Sequence[Input],
    groups: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    group: Mapping[str, Any],
    name: str,
) -> Host:
    resources = {
        "current_host": name,
        "current_instance_type": group["instance_type"],
        "current_group_name": group["instance_group_name"],
        "hosts": names,
        "instance_groups": groups,
        "network_interface_name": _NETWORK,
    }
    inputs = {channel["ChannelName"]: _told_of(channel, request) for channel in request.get("InputDataConfig", ())}
    hyperparameters = dict(request.get("HyperParameters", {}))
    return Host(
        name,
        {
            "input/config/hyperparameters.json": hyperparameters,
            "input/config/inputdataconfig.json": inputs,
            "input/config/resourceconfig.json": resources,
        },
        {
            **request.get("Environment", {}),
            "TRAINING_JOB_NAME": request["TrainingJobName"],
            "TRAINING_JOB_ARN": JobKind.TRAINING.arn(request["TrainingJobName"]),
            **_toolkit(channels, hyperparameters, inputs, resources),
        },
    )


def _told_of(channel: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, str]:
    told = {
        "TrainingInputMode": channel.get("InputMode", request["AlgorithmSpecification"]["TrainingInputMode"]),
        "S3DistributionType": channel["DataSource"]["S3DataSource"].get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    return told | ({"ContentType": channel["ContentType"]} if "ContentType" in channel else {})


def _toolkit(
    channels: Sequence[Input],
    hyperparameters: Mapping[str, str],
    inputs: Mapping[str, Any],
    resources: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the variables that scripts know from SageMaker's training toolkit.

    Source:
        aws/sagemaker-training-toolkit, ENVIRONMENT_VARIABLES.md.
    """
    return {
        "SM_MODEL_DIR": f"{ML}/model",
        "SM_INPUT_DIR": f"{ML}/input",
        "SM_INPUT_CONFIG_DIR": f"{ML}/input/config",
        "SM_OUTPUT_DIR": f"{ML}/output",
        "SM_OUTPUT_DATA_DIR": f"{ML}/output/data",
        "SM_CHANNELS": sorted(channel.name for channel in channels),
        **{f"SM_CHANNEL_{channel.name.upper()}": f"{ML}/{channel.path}" for channel in channels},
        "SM_HPS": hyperparameters,
        **{
            f"SM_HP_{name.upper().replace('-', '_')}": value
            for name, value in hyperparameters.items()
            if re.fullmatch(r"[\w.-]+", name)  # others cannot be variables; they are in SM_HPS
        },
        "SM_INPUT_DATA_CONFIG": inputs,
        "SM_RESOURCE_CONFIG": resources,
        "SM_HOSTS": resources["hosts"],
        "SM_CURRENT_HOST": resources["current_host"],
        "SM_NETWORK_INTERFACE_NAME": _NETWORK,
        "SM_NUM_CPUS": str(len(os.sched_getaffinity(0))),
        "SM_NUM_GPUS": str(len(list(Path("/dev").glob("nvidia[0-9]*")))),
        "SM_LOG_LEVEL": "20",
    }
