"""What requests are refused at once, because no machine, or not this one, could do them."""

from pathlib import Path
from typing import Any

import pytest

from cloud_side.local.jobs.kinds import JobKind
from cloud_side.local.jobs.places import PlanError, placed
from cloud_side.local.jobs.planning import plan_of
from tests.cloud.local.jobs.conftest import Bench
from tests.cloud.local.services.sagemaker import asked


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (asked.training(InputDataConfig=[asked.channel("..", "s3://bench/a")]), "channel"),
        (asked.training(InputDataConfig=[asked.channel("a", "s3://b/a"), asked.channel("a", "s3://b/a")]), "once"),
        (asked.training(InputDataConfig=[asked.channel("a", "https://bench/a")]), "s3://"),
        (asked.training(InputDataConfig=[asked.channel("a", "s3://b/a", kind="AugmentedManifestFile")]), "S3DataType"),
        (asked.training(InputDataConfig=[asked.channel("a", "s3://b/a") | {"InputMode": "Pipe"}]), "input mode"),
        (asked.training(InputDataConfig=[asked.channel("a", "s3://b/a") | {"CompressionType": "Gzip"}]), "Compression"),
        (asked.training(HyperParameters={"long": "x" * 2501}), "hyperparameter 'long' has 2501"),
        (asked.training(EnableManagedSpotTraining=True), "MaxWaitTimeInSeconds"),
        (asked.training(StoppingCondition={"MaxWaitTimeInSeconds": 7}), "EnableManagedSpotTraining"),
        (asked.training(ResourceConfig={"InstanceCount": 0, "InstanceType": "ml.m5.large"}), "InstanceCount"),
        (asked.training(CheckpointConfig={"S3Uri": "s3://b/c", "LocalPath": "/tmp/c"}), "/opt/ml"),
        (asked.training(CheckpointConfig={"S3Uri": "s3://b/c", "LocalPath": "/opt/ml/../c"}), "/opt/ml"),
        (asked.training(AlgorithmSpecification={"MetricDefinitions": [{"Name": "a", "Regex": "("}]}), "Regex"),
        (asked.training(AlgorithmSpecification={"MetricDefinitions": [{"Name": "a", "Regex": "a"}]}), "group"),
        (asked.processing(ProcessingInputs=[asked.input_("a", "s3://b/a", S3InputMode="Pipe")]), "S3InputMode"),
        (asked.processing(ProcessingInputs=[asked.input_("a", "s3://b/a", LocalPath="/data")]), "/opt/ml/processing"),
        (asked.processing(ProcessingInputs=[asked.input_("a", "s3://b/a", LocalPath="/opt/ml/config")]), "processing"),
        (asked.processing(ProcessingInputs=[{"InputName": "a", "DatasetDefinition": {}}]), "S3Input"),
        (asked.processing(ProcessingOutputConfig={"Outputs": [{"OutputName": "a"}]}), "S3Output"),
    ],
)
def test_a_request_that_cannot_be_done_is_no_plan(request_: dict[str, Any], said: str) -> None:
    kind = JobKind.TRAINING if "TrainingJobName" in request_ else JobKind.PROCESSING
    with pytest.raises(PlanError, match=said):
        plan_of(kind, request_)


def test_what_cannot_be_done_is_refused_and_no_job(bench: Bench) -> None:
    for request in (asked.training("../outside"), asked.training(EnableManagedSpotTraining=True)):
        with pytest.raises(bench.sagemaker.exceptions.ClientError, match="ValidationException"):
            bench.sagemaker.create_training_job(**request)
    with pytest.raises(Exception, match=r"HyperParameters\.epochs"):  # the client's own check
        bench.sagemaker.create_training_job(**asked.training(HyperParameters={"epochs": 3}))
    assert bench.sagemaker.list_training_jobs()["TrainingJobSummaries"] == []
    assert bench.events() == []


def test_only_a_whole_path_of_a_container_is_one_of_this_machine() -> None:
    root = Path("/home/jobs/algo-1")
    assert placed(["/opt/ml", "/opt/ml/model", "--dir=/opt/ml/model"], root) == [
        "/home/jobs/algo-1",
        "/home/jobs/algo-1/model",
        "--dir=/home/jobs/algo-1/model",
    ]
    assert placed({"a": {"b": "/opt/ml/c"}, "n": 7}, root) == {"a": {"b": "/home/jobs/algo-1/c"}, "n": 7}
    same = ["s3://bench/opt/ml/model", "/opt/mlx", "/data/opt/ml", "x /opt/ml", "", 7, None]
    assert placed(same, root) == same
