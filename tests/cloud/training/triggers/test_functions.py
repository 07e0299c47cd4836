"""The functions of the retraining workflow on an engine: what is new, a version of it, a run that is taken once."""

import hashlib
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from cloud_side import clients, executions
from cloud_side.catalog.candidates import Filter
from cloud_side.catalog.creating import Wish, create
from cloud_side.catalog.formats import FORMS
from cloud_side.catalog.importing import Arrival, import_set, imported
from cloud_side.catalog.label_rows import record_of
from cloud_side.catalog.labels import AnnotatorType, Box, Label, Verification
from cloud_side.catalog.shelf import Shelf
from cloud_side.catalog.store import LateRowsError
from cloud_side.catalog.tables import LABEL_STORE
from cloud_side.catalog.versions import DatasetError
from cloud_side.engines import ENGINE_VARIABLE, local_engine
from cloud_side.local.installing import BUCKET, install
from cloud_side.local.opening import LocalCloud
from cloud_side.local.services.sagemaker.pipelines.chore import PipelineExecutions
from cloud_side.objects import Bucket
from cloud_side.training.pipeline.definition import NAME as PIPELINE
from cloud_side.training.runtime import by_hand, deciding, running, versioning
from cloud_side.training.runtime.reading import read_record
from cloud_side.training.triggers.asking import asked_for
from cloud_side.training.triggers.records import Outcome, Record
from cloud_side.training.workflow import RETRAIN
from edge_inspector.errors import ConfigError
from tests.cloud.local.engines import opened

_IMAGES = 12
NOW = "2026-03-02T10:00:00.000Z"
VERSION = "ab" * 32


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    folder = tmp_path_factory.mktemp("retraining") / "engine"
    with opened(folder) as cloud, pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENGINE_VARIABLE, local_engine(folder))
        patch.setattr(cloud.session, "client", cache(cloud.session.client))  # to make one takes longer than a test
        install(cloud, [RETRAIN])
        store_labels(cloud, range(_IMAGES))
        yield cloud


@pytest.fixture
def bucket(cloud: LocalCloud) -> Iterator[Bucket]:
    bucket = Bucket(cloud.session.client("s3"), BUCKET)
    yield bucket
    for prefix in ("training/", "labeling/", "datasets/parts/"):
        for each in bucket.listed(prefix):
            bucket.remove(each.key)


def store_labels(cloud: LocalCloud, numbers: range) -> None:
    """Put labels of so many parts into the store."""
    s3, store = cloud.session.client("s3"), cloud.session.client("sagemaker-featurestore-runtime")
    for number in numbers:
        picture = np.random.default_rng(number).integers(0, 255, (32, 48), dtype=np.uint8)
        content = cv2.imencode(".png", picture)[1].tobytes()
        key = f"samples/{number}.png"
        s3.put_object(Bucket=BUCKET, Key=key, Body=io.BytesIO(content))
        label = Label(
            image=f"s3://{BUCKET}/{key}",
            sha256=hashlib.sha256(content).hexdigest(),
            width=48,
            height=32,
            group=f"part-{number}",
            class_names=("scratch",),
            boxes=(Box("scratch", 4, 4, 8, 8),) if number % 2 else (),
            job="labeling-1",
            annotator_type=AnnotatorType.HUMAN,
            labeled_by=("ana",),
            verification=Verification.ACCEPTED,
            verified_by="ben",
            reason=None,
            event_time=datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=number),
        )
        store.put_record(FeatureGroupName=LABEL_STORE, Record=record_of(label))


def decided(asked: Any) -> Any:
    return deciding.decide_step({"bucket": BUCKET, "store": LABEL_STORE, "input": asked}, None)


def made(found: Any) -> str:
    """Return the version that is made of what was decided on."""
    event = {"bucket": BUCKET, "store": LABEL_STORE, "started": NOW, **found}
    return str(versioning.make_version(event, None)["version"])


def taken(found: Any, execution: str = "e-1", *, version: str = VERSION) -> Any:
    return running.take({"bucket": BUCKET, "started": NOW, **found, "execution": execution, "version": version}, None)


def known(bucket: Bucket, key: str) -> tuple[Record, str]:
    found = read_record(bucket, key)
    assert found is not None
    return found


