"""From samples to labels by labeling jobs of Ground Truth: the real engine, and people who are a script."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from cloud_side.catalog.tables import LABEL_STORE, SETTLED
from cloud_side.local.opening import LocalCloud
from cloud_side.local.services.sagemaker.labeling_tasks import AnswerError, answer, open_tasks
from edge_inspector.samples.pictures import encode
from tests.cloud.labeling.stations import BUCKET, Made, make_sample
from tests.cloud.local.engines import opened, running_engine
from tests.mosquitto import eventually
from tests.samples.made import frame

MACHINE = "edge-inspector-labeling"
Said = tuple[Any, dict[str, Any]]

pytestmark = pytest.mark.nightly  # each function of the workflow is a process that begins: 10 s of processor


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    folder = tmp_path_factory.mktemp("cloud")
    with running_engine(folder), opened(folder) as found:
        eventually(lambda: MACHINE in machines(found), what="the workflow is installed")
        yield found


def machines(cloud: LocalCloud) -> dict[str, str]:
    found = cloud.session.client("stepfunctions").list_state_machines()["stateMachines"]
    return {each["name"]: each["stateMachineArn"] for each in found}


def sample(number: int, **more: Any) -> Made:
    picture = encode(frame(number), suffix="jpg", jpeg_quality=95)
    return make_sample(number, content=picture.content, **more)


def put(cloud: LocalCloud, *samples: Made) -> None:
    for each in samples:
        for key, body in ((each.image, each.content), (each.sidecar, each.line)):
            cloud.session.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)


def execute(cloud: LocalCloud, name: str, people: Callable[[str, Mapping[str, Any]], Said], **settings: Any) -> Any:
    """Run a batch to its end, with people who answer whatever is open."""
    states = cloud.session.client("stepfunctions")
    given = json.dumps({"method": "ground-truth", "since_days": None, **settings})
    arn = states.start_execution(stateMachineArn=machines(cloud)[MACHINE], name=name, input=given)["executionArn"]

    def has_ended() -> bool:
        work(cloud, people)
        return bool(states.describe_execution(executionArn=arn)["status"] != "RUNNING")

    eventually(has_ended, what="the batch ends")
    return states.describe_execution(executionArn=arn)


def work(cloud: LocalCloud, people: Callable[[str, Mapping[str, Any]], Said]) -> None:
    jobs = cloud.session.client("sagemaker").list_labeling_jobs(StatusEquals="InProgress")["LabelingJobSummaryList"]
    for name in (job["LabelingJobName"] for job in jobs):
        for task in open_tasks(cloud.database.connection(), name):
            said = people(name, task.content)
            try:
                with cloud.database.transaction() as connection:
                    answer(connection, name, task.line, *said, now=datetime.now(UTC))
            except AnswerError:  # the job has just ended, or was stopped
                return


def drawn(content: Mapping[str, Any], *annotations: Mapping[str, int]) -> Said:
    before = content["pre-label-metadata"]
    label = {"image_size": content["pre-label"]["image_size"], "annotations": list(annotations)}
    return label, {
        "class-map": before["class-map"],
        "type": before["type"],
        "objects": [{"confidence": 0.9}] * len(annotations),
    }


def dent(content: Mapping[str, Any]) -> dict[str, int]:
    numbers = {name: int(number) for number, name in content["pre-label-metadata"]["class-map"].items()}
    return {"class_id": numbers["dent"], "left": 5, "top": 6, "width": 7, "height": 8}


def verdict(value: int, **more: Any) -> Said:
    return str(value), {"class-name": ("accept", "reject")[value], "type": "groundtruth/label-verification", **more}


def content_of(cloud: LocalCloud, key: str) -> str:
    with closing(cloud.session.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"]) as body:
        return str(body.read().decode())


def stored(cloud: LocalCloud, made: Made) -> dict[str, str]:
    client = cloud.session.client("sagemaker-featurestore-runtime")
    found = client.get_record(FeatureGroupName=LABEL_STORE, RecordIdentifierValueAsString=f"s3://{BUCKET}/{made.image}")
    return {each["FeatureName"]: each["ValueAsString"] for each in found.get("Record", ())}


def test_samples_become_labels_that_a_second_job_verified(cloud: LocalCloud) -> None:
    good, moved, disputed, broken = sample(1), sample(2), sample(3, boxes=0), make_sample(4, content=b"no picture")
    put(cloud, good, moved, disputed, broken)
    notes = []

    def people(job: str, content: Mapping[str, Any]) -> Said:
        image = content["source-ref"].removeprefix(f"s3://{BUCKET}/")
        if "-label-" in job:
            notes.append(content["edge-inspector"]["note"])
            unchanged = content["pre-label"]["annotations"]
            return drawn(content, *([dent(content)] if image == moved.image else unchanged))
        if image == disputed.image and "-verify-1-" in job:
            return verdict(1, **{"worker-feedback": [{"comment": "a dent has no box"}]})
        return verdict(0)

    found = execute(cloud, "week-9", people)

    assert found["status"] == "SUCCEEDED", found
    summary = json.loads(found["output"])
    assert (summary["labeled"], summary["quarantined"], summary["given_up"]) == (3, 1, 0)
    assert notes == [None, None, None, "a dent has no box"]
    assert [len(json.loads(stored(cloud, each)["boxes"])) for each in (good, moved, disputed)] == [1, 1, 0]
    (box,) = json.loads(stored(cloud, moved)["boxes"])
    assert box == {"label": "dent", "x": 5, "y": 6, "width": 7, "height": 8}
    assert {stored(cloud, each)["verification"] for each in (good, moved, disputed)} == {"accepted"}
    assert stored(cloud, broken) == {}
    claims = [json.loads(line) for line in content_of(cloud, "catalog/taken/00000001.jsonl").splitlines()]
    assert [claim["until"] for claim in claims] == [SETTLED] * 4
    assert json.loads(content_of(cloud, "labeling/batches/week-9/report.json"))
    again = execute(cloud, "week-10", people)
    assert (again["status"], json.loads(again["output"])["labeled"]) == ("SUCCEEDED", 0)


def test_what_was_answered_before_somebody_stopped_a_job_becomes_labels(cloud: LocalCloud) -> None:
    put(cloud, *(sample(number) for number in (11, 12)))
    sagemaker = cloud.session.client("sagemaker")
    answered = []

    def people(job: str, content: Mapping[str, Any]) -> Said:
        if "-label-" in job:
            answered.append(content["source-ref"])
            if len(answered) > 1:
                sagemaker.stop_labeling_job(LabelingJobName=job)
        return verdict(0) if "-verify-" in job else drawn(content)

    found = execute(cloud, "stopped", people)

    assert found["status"] == "SUCCEEDED", found
    summary = json.loads(found["output"])
    assert (summary["labeled"], summary["unlabeled"]) == (1, 1)
