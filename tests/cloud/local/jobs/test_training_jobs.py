"""A training job from its request to its model."""

import json
from pathlib import Path
from typing import Any

import pytest

from cloud_side.local.calling import Caller, calling
from tests.cloud.local.jobs.conftest import Bench
from tests.cloud.local.services.sagemaker import asked

SHELL = ["/bin/sh", "-c"]


def shell(script: str) -> list[str]:
    return [*SHELL, script]


def test_a_job_finds_its_inputs_and_its_model_is_in_s3(bench: Bench) -> None:
    bench.put("data/a.txt", "A")
    bench.put("data/deep/b.txt", "B")
    bench.put("data-2/c.txt", "C")
    bench.put("lists/m.json", json.dumps([{"prefix": "s3://bench/data/"}, "deep/b.txt"]))
    script = """
        cat "$SM_CHANNEL_TRAIN/a.txt" "$SM_CHANNEL_TRAIN/deep/b.txt" "$SM_CHANNEL_LISTED/deep/b.txt" > "$SM_MODEL_DIR/m"
        ls "$SM_CHANNEL_TRAIN"
        mkdir "$SM_MODEL_DIR/sub"; echo nested > "$SM_MODEL_DIR/sub/n"
        echo report > "$SM_OUTPUT_DATA_DIR/report.txt"
    """
    found = bench.run(
        asked.training(
            command=shell(script),
            InputDataConfig=[
                asked.channel("train", "s3://bench/data"),
                asked.channel("listed", "s3://bench/lists/m.json", kind="ManifestFile"),
            ],
        )
    )
    assert found["TrainingJobStatus"] == found["SecondaryStatus"] == "Completed", found.get("FailureReason")
    assert bench.archive("models/train-1/output/model.tar.gz") == {"m": b"ABB", "sub/n": b"nested\n"}
    assert bench.archive("models/train-1/output/output.tar.gz") == {"report.txt": b"report\n"}
    assert found["TrainingStartTime"] <= found["TrainingEndTime"]
    assert found["TrainingTimeInSeconds"] >= 1
    stages = [each["Status"] for each in found["SecondaryStatusTransitions"]]
    assert stages == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert [event["detail"]["SecondaryStatus"] for event in bench.events()] == ["Starting", "Completed"]
    last = bench.events()[-1]
    assert last["detail-type"] == "SageMaker Training Job State Change"
    assert last["resources"] == [found["TrainingJobArn"]]
    assert last["detail"]["TrainingEndTime"] == round(found["TrainingEndTime"].timestamp() * 1000)
    root = bench.home.jobs / "training-job" / "train-1" / "algo-1"
    assert not (root / "model").exists()  # the space of copies is given back
    assert not (root / "input" / "data" / "train").exists()


SHOW = """
import json, os, sys
root = os.environ["EDGE_INSPECTOR_ML_ROOT"]
config = {name: json.load(open(f"{root}/input/config/{name}.json"))
          for name in ("hyperparameters", "inputdataconfig", "resourceconfig")}
json.dump({"config": config, "environment": dict(os.environ), "arguments": sys.argv[1:], "root": root},
          open(os.environ["SM_MODEL_DIR"] + "/told.json", "w"))
"""


