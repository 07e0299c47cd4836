"""Labeling jobs from their manifest to the labels; no other cloud has them to hold them against."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloud_side.local.services.sagemaker.labeling_chore import LabelingJobs
from cloud_side.local.services.sagemaker.labeling_manifest import ManifestError, read_manifest
from cloud_side.local.services.sagemaker.labeling_tasks import AnswerError, LabelingTask, answer, open_tasks
from tests.cloud.local.kept import Kept
from tests.cloud.local.services.sagemaker import asked

BOXES = {"image_size": [{"width": 640, "height": 480, "depth": 3}], "annotations": [{"class_id": 0, "left": 1}]}
CLASSES = {"class-map": {"0": "scratch"}, "type": "groundtruth/object-detection"}


@dataclass
class Desk:
    """A work team of one, whose clock the tests move."""

    opened: Kept
    s3: Any
    sagemaker: Any
    now: datetime = datetime(2026, 3, 1, 8, tzinfo=UTC)
    chore: LabelingJobs = field(init=False)

    def __post_init__(self) -> None:
        self.s3.create_bucket(Bucket="bench", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        self.chore = self.engine()

    def engine(self, s3: Any = None) -> LabelingJobs:
        return LabelingJobs(self.opened.home, self.opened.database, s3 or self.s3, clock=lambda: self.now)

    def list_images(self, *lines: Any) -> None:
        text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
        self.s3.put_object(Bucket="bench", Key="lists/input.manifest", Body=text.encode())

    def open(self, name: str = "label-1", **more: Any) -> None:
        self.sagemaker.create_labeling_job(**asked.labeling(name, **more))
        self.chore.turn()

    def tasks(self, name: str = "label-1", **more: Any) -> list[LabelingTask]:
        return open_tasks(self.opened.database.connection(), name, **more)

    def answer(self, line: int, label: Any = BOXES, name: str = "label-1", **metadata: Any) -> None:
        with self.opened.database.transaction() as connection:
            answer(connection, name, line, label, CLASSES | metadata, now=self.now)

    def described(self, name: str = "label-1") -> dict[str, Any]:
        return dict(self.sagemaker.describe_labeling_job(LabelingJobName=name))

    def labels(self, name: str = "label-1") -> list[dict[str, Any]]:
        place = self.described(name)["LabelingJobOutput"]["OutputDatasetS3Uri"]
        assert place == f"s3://bench/labels/{name}/manifests/output/output.manifest"
        found = self.s3.get_object(Bucket="bench", Key=place.removeprefix("s3://bench/"))["Body"]
        with closing(found) as body:
            return [json.loads(line) for line in body.read().splitlines()]

    def told(self, kind: str = "SageMaker Ground Truth Labeling Job State Change") -> list[dict[str, Any]]:
        found = self.opened.database.connection().execute("SELECT event FROM emitted ORDER BY seq")
        events = [json.loads(row["event"]) for row in found]
        return [event for event in events if event["detail-type"] == kind]


@pytest.fixture
def desk(opened: Kept) -> Desk:
    return Desk(opened, opened.client("s3"), opened.client("sagemaker"))


def image(name: str, **more: Any) -> dict[str, Any]:
    return {"source-ref": f"s3://bench/samples/{name}.png", **more}


def refused(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_job_is_labeled_line_by_line_and_its_output_has_every_line_again(desk: Desk) -> None:
    before = {"defects": {"annotations": []}, "defects-metadata": {"human-annotated": "no"}, "part": "7"}
    desk.list_images(image("a", **before), "", image("b"))
    desk.open()
    found = desk.described()
    assert found["LabelingJobStatus"] == "InProgress"
    assert found["LabelCounters"]["Unlabeled"] == 2
    assert [task.line for task in desk.tasks()] == [1, 2]
    assert desk.tasks()[0].content == image("a", **before)  # with what a model drew
    desk.answer(1)
    desk.answer(1, {"annotations": []})  # the last word counts
    assert [task.line for task in desk.tasks()] == [2]
    counters = desk.described()["LabelCounters"]
    assert (counters["TotalLabeled"], counters["HumanLabeled"], counters["Unlabeled"]) == (1, 1, 1)
    desk.chore.turn()
    assert desk.described()["LabelingJobStatus"] == "InProgress"
    desk.answer(2, confidence=1.0)
    desk.chore.turn()
    assert desk.described()["LabelingJobStatus"] == "Completed"
    said = CLASSES | {
        "human-annotated": "yes",
        "job-name": "labeling-job/label-1",
        "creation-date": "2026-03-01T08:00:00.000000",
    }
    assert desk.labels() == [
        image("a", part="7", **{"defects": {"annotations": []}, "defects-metadata": said}),
        image("b", **{"defects": BOXES, "defects-metadata": said | {"confidence": 1.0}}),
    ]
    (event,) = desk.told()
    assert event["detail"] == {"LabelingJobStatus": "Completed"}
    assert event["resources"] == [found["LabelingJobArn"]]


def test_a_job_is_described_and_listed_as_it_was_asked_for(desk: Desk) -> None:
    desk.list_images(image("a"))
    request = asked.labeling(
        LabelCategoryConfigS3Uri="s3://bench/lists/classes.json", Tags=[{"Key": "a", "Value": "b"}]
    )
    made = desk.sagemaker.create_labeling_job(**request)
    found = desk.described()
    assert {name: found[name] for name in request} == request
    assert found["LabelingJobStatus"] == "Initializing"
    assert desk.tasks() == []
    for name in ("label-3", "label-2"):
        desk.sagemaker.create_labeling_job(**asked.labeling(name))
    pages = desk.sagemaker.get_paginator("list_labeling_jobs").paginate(SortBy="Name", PaginationConfig={"PageSize": 2})
    jobs = [job for page in pages for job in page["LabelingJobSummaryList"]]
    assert [job["LabelingJobName"] for job in jobs] == ["label-1", "label-2", "label-3"]
    assert jobs[0]["LabelingJobArn"] == made["LabelingJobArn"]
    assert desk.sagemaker.list_labeling_jobs(StatusEquals="Completed")["LabelingJobSummaryList"] == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"source-ref": "s3://bench/a.png"', "line 2 of the manifest is no JSON"),
        ("\udcff".encode(errors="surrogateescape").decode("latin-1"), "line 2 of the manifest is no JSON"),
        ("[" * 99_000, "line 2 of the manifest is no JSON"),
        ('{"source-ref": "s3://bench/a.png", "score": NaN}', "line 2 of the manifest is no JSON"),
        ('{"source-ref": "s3://bench/a.png", "score": 1e999}', "line 2 of the manifest is no JSON"),
        ("7", "line 2 of the manifest has no source-ref"),
        ('{"source": "s3://bench/a.png"}', "line 2 of the manifest has no source-ref"),
        ('{"source-ref": 7}', "line 2 of the manifest has no source-ref"),
        ('{"source-ref": "a.png"}', "line 2 of the manifest: source-ref 'a.png'"),
        (json.dumps(image("a", note="x" * 100_000)), "line 2 of the manifest has 100"),
    ],
)
def test_a_broken_line_is_named(line: str, said: str) -> None:
    with pytest.raises(ManifestError, match=said):
        list(read_manifest([json.dumps(image("a")).encode(), line.encode("latin-1")]))


def test_a_job_whose_manifest_is_broken_or_not_there_has_failed_and_has_no_tasks(desk: Desk) -> None:
    desk.open("missing")
    assert "NoSuchKey" in desk.described("missing")["FailureReason"]
    desk.list_images()
    desk.open("empty")
    assert "has no lines" in desk.described("empty")["FailureReason"]
    desk.list_images(image("a"), "{", image("b"))
    desk.open("broken")
    found = desk.described("broken")
    assert found["LabelingJobStatus"] == "Failed"
    assert found["FailureReason"].startswith("ClientError: s3://bench/lists/input.manifest: line 2 of the manifest")
    desk.s3.put_object(Bucket="bench", Key="lists/input.manifest", Body=b"x" * 300_000)  # one line, without end
    desk.open("endless")
    assert "line 1 of the manifest has" in desk.described("endless")["FailureReason"]
    assert [event["detail"]["LabelingJobStatus"] for event in desk.told()] == ["Failed"] * 4
    assert desk.tasks("broken") == []


def test_tasks_that_nobody_answers_in_time_expire_and_the_output_says_so(desk: Desk) -> None:
    desk.list_images(image("a"), image("b", defects=BOXES))
    desk.open(lifetime_s=3600)
    desk.answer(1)
    desk.now += timedelta(seconds=3599)
    desk.chore.turn()
    assert desk.described()["LabelingJobStatus"] == "InProgress"
    desk.now += timedelta(seconds=1)
    desk.chore.turn()
    found = desk.described()
    assert found["LabelingJobStatus"] == "Completed"
    assert (found["LabelCounters"]["TotalLabeled"], found["LabelCounters"]["FailedNonRetryableError"]) == (1, 1)
    assert found["LabelCounters"]["Unlabeled"] == 0
    labeled, expired = desk.labels()
    assert labeled["defects"] == BOXES
    assert "defects" not in expired
    assert "expired" in expired["defects-metadata"]["failure-reason"]


def test_a_job_that_is_stopped_keeps_what_was_labeled(desk: Desk) -> None:
    desk.list_images(image("a"), image("b"))
    desk.open()
    desk.answer(2)
    desk.sagemaker.stop_labeling_job(LabelingJobName="label-1")
    assert desk.described()["LabelingJobStatus"] == "Stopping"
    with pytest.raises(AnswerError, match="is Stopping"):
        desk.answer(1)
    desk.chore.turn()
    assert desk.described()["LabelingJobStatus"] == "Stopped"
    assert [line["source-ref"] for line in desk.labels()] == ["s3://bench/samples/b.png"]
    assert desk.described()["LabelCounters"]["Unlabeled"] == 1
    assert refused(lambda: desk.sagemaker.stop_labeling_job(LabelingJobName="label-1"))[0] == "ValidationException"
    desk.sagemaker.create_labeling_job(**asked.labeling("label-2"))
    desk.sagemaker.stop_labeling_job(LabelingJobName="label-2")  # before its manifest was read
    desk.chore.turn()
    assert desk.described("label-2")["LabelingJobStatus"] == "Stopped"
    assert desk.labels("label-2") == []


def test_an_answer_that_nobody_can_use_is_refused(desk: Desk) -> None:
    desk.list_images(image("a"))
    desk.open()
    with pytest.raises(AnswerError, match="no line 2"):
        desk.answer(2)
    with pytest.raises(AnswerError, match="not there"):
        desk.answer(1, name="none")
    desk.answer(1)
    desk.chore.turn()
    with pytest.raises(AnswerError, match="is Completed"):
        desk.answer(1)


class Killed(BaseException):
    """What no code catches, as none runs on after a kill."""


class Deadly:
    """A client of S3 under which the engine dies: after a number of pieces of a manifest, or after an upload."""

    def __init__(self, s3: Any, *, pieces: int = 1000) -> None:
        self._s3, self._pieces = s3, pieces

    def get_object(self, **asked_for: Any) -> Any:
        found = self._s3.get_object(**asked_for)
        return found | {"Body": self._Body(found["Body"], self._pieces)}

    def upload_file(self, *arguments: Any, **more: Any) -> None:
        self._s3.upload_file(*arguments, **more)
        raise Killed

    class _Body:
        def __init__(self, body: Any, pieces: int) -> None:
            self._body, self._pieces = body, pieces

        def iter_chunks(self, _: int) -> Any:
            with closing(self._body):
                for number, chunk in enumerate(self._body.iter_chunks(5_000)):
                    if number == self._pieces:
                        raise Killed
                    yield chunk


def test_an_engine_that_is_killed_opens_and_ends_a_job_once(desk: Desk) -> None:
    desk.s3.put_bucket_notification_configuration(
        Bucket="bench", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    desk.list_images(*(image(str(number)) for number in range(1200)))
    desk.sagemaker.create_labeling_job(**asked.labeling())
    with pytest.raises(Killed):
        desk.engine(Deadly(desk.s3, pieces=10)).turn()
    read = desk.opened.database.connection().execute("SELECT COUNT(*) FROM labeling_tasks").fetchone()
    assert (read[0], desk.tasks()) == (1000, [])
    desk.chore.turn()
    assert desk.described()["LabelCounters"]["Unlabeled"] == 1200
    assert len(desk.tasks(most=5000)) == 1200
    assert [task.line for task in desk.tasks(after=1100, most=2)] == [1101, 1102]
    with desk.opened.database.transaction() as connection:
        for line in range(1, 1201):
            answer(connection, "label-1", line, BOXES, CLASSES, now=desk.now)
    with pytest.raises(Killed):
        desk.engine(Deadly(desk.s3)).turn()
    with pytest.raises(AnswerError, match="is Completed"):  # it would be in no output
        desk.answer(1)
    desk.chore.turn()
    assert desk.described()["LabelingJobStatus"] == "Completed"
    assert len(desk.labels()) == 1200
    assert len(desk.told()) == 1
    written = [event["detail"]["object"]["key"] for event in desk.told("Object Created")]
    assert [key for key in written if key.startswith("labels/")] == ["labels/label-1/manifests/output/output.manifest"]


def test_a_job_whose_output_has_no_bucket_has_failed(desk: Desk) -> None:
    desk.list_images(image("a"))
    desk.open(OutputConfig={"S3OutputPath": "s3://no-such-bucket/labels"})
    desk.answer(1)
    desk.chore.turn()
    assert "no-such-bucket" in desk.described()["FailureReason"]
    assert list(desk.opened.home.jobs.rglob("*.manifest")) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "../label"}, "labelingJobName"),
        ({"LabelAttributeName": "defects-metadata"}, "LabelAttributeName"),
        ({"LabelAttributeName": "defects-ref"}, "LabelAttributeName"),
        ({"InputConfig": {"DataSource": {"SnsDataSource": {"SnsTopicArn": "arn:aws:sns:::a"}}}}, "S3DataSource"),
        ({"InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": "/tmp/a"}}}}, "s3://"),
        ({"StoppingConditions": {"MaxHumanLabeledObjectCount": 7}}, "StoppingConditions"),
    ],
)
def test_a_job_that_cannot_be_is_refused(desk: Desk, change: dict[str, Any], said: str) -> None:
    code, message = refused(lambda: desk.sagemaker.create_labeling_job(**asked.labeling(**change)))
    assert code == "ValidationException"
    assert said in message


def test_a_name_is_used_for_one_job_only_and_what_is_not_there_is_refused(desk: Desk) -> None:
    desk.sagemaker.create_labeling_job(**asked.labeling())
    assert refused(lambda: desk.sagemaker.create_labeling_job(**asked.labeling()))[0] == "ResourceInUse"
    assert refused(lambda: desk.described("none"))[0] == "ResourceNotFound"