def test_new_labels_are_trained_on_once_and_then_there_is_nothing_to_do(bucket: Bucket) -> None:
    bucket.write("training/settings.json", json.dumps({"least_new_labels": 13}).encode())
    batch = {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {"name": "labeling-1"},
    }
    found = decided(batch)
    message = "No model was trained: 12 new labels since the last training, 13 are needed."
    assert (found["go"], found["told"]["message"]) == (False, message)
    keys = found.keys()

    bucket.write("training/settings.json", json.dumps({"least_new_labels": 12}).encode())
    found = decided(batch)
    assert (found["go"], found["new_labels"], found.keys()) == (True, 12, keys)
    version = made(found)
    first = taken(found, version=version)
    header = Shelf(bucket).find("parts", version)
    assert (header.counts["images"], header.document["created_by"]) == (12, "edge-inspector-retrain")
    assert first["go"] is True
    assert {"Name": "DatasetVersion", "Value": version} in first["request"]["PipelineParameters"]

    assert (decided(batch)["go"], decided({"kind": "schedule"})["new_labels"]) == (False, 0)
    assert taken(found, version=version) == first  # the same step again
    second = taken(found, "e-2", version=made(found))
    assert (second["go"], second.keys()) == (False, first.keys())
    assert "is being trained: e-1" in second["told"]["message"]
    again = {**found, "asked": {**found["asked"], "again": True}}
    assert taken(again, "e-3", version=version)["go"] is True


def test_labels_that_a_batch_has_stored_are_waited_for(bucket: Bucket) -> None:
    images = {f"s3://{BUCKET}/samples/late.png": "2026-03-01T09:00:00.000Z"}
    late = {"sha256": [], "images": images, "refused": {}}
    bucket.write("labeling/batches/labeling-1/stored/1.json", json.dumps(late).encode())
    with pytest.raises(LateRowsError):
        decided({"kind": "labels", "batch": "labeling-1"})


@pytest.mark.usefixtures("bucket")
def test_a_person_trains_what_there_is_and_a_new_version_only_if_asked() -> None:
    version = made(decided({"version": "new"}))
    assert decided({})["asked"]["version"] == version
    assert decided({"version": version[:6]})["asked"]["version"] == version
    with pytest.raises(DatasetError, match="expected one version that is or begins with 'ffff"):
        decided({"version": "ffffffff"})
    with pytest.raises(ConfigError, match="parameter Bukket"):
        taken(decided({"parameters": {"Bukket": "b"}}))


def test_a_run_that_failed_may_be_taken_again_and_one_that_was_refused_may_not(
    cloud: LocalCloud, bucket: Bucket
) -> None:
    found = decided({})
    first = taken(found)
    event = {"bucket": BUCKET, "key": first["key"], "execution": "e-1"}
    failure = {"Error": "SageMaker.ResourceNotFoundException", "Cause": "no pipeline"}
    told = running.result({**event, "pipeline_execution": None, "failure": failure}, None)
    assert (told["outcome"], "no pipeline" in told["message"]) == ("failed", True)
    assert taken(found, "e-2")["go"] is True

    client = cloud.session.client("sagemaker")
    arn = client.start_pipeline_execution(**taken(found, "e-2")["request"])["PipelineExecutionArn"]
    assert client.start_pipeline_execution(**taken(found, "e-2")["request"])["PipelineExecutionArn"] == arn
    event = {**event, "execution": "e-2", "pipeline_execution": arn}
    run = running.note(event, None)["run"]
    runs = by_hand.status(client, bucket, run)
    assert [(each["run"], each["outcome"]) for each in runs] == [(run, "running")]
    assert next(by_hand.lines_of(runs)).startswith(f"{run}  running  parts on parts@")

    client.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="0" * 32)
    gate = {"passed": False, "checks": [{"name": "floor", "passed": False, "text": "mAP50 is 0.4"}]}
    bucket.write(f"training/{run}/gate/gate.json", json.dumps(gate).encode())
    assert running.result({**event, "failure": None}, None)["outcome"] == "refused"
    assert known(bucket, first["key"])[0].outcome is Outcome.RUNNING  # it is still stopping
    PipelineExecutions(cloud.database, bucket.s3).turn()
    told = running.result({**event, "failure": None}, None)
    assert (told["outcome"], "- mAP50 is 0.4" in told["message"]) == ("refused", True)
    assert known(bucket, first["key"])[0].outcome is Outcome.REFUSED
    assert taken(found, "e-3")["go"] is False


