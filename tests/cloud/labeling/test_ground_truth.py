"""Labeling jobs of Ground Truth: their names, their limits, and what people see and choose from."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_side.catalog.labels import Box, LabelError, Origin
from cloud_side.engines import ENGINE_VARIABLE
from cloud_side.labeling.ground_truth import VERDICTS, LabelingJob, categories, template
from cloud_side.labeling.items import Item, write_items
from cloud_side.labeling.places import WorkKind, input_key
from cloud_side.labeling.runtime.requesting import JobRunsError, end, request
from cloud_side.labeling.settings import LabelingSettings
from cloud_side.local.opening import LocalCloud
from cloud_side.local.services.sagemaker.labeling_chore import LabelingJobs
from cloud_side.local.services.sagemaker.names import checked
from edge_inspector.errors import ConfigError
from tests.cloud.local.engines import opened

ROLE = "arn:aws:iam::000000000000:role/edge-inspector"
WORKTEAM = "arn:aws:sagemaker:eu-central-1:000000000000:workteam/private-crowd/edge-inspector"
LONGEST = {"TaskTitle": 128, "TaskDescription": 255}  # which botocore does not look at
ITEM = Item(
    "s3://edge-inspector/samples/a.jpg",
    "5d" * 32,
    640,
    480,
    "part-7",
    ("dent", 'long "scratch"'),
    (Box("dent", 1, 2, 3, 4),),
    (0.7,),
    Origin(station="press-7"),
    note="the box is too wide",
)
MANIFEST = "".join(write_items([ITEM])).encode()


def job(kind: WorkKind = WorkKind.LABEL, **more: Any) -> LabelingJob:
    fields = {"batch": "week-9", "round": 1, "attempt": 1, "region": "eu-west-1", "workteam": WORKTEAM, **more}
    return LabelingJob(bucket="edge-inspector", kind=kind, settings=LabelingSettings(), role=ROLE, **fields)


@given(st.text(min_size=1, max_size=80), st.integers(1, 10), st.sampled_from(list(WorkKind)), st.integers(1, 999_999))
def test_every_batch_has_valid_names_of_its_own(batch: str, number: int, kind: WorkKind, attempt: int) -> None:
    made = job(kind, batch=batch, round=number, attempt=attempt)
    assert checked(made.name, "LabelingJobName") == made.name
    others = {job(kind, batch=batch, round=number, attempt=attempt + 1), job(kind, batch=f"{batch}.", round=number)}
    assert made.name not in {other.name for other in others}
    asked = made.request()["HumanTaskConfig"]
    assert all(1 <= len(asked[name]) <= longest for name, longest in LONGEST.items())


def test_the_same_batch_of_another_installation_of_the_account_has_another_name() -> None:
    ours = job(batch="week-9")
    assert replace(ours, bucket="edge-inspector-lyon").name != ours.name


def test_names_that_differ_in_capitals_alone_are_two_to_ground_truth() -> None:
    assert job(batch="Week-9").name.lower() != job(batch="week-9").name.lower()


def test_several_people_label_an_image_and_one_verifies_it() -> None:
    settings = LabelingSettings(workers=3, label_days=30, verify_days=1)
    asked = {
        kind: LabelingJob("b", "week-9", 1, kind, 1, settings, "us-east-1", ROLE, WORKTEAM).request()
        for kind in WorkKind
    }
    people = {kind: each["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"] for kind, each in asked.items()}
    days = {kind: each["HumanTaskConfig"]["TaskAvailabilityLifetimeInSeconds"] for kind, each in asked.items()}
    assert people == {WorkKind.LABEL: 3, WorkKind.VERIFY: 1}
    assert days == {WorkKind.LABEL: 2_592_000, WorkKind.VERIFY: 86_400}


def test_a_region_without_ground_truth_is_one_clear_error() -> None:
    with pytest.raises(
        ConfigError, match=r"^method: expected a region that has Ground Truth \(.*\), found eu-north-1$"
    ):
        job(region="eu-north-1")


def test_an_account_without_a_work_team_is_told_of_the_page() -> None:
    with pytest.raises(ConfigError, match=r"^method: expected page, as there is no private work team .* found 'none'$"):
        job(workteam="none")


def test_a_verdict_is_the_place_of_its_category() -> None:
    said = categories(WorkKind.VERIFY, ("dent", "scratch"))["labels"]
    assert [each["label"] for each in said] == list(VERDICTS) == ["accept", "reject"]
    with pytest.raises(ConfigError, match=r"class_names: expected at least one"):
        categories(WorkKind.LABEL, ())


class Elements(HTMLParser):
    """Collects start tags with their attributes, and sees that every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, dict[str, str | None]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[tag] = dict(attrs)
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


