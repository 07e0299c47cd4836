"""What labeling asks of AWS, as it goes to boto3.

`UPDATE_GOLDEN=1 pytest tests/cloud/labeling/test_requests.py` writes the golden files again; read the difference.
"""

import json
from datetime import UTC, datetime

import pytest

from cloud_side.catalog.labels import AnnotatorType, Box, Label, Origin, Verification
from cloud_side.catalog.store import feature_group_request, record_of
from cloud_side.catalog.tables import DATABASE, SAMPLES, TAKEN, Table
from cloud_side.labeling.ground_truth import LabelingJob
from cloud_side.labeling.places import WorkKind
from cloud_side.labeling.selection import statement
from cloud_side.labeling.settings import LabelingSettings, Method
from cloud_side.labeling.workflow import LABELING
from cloud_side.local.states.expressions import evaluate
from tests.cloud.golden import assert_golden

AT = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
BUCKET, STORE = "edge-inspector-123456789012", "edge-inspector-labels"
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
    text = LABELING.filled({name: name for name in LABELING.placeholders()})
    chosen = f"s3://{BUCKET}/labeling/batches/week-9/query/"
    variables = {"sql": statement(LabelingSettings(site="north"), AT), "chosen": chosen}
    request = evaluate(json.loads(text)["States"]["Select"]["Arguments"], variables, {})
    assert_golden("start_query_execution", request, "athena", "StartQueryExecution")
