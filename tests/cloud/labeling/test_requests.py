"""What labeling asks of AWS, as it goes to boto3.

`UPDATE_GOLDEN=1 pytest tests/cloud/labeling/test_requests.py` writes the golden files again; read the difference.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.model import OperationModel

from cloud_side.catalog.label_rows import record_of
from cloud_side.catalog.labels import AnnotatorType, Box, Label, Origin, Verification
from cloud_side.catalog.store import feature_group_request
from cloud_side.catalog.tables import DATABASE, SAMPLES, TAKEN, Table
from cloud_side.labeling.ground_truth import LabelingJob
from cloud_side.labeling.places import WorkKind, input_key
from cloud_side.labeling.runtime.opening import settle
from cloud_side.labeling.runtime.selecting import take
from cloud_side.labeling.runtime.working import open_order
from cloud_side.labeling.selection import COLUMNS, statement
from cloud_side.labeling.settings import LabelingSettings, Method
from cloud_side.labeling.work.desk import Desk
from cloud_side.labeling.work.finishing import finish
from cloud_side.labeling.work.ledger import Ledger
from cloud_side.labeling.workflow import LABELING
from cloud_side.local.states.expressions import evaluate
from cloud_side.objects import Bucket as Objects
from tests.cloud.golden import assert_golden
from tests.cloud.labeling.stations import STARTED, Bucket, opened_home

AT = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
BUCKET, STORE = "edge-inspector-123456789012", "edge-inspector-labels"
_PLACES = {"Topic": "arn:aws:sns:eu-central-1:123456789012:edge-inspector"}
ROLE = "arn:aws:iam::123456789012:role/edge-inspector-labeling"
SETTINGS = LabelingSettings(method=Method.GROUND_TRUTH, workers=3, label_days=5, verify_days=2)


@pytest.mark.parametrize("kind", WorkKind)
def test_a_labeling_job_is_asked_for(kind: WorkKind) -> None:
    workteam = "arn:aws:sagemaker:eu-central-1:123456789012:workteam/private-crowd/inspectors"
    job = LabelingJob(BUCKET, "week-9", 1, kind, 1, SETTINGS, "eu-central-1", ROLE, workteam)
    assert_golden(f"create_labeling_job.{kind.value}", job.request(), "sagemaker", "CreateLabelingJob")


def test_the_label_store_is_asked_for() -> None:
    request = feature_group_request(STORE, BUCKET, ROLE)
    assert_golden("create_feature_group", request, "sagemaker", "CreateFeatureGroup")


def test_a_label_is_put() -> None:
    label = Label(
        image=f"s3://{BUCKET}/samples/site=north/line=2/station=press-7/dt=2026-02-28/01KJJ0-1.jpg",
        sha256="5d" * 32,
        width=1280,
        height=1024,
        group="part-4711",
        class_names=("dent", "scratch"),
        boxes=(Box("scratch", 10, 20.5, 30, 40), Box("dent", 0, 0, 5, 5)),
        job="week-9",
        annotator_type=AnnotatorType.HUMAN,
        labeled_by=("ana", "ben"),
        verification=Verification.ACCEPTED,
        verified_by="cleo",
        reason=None,
        event_time=AT,
        origin=Origin(site="north", line="2", station="press-7", model="metal-tags/1.0.0"),
    )
    request = {"FeatureGroupName": STORE, "Record": record_of(label)}
    assert_golden("put_record", request, "sagemaker-featurestore-runtime", "PutRecord")


@pytest.mark.parametrize("table", [SAMPLES, TAKEN], ids=lambda table: table.name)
def test_a_table_is_made(table: Table) -> None:
    request = {"DatabaseName": DATABASE, "TableInput": table.input(BUCKET)}
    assert_golden(f"create_table.{table.name}", request, "glue", "CreateTable")


def test_a_selection_is_started() -> None:
    chosen = f"s3://{BUCKET}/labeling/batches/week-9/query/"
    request = arguments("Select", sql=statement(LabelingSettings(site="north"), AT), chosen=chosen)
    assert_golden("start_query_execution", request, "athena", "StartQueryExecution")


def test_somebody_is_told() -> None:
    summary = {"labeled": 90, "quarantined": 2, "report": f"s3://{BUCKET}/labeling/batches/week-9/report.html"}
    request = arguments("Tell", batch="week-9", summary=summary)
    assert_golden("publish.done", request, "sns", "Publish")
    failure = {"Error": "LabelError", "Cause": "line 3: expected an item of a labeling batch"}
    assert_golden("publish.failed", arguments("Tell of the failure", failure=failure), "sns", "Publish")


def test_a_batch_keeps_its_settings_under_a_name_that_is_free(bucket: Bucket) -> None:
    asked = sent(bucket, "PutObject")
    settle({**bucket.event("week-9"), "input": {"budget": 30}}, None)
    assert_golden("put_object.settings", asked[0], "s3", "PutObject")


def test_a_claim_gets_a_number_that_is_free(bucket: Bucket) -> None:
    answer = f"{','.join(COLUMNS)}\n{'5d' * 32},samples/a.jpg,part-7,defect\n"
    bucket.put_object("answer.csv", answer.encode())
    asked = sent(bucket, "PutObject")
    take(bucket.event("week-9", number=7, result=f"s3://{bucket.name}/answer.csv"), None)
    assert_golden("put_object.claim", asked[0], "s3", "PutObject")


def test_an_execution_is_told_that_its_people_are_done(bucket: Bucket) -> None:
    bucket.put_object(input_key("week-9", 1, WorkKind.LABEL))
    open_order(
        bucket.event("week-9", round=1, kind="label", token="AQCEAAAAKgAAAAMAAAAAAAAAAQ", closes_at=STARTED), None
    )
    states = bucket.cloud.session.client("stepfunctions")
    asked: list[Any] = []
    states.meta.events.register("provide-client-params.sfn.SendTaskSuccess", lambda params, **_: asked.append(params))
    objects = Objects(bucket.s3, bucket.name)
    (order,) = Desk(objects).orders()
    assert finish(objects, states, Ledger(objects, order))
    assert_golden("send_task_success", asked[0], "stepfunctions", "SendTaskSuccess")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    with opened_home(tmp_path_factory.mktemp("home")) as made:
        yield made.bucket()


@pytest.fixture
def bucket(home: Bucket) -> Iterator[Bucket]:
    """Return the one bucket of all tests here, as its name is in what they ask."""
    yield home
    home.unhook()


def arguments(state: str, **variables: Any) -> Any:
    """Return what the workflow asks for in one of its states."""
    text = LABELING.filled({name: _PLACES.get(name, name) for name in LABELING.placeholders()})
    context = {"context": {"Execution": {"Name": "week-9"}}}
    return evaluate(json.loads(text)["States"][state]["Arguments"], variables, context)


def sent(bucket: Bucket, operation: str) -> list[Any]:
    """Return a list to which the parameters come that the steps give an operation from now on."""
    asked: list[Any] = []

    def note(params: dict[str, Any], model: OperationModel, **_: Any) -> None:
        if model.name == operation:
            content = params["Body"] if isinstance(params["Body"], bytes) else params["Body"].read()
            asked.append({**params, "Body": content.decode()})

    bucket.hook("provide-client-params", note)
    return asked