@pytest.mark.parametrize(
    ("kind", "element", "attributes"),
    [
        (WorkKind.LABEL, "crowd-bounding-box", {"name", "src", "header", "labels", "initial-value"}),
        (WorkKind.VERIFY, "crowd-image-classifier", {"name", "src", "header", "categories", "overlay"}),
    ],
)
def test_a_template_is_one_form_and_reads_what_the_manifest_has(
    kind: WorkKind, element: str, attributes: set[str]
) -> None:
    text = template(kind)
    found = Elements(text).found
    assert set(found[element]) == attributes
    assert {"crowd-form", "short-instructions", "full-instructions"} <= found.keys()
    assert found["script"]["src"] == "https://assets.crowd.aws/crowd-html-elements.js"
    paths = re.findall(r"task\.input\.manifestLine\.([\w.-]+)", text)
    assert {path.split(".")[0] for path in paths} >= {"pre-label", "pre-label-metadata"}
    for path in paths:
        value: Any = ITEM.document()
        for name in path.split("."):
            value = value[name]  # KeyError: the manifest has no such thing
    assert set(re.findall(r"\bbox\.(\w+)", text)) == ITEM.document()["pre-label"]["annotations"][0].keys()
    outputs = re.findall(r"\{\{(.*?)\}\}", text)
    assert all(value.strip().endswith("| escape") for value in outputs if "to_json" in value or "note" in value)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    folder = tmp_path_factory.mktemp("cloud")
    with pytest.MonkeyPatch.context() as patch, opened(folder) as found:
        patch.setenv(ENGINE_VARIABLE, f"local:{folder}")
        s3 = found.session.client("s3")
        s3.create_bucket(Bucket="edge-inspector", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        yield found


def asked_of(cloud: LocalCloud, kind: WorkKind, **more: Any) -> dict[str, Any]:
    """Return what the step before a job is given; its manifest is there."""
    event = {
        "bucket": "edge-inspector",
        "batch": "week-9",
        "round": 2,
        "kind": kind.value,
        "attempt": 1,
        "settings": LabelingSettings().model_dump(mode="json"),
        "role": ROLE,
        "workteam": WORKTEAM,
    }
    key = input_key(str({**event, **more}["batch"]), 2, kind)
    cloud.session.client("s3").put_object(Bucket="edge-inspector", Key=key, Body=MANIFEST)
    return {**event, **more}


@pytest.mark.parametrize("kind", WorkKind)
def test_a_request_can_be_made_as_soon_as_it_is_answered(kind: WorkKind, cloud: LocalCloud) -> None:
    s3, sagemaker = cloud.session.client("s3"), cloud.session.client("sagemaker")
    event = asked_of(cloud, kind)
    asked = request(event, None)["request"]
    assert request(event, None)["request"] == asked
    sagemaker.create_labeling_job(**asked)

    def content(uri: str) -> str:
        with closing(
            s3.get_object(Bucket="edge-inspector", Key=uri.removeprefix("s3://edge-inspector/"))["Body"]
        ) as body:
            return str(body.read().decode())

    assert content(asked["HumanTaskConfig"]["UiConfig"]["UiTemplateS3Uri"]) == template(kind)
    expected = ITEM.class_names if kind is WorkKind.LABEL else VERDICTS
    said = json.loads(content(asked["LabelCategoryConfigS3Uri"]))
    assert tuple(each["label"] for each in said["labels"]) == expected
    assert content(asked["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"]) == MANIFEST.decode()


def test_a_job_of_which_the_answer_was_lost_is_stopped_before_another_one_is_made(cloud: LocalCloud) -> None:
    sagemaker = cloud.session.client("sagemaker")
    event = asked_of(cloud, WorkKind.LABEL, batch="lost")
    lost = request(event, None)["request"]
    sagemaker.create_labeling_job(**lost)
    other = request({**event, "attempt": 2}, None)["request"]
    assert other["LabelingJobName"] != lost["LabelingJobName"]
    found = sagemaker.describe_labeling_job(LabelingJobName=lost["LabelingJobName"])
    assert found["LabelingJobStatus"] in {"Stopping", "Stopped"}
    assert request({**event, "attempt": 2}, None)["request"] == other  # it is stopped already
    assert request({**event, "attempt": 3}, None)  # there is none of the second attempt


def test_a_job_is_stopped_at_its_end_and_asked_for_again_until_it_is(cloud: LocalCloud) -> None:
    sagemaker = cloud.session.client("sagemaker")
    asked = request(asked_of(cloud, WorkKind.LABEL, batch="late"), None)["request"]
    sagemaker.create_labeling_job(**asked)
    event = {"bucket": "edge-inspector", "job": asked["LabelingJobName"]}
    for found in ("Initializing", "Stopping"):
        with pytest.raises(JobRunsError, match=f"expected a labeling job that has ended, found it {found}"):
            end(event, None)
    chore = LabelingJobs(cloud.home, cloud.database, cloud.session.client("s3"))
    chore.turn()
    assert end(event, None)["output"].startswith(asked["OutputConfig"]["S3OutputPath"])

    asked = request(asked_of(cloud, WorkKind.LABEL, batch="bad"), None)["request"]
    source = {"DataSource": {"S3DataSource": {"ManifestS3Uri": "s3://edge-inspector/gone"}}}
    sagemaker.create_labeling_job(**{**asked, "InputConfig": source})
    chore.turn()
    with pytest.raises(LabelError, match="expected answers, found a labeling job Failed: ClientError"):
        end({"bucket": "edge-inspector", "job": asked["LabelingJobName"]}, None)


def test_names_are_not_looked_for_without_end(cloud: LocalCloud) -> None:
    event = asked_of(cloud, WorkKind.LABEL, batch="used up")
    assert request({**event, "attempt": 10}, None)
    with pytest.raises(ConfigError, match=r"^batch: expected a name .* found 'used up': all are in use$"):
        request({**event, "attempt": 11}, None)