def test_a_new_version_is_made_of_what_the_last_one_was_made_of_and_of_the_store(
    bucket: Bucket, tmp_path: Path
) -> None:
    rows = []
    for name, seed in (("a.png", 98), ("blurred.png", 99)):
        picture = np.random.default_rng(seed).integers(0, 255, (32, 48), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / name), picture)
        row = {"image": name, "group": name, "width": 48, "height": 32, "labelled": True}
        rows.append(json.dumps({**row, "boxes": [{"label": "scratch", "x": 4, "y": 4, "width": 8, "height": 8}]}))
    (tmp_path / "labels.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    left_out = Filter(named={hashlib.sha256((tmp_path / "blurred.png").read_bytes()).hexdigest(): "blurred"})
    now = datetime(2026, 3, 1, tzinfo=UTC)
    brought = import_set(bucket, FORMS["rows"].read(tmp_path), Arrival(tmp_path, "rows", "ana", now))
    wish = Wish("parts", now, "ana", least_groups=0, wanted=left_out)
    first = create(Shelf(bucket), [imported(bucket, brought.import_id)], wish).header
    assert (first.counts["images"], first.class_names) == (1, ("scratch",))

    version = made(decided({"version": "new"}))
    header = Shelf(bucket).find("parts", version)
    assert (header.counts["images"], header.class_names) == (_IMAGES + 1, ("scratch",))
    with Shelf(bucket).open(header) as manifest:
        assert [note["detail"] for note in manifest.notes("excluded")] == ["blurred"]


def test_who_loses_a_run_to_a_person_still_tells_what_came_of_it_and_changes_nothing(bucket: Bucket) -> None:
    found = decided({})
    first = taken(found)
    second = taken({**found, "asked": {**found["asked"], "again": True}}, "e-2")
    assert second["key"] == first["key"]
    event = {"bucket": BUCKET, "key": first["key"], "execution": "e-1"}
    running.note({**event, "pipeline_execution": "arn:1/lost"}, None)
    told = running.result(
        {**event, "pipeline_execution": None, "failure": {"Error": "E", "Cause": "no pipeline"}}, None
    )
    assert (told["outcome"], "no pipeline" in told["message"]) == ("failed", True)
    record, _ = known(bucket, first["key"])
    assert (record.execution, record.outcome, record.run) == ("e-2", Outcome.RUNNING, None)

    bucket.remove(first["key"])
    with pytest.raises(ConfigError, match="expected the record of this run, found nothing"):
        running.result({**event, "pipeline_execution": None}, None)


def test_a_run_whose_pipeline_is_gone_has_failed_and_one_that_cannot_be_asked_for_has_not(
    cloud: LocalCloud, bucket: Bucket
) -> None:
    first = taken(decided({}))
    arn = cloud.session.client("sagemaker").describe_pipeline(PipelineName=PIPELINE)["PipelineArn"] + "/execution/gone"
    event = {"bucket": BUCKET, "key": first["key"], "execution": "e-1"}
    refusing = Stubber(clients.client("sagemaker"))
    refusing.add_client_error("describe_pipeline_execution", "ThrottlingException")
    with refusing, pytest.raises(ClientError, match="ThrottlingException"):
        running.result({**event, "pipeline_execution": arn}, None)
    assert known(bucket, first["key"])[0].outcome is Outcome.RUNNING
    assert running.result({**event, "pipeline_execution": arn}, None)["outcome"] == "failed"
    record, _ = known(bucket, first["key"])
    assert (record.outcome, record.run) == (Outcome.FAILED, "gone")
    assert by_hand.status(cloud.session.client("sagemaker"), bucket, "gone")[0]["steps"] == []


def test_the_pipeline_is_installed_with_the_workflow_and_stays_while_it_is_the_same(cloud: LocalCloud) -> None:
    client = cloud.session.client("sagemaker")
    before = client.describe_pipeline(PipelineName=PIPELINE)
    install(cloud, [RETRAIN])
    assert client.describe_pipeline(PipelineName=PIPELINE)["LastModifiedTime"] == before["LastModifiedTime"]
    defaults = {
        each["Name"]: each.get("DefaultValue") for each in json.loads(before["PipelineDefinition"])["Parameters"]
    }
    assert defaults["Bucket"] == BUCKET
    assert "${" not in before["PipelineDefinition"]


def test_a_person_starts_the_workflow_and_is_told_where_it_is_not(
    cloud: LocalCloud, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = cloud.session.client("stepfunctions")
    arn = by_hand.start(states, bucket, asked_for({"dataset": "tags", "hyperparameters": {"seed": 3}}))
    said = json.loads(states.describe_execution(executionArn=arn)["input"])
    assert (said["kind"], said["dataset"], said["hyperparameters"]) == ("hand", "tags", {"seed": 3})

    def sleep(_: float) -> None:
        states.stop_execution(executionArn=arn, error="Enough", cause="of it")

    assert executions.wait(states, arn, sleep=sleep)["message"] == "Enough: of it"
    with pytest.raises(ConfigError, match="hyperparameter batch"):
        by_hand.start(states, bucket, asked_for({"hyperparameters": {"batch": 0}}))
    monkeypatch.setattr(by_hand, "MACHINE", "edge-inspector-none")
    with pytest.raises(ConfigError, match="no such state machine is here"):
        by_hand.start(states, bucket, asked_for({}))