def test_a_program_is_told_what_a_container_of_sagemaker_is_told(bench: Bench, monkeypatch: Any) -> None:
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    bench.put("data/a.txt", "A")
    request = asked.training(
        AlgorithmSpecification={
            "ContainerEntrypoint": ["python", "-c", SHOW],
            "ContainerArguments": ["--model-dir=/opt/ml/model", "/opt/ml/input/data/train", "s3://a/opt/ml/b"],
        },
        HyperParameters={"learning-rate": "0.1", "a=b": "", "start": "/opt/ml/input/data/train/a.txt"},
        InputDataConfig=[asked.channel("train", "s3://bench/data/") | {"ContentType": "image/png"}],
        Environment={"STAGE": "dev", "CACHE": "/opt/ml/cache"},
    )
    with calling(Caller("execution-1", "attempt-1")):
        assert bench.run(request)["TrainingJobStatus"] == "Completed", bench.log("train-1")
    told = json.loads(bench.archive("models/train-1/output/model.tar.gz")["told.json"])
    root, environment = told["root"], told["environment"]
    assert told["config"]["hyperparameters"] == {
        "learning-rate": "0.1",
        "a=b": "",
        "start": f"{root}/input/data/train/a.txt",
    }
    assert told["config"]["inputdataconfig"] == {
        "train": {
            "TrainingInputMode": "File",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
            "ContentType": "image/png",
        }
    }
    assert told["config"]["resourceconfig"] == {
        "current_host": "algo-1",
        "current_instance_type": "ml.m5.large",
        "current_group_name": "homogeneousCluster",
        "hosts": ["algo-1"],
        "instance_groups": [
            {"instance_group_name": "homogeneousCluster", "instance_type": "ml.m5.large", "hosts": ["algo-1"]}
        ],
        "network_interface_name": "lo",
    }
    assert told["arguments"] == [f"--model-dir={root}/model", f"{root}/input/data/train", "s3://a/opt/ml/b"]
    assert environment["SM_MODEL_DIR"] == f"{root}/model"
    assert environment["SM_CHANNEL_TRAIN"] == f"{root}/input/data/train"
    assert environment["SM_OUTPUT_DATA_DIR"] == f"{root}/output/data"
    assert json.loads(environment["SM_HPS"]) == told["config"]["hyperparameters"]
    assert environment["SM_HP_LEARNING_RATE"] == "0.1"
    assert json.loads(environment["SM_HOSTS"]) == ["algo-1"]
    assert environment["SM_CURRENT_HOST"] == "algo-1"
    assert environment["TRAINING_JOB_NAME"] == "train-1"
    assert (environment["STAGE"], environment["CACHE"]) == ("dev", f"{root}/cache")
    assert environment["EDGE_INSPECTOR_ENGINE"] == f"local:{bench.home.folder}"
    assert json.loads(environment["EDGE_INSPECTOR_CLIENT_TOKEN"]) == [
        "execution-1",
        "attempt-1/arn:aws:sagemaker:eu-central-1:000000000000:training-job/train-1",
    ]
    assert "AWS_PROFILE" not in environment


CALL = """
from cloud_side.session import session
from threading import Thread
s3 = session().client("s3")
thread = Thread(target=lambda: s3.put_object(Bucket="bench", Key="from/the/job", Body=b"called"))
thread.start()
thread.join()
"""


@pytest.mark.nightly  # it loads all services; what tells the program in whose name it acts is tested above
def test_a_program_calls_the_services_of_its_engine_in_the_name_of_its_task_in_any_thread(bench: Bench) -> None:
    with calling(Caller("execution-1", "attempt-1")):
        folder = bench.create(asked.training(command=["python", "-c", CALL]))
    bench.supervise(folder)
    assert bench.described(folder)["TrainingJobStatus"] == "Completed", bench.log("train-1")
    assert bench.get("from/the/job") == b"called"
    scopes = bench.database.connection().execute("SELECT scope FROM answered WHERE key LIKE 'attempt-1/arn%'")
    assert [row["scope"] for row in scopes] == ["execution-1"]  # called again, it would do nothing


