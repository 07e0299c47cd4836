"""An approved model on an engine as it is: events begin the workflow, functions and devices run by themselves."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloud_side.cli import main
from cloud_side.deployment.keeping import records
from cloud_side.deployment.records import Outcome
from cloud_side.engines import ENGINE_VARIABLE
from cloud_side.local.devices.registering import CoreDevice, register
from cloud_side.objects import Bucket
from cloud_side.training.registry.archive import pack
from tests.cloud.deployment.site import ALL, BUCKET, CANARY, model, sha256
from tests.cloud.local.engines import opened, running_engine
from tests.onnx_models import write_package

PATIENCE_S = 180


def wait_for(found: Callable[[], Any]) -> Any:
    ends_s = time.monotonic() + PATIENCE_S
    while not (value := found()):
        assert time.monotonic() < ends_s, "it never came true"
        threading.Event().wait(0.2)
    return value


@pytest.mark.thorough
def test_an_approved_model_comes_to_all_stations_by_itself_and_one_whose_execution_is_stopped_goes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(ENGINE_VARIABLE, "aws")  # which the command sets, too
    folder = tmp_path / "engine"
    with running_engine(folder), opened(folder) as cloud:
        bucket = Bucket(cloud.session.client("s3"), BUCKET)
        wait_for(lambda: _is_there(cloud.session.client("stepfunctions")))
        for thing, group in (("press-1", CANARY), ("press-2", ALL)):
            register(cloud.database, CoreDevice(thing, tmp_path / thing, None), [group])
        _approve(cloud.session.client("sagemaker"), bucket, tmp_path / "good", "1.0.0")
        for thing in ("press-1", "press-2"):
            wait_for((tmp_path / thing / "current").is_file)
            _prove(bucket, thing)
        wait_for(lambda: [each for each in records(bucket) if each.outcome is not Outcome.RUNNING])
        (record,) = records(bucket)
        assert (record.outcome, record.reason, record.why) == (Outcome.DONE, "", "seen it")
        assert (tmp_path / "press-2" / "current").read_text() == "bright-spot/1.0.0\n"
        assert main(["rollout", "status", "--home", str(folder)]) == 0
        assert "1 ok, 1 proved" in capsys.readouterr().out

        _approve(cloud.session.client("sagemaker"), bucket, tmp_path / "stopped", "1.1.0")
        wait_for(lambda: (tmp_path / "press-1" / "current").read_text() == "bright-spot/1.1.0\n")
        second = records(bucket)[0]
        cloud.session.client("stepfunctions").stop_execution(executionArn=second.execution)
        wait_for(lambda: records(bucket)[0].outcome is Outcome.ROLLED_BACK)
        assert (records(bucket)[0].rollback_of, records(bucket)[0].by) == (second.id, "workflow")
        assert (tmp_path / "press-1" / "current").read_text() == "bright-spot/1.0.0\n"


def _is_there(states: Any) -> bool:
    return any(each["name"] == "edge-inspector-rollout" for each in states.list_state_machines()["stateMachines"])


def _approve(registry: Any, bucket: Bucket, folder: Path, version: str) -> None:
    package = write_package(folder / "package", f"model {version}".encode(), version=version)
    archive = folder / "model.tar.gz"
    with archive.open("wb") as file:
        pack(package, file)
    key = f"models/bright-spot/{version}/model.tar.gz"
    bucket.write(key, archive.read_bytes())
    made = registry.create_model_package(
        ModelPackageGroupName=BUCKET,
        InferenceSpecification={
            "Containers": [{"Image": "image", "ModelDataUrl": bucket.address(key)}],
            "SupportedContentTypes": ["image/png"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        ModelApprovalStatus="PendingManualApproval",
        CustomerMetadataProperties={
            "model": "bright-spot",
            "version": version,
            "archive_sha256": sha256(archive.read_bytes()),
        },
    )
    registry.update_model_package(
        ModelPackageArn=made["ModelPackageArn"], ModelApprovalStatus="Approved", ApprovalDescription="seen it"
    )


def _prove(bucket: Bucket, station: str) -> None:
    event = {
        "id": "1/model.proved",
        "source": f"/edge-inspector/berlin/line-1/{station}/top",
        "type": "com.edgeinspector.model.proved.v1",
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1)),
        "data": {"camera": "top", "model": model("1.0.0"), "parts": 200},
    }
    bucket.write(f"events/model/{station}/{time.time() * 1000:.0f}-1.json", json.dumps(event).encode())