def test_several_hosts_run_side_by_side_and_their_models_become_one(bench: Bench) -> None:
    bench.put("data/1", "1")
    bench.put("data/2", "2")
    bench.put("data/3", "3")
    script = """
        echo "$SM_HOSTS $MASTER_ADDR $MASTER_PORT" > "$SM_MODEL_DIR/$SM_CURRENT_HOST"
        ls "$SM_CHANNEL_ALL" | tr '\\n' ' ' > "$SM_MODEL_DIR/all-$SM_CURRENT_HOST"
        ls "$SM_CHANNEL_SHARE" | tr '\\n' ' ' > "$SM_MODEL_DIR/share-$SM_CURRENT_HOST"
        echo "$SM_CURRENT_HOST" > "$SM_MODEL_DIR/same"
    """
    found = bench.run(
        asked.training(
            command=shell(script),
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 10},
            InputDataConfig=[
                asked.channel("all", "s3://bench/data/"),
                asked.channel("share", "s3://bench/data/", S3DataDistributionType="ShardedByS3Key"),
            ],
        )
    )
    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
    files = bench.archive("models/train-1/output/model.tar.gz")
    assert files["algo-1"] == files["algo-2"]  # they meet at the same place
    assert files["algo-1"].startswith(b'["algo-1", "algo-2"] 127.0.0.1 ')
    assert files["all-algo-1"] == files["all-algo-2"] == b"1 2 3 "
    assert (files["share-algo-1"], files["share-algo-2"]) == (b"1 3 ", b"2 ")
    assert files["same"] == b"algo-1\n"


def test_one_host_that_fails_ends_the_others(bench: Bench) -> None:
    script = 'test "$SM_CURRENT_HOST" = algo-1 && exec sleep 60; echo out of memory; exit 3'
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 10}
    found = bench.run(asked.training(command=shell(script), ResourceConfig=resources))
    assert found["FailureReason"] == "AlgorithmError: algo-2: out of memory, exit code: 3"
    assert bench.keys("models/") == []


def test_the_last_values_of_its_metrics_are_told(bench: Bench) -> None:
    script = 'echo "loss=0.9 map=0.1"; echo "loss=0.25"; echo "loss=nan"; echo "map=none"'
    definitions = [
        {"Name": "loss", "Regex": r"loss=(\S+)"},
        {"Name": "map", "Regex": r"map=([0-9.]+)"},
        {"Name": "never", "Regex": r"never=(\S+)"},
    ]
    found = bench.run(asked.training(command=shell(script), AlgorithmSpecification={"MetricDefinitions": definitions}))
    metrics = {each["MetricName"]: each["Value"] for each in found["FinalMetricDataList"]}
    assert metrics == {"loss": 0.25, "map": 0.1}


def test_a_model_may_be_left_unpacked(bench: Bench) -> None:
    output = {"S3OutputPath": "s3://bench/models/", "CompressionType": "NONE"}
    found = bench.run(asked.training(command=shell('echo m > "$SM_MODEL_DIR/m"'), OutputDataConfig=output))
    assert found["ModelArtifacts"]["S3ModelArtifacts"] == "s3://bench/models/train-1/output/model/"
    assert bench.keys("models/") == ["models/train-1/output/model/m"]


def test_checkpoints_are_brought_and_taken_while_the_program_runs(bench: Bench, marks: Path) -> None:
    bench.put("checkpoints/run-7/1", "one")
    script = f"""
        cd "$EDGE_INSPECTOR_ML_ROOT/checkpoints"
        cat 1 > seen; echo two > 2
        while [ ! -e {marks} ]; do sleep 0.01; done
        echo three > 3
    """
    folder = bench.create(
        asked.training(command=shell(script), CheckpointConfig={"S3Uri": "s3://bench/checkpoints/run-7"})
    )

    class Watched:
        """Lets the program go on once its second checkpoint is in S3."""

        def __getattr__(self, name: str) -> Any:
            return getattr(bench.s3, name)

        def upload_file(self, path: str, bucket: str, key: str, **more: Any) -> None:
            bench.s3.upload_file(path, bucket, key, **more)
            if key == "checkpoints/run-7/2":
                marks.touch()

    bench.supervise(folder, s3=Watched())
    assert bench.described(folder)["TrainingJobStatus"] == "Completed"
    assert bench.keys("checkpoints/run-7/") == [f"checkpoints/run-7/{name}" for name in ("1", "2", "3", "seen")]
    assert bench.get("checkpoints/run-7/seen") == b"one"
