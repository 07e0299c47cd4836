"""Plans, what is asked, and records: what they take, and what is said of what they do not."""

from typing import Any

import pytest

from cloud_side.deployment.asking import asked_for
from cloud_side.deployment.planning import Plan, changed, lines_of, parse_plan
from cloud_side.deployment.records import parse_record
from edge_inspector.errors import ConfigError
from tests.cloud.deployment.site import approved_event

ARN = "arn:aws:sagemaker:eu-central-1:000000000000:model-package/edge-inspector/7"


def test_a_plan_is_the_same_after_it_was_written_and_read() -> None:
    plan = changed(Plan(), {"waves": "berlin,lyon", "limits.latency_ms": "20", "rate.factor": "1.5"})
    assert parse_plan(plan.content()) == plan
    assert (plan.waves, plan.limits.latency_ms, plan.rate.factor) == (("berlin", "lyon"), 20, 1.5)
    assert parse_plan(b"{}") == Plan()
    assert changed(plan, {"limits.latency_ms": "null", "waves": ""}).waves == ()


@pytest.mark.parametrize("factor", [1.1, 1.3, 2, 4.7, 5])
@pytest.mark.parametrize("percent", [0.01, 33.33, 99.99, 100])
def test_numbers_that_aws_takes_are_taken(factor: float, percent: float) -> None:
    plan = changed(Plan(), {"rate.factor": str(factor), "abort.failed_percent": str(percent)})
    assert (plan.rate.factor, plan.abort.failed_percent) == (factor, percent)


def test_what_is_shown_of_a_plan_can_be_said_again() -> None:
    said = dict(line.split("=", 1) for line in lines_of(Plan()))
    assert said["limits.reject_rate_change"] == "0.1"
    assert said["limits.latency_ms"] == "null"
    assert changed(Plan(), said) == Plan()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "all of it"),
        (b'{"canari": "x"}', "canari"),
        (b'{"schema": "edge-inspector/rollout-plan/2"}', "schema"),
        (b'{"limits": {"offline_share": 1.5}}', "limits.offline_share"),
        (b'{"limits": {"device_timeout_s": 0}}', "limits.device_timeout_s"),
        (b'{"canary": "a", "waves": ["a"]}', "expected each group once, found a, a"),
        (b'{"waves": ["a", "b", "c", "d", "e", "f", "g", "h"]}', "waves that take 2160000 s together at most"),
        (b'{"rate": {"per_minute": 1, "base_per_minute": 5}}', "expected base_per_minute up to per_minute, found 5"),
        (b'{"rate": {"factor": 1.0}}', "rate.factor"),
        (b'{"rate": {"factor": 1.55}}', "up to 1 digits after the point, which is what AWS takes, found 1.55"),
        (b'{"abort": {"failed_percent": 10.999}}', "up to 2 digits after the point"),
        (b'{"limits": {"deployable_timeout_s": 604800, "device_timeout_s": 604800, "proof_timeout_s": 86400}}',
         "take 2160000 s together at most, found up to 2592000 s"),
        (b'{"waves": ["a b"]}', "waves.0"),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_be_is_one_clear_error(content: bytes, problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_plan(content)
    assert str(error.value).startswith("deployment/plan.json: ")
    assert problem in str(error.value)


@pytest.mark.parametrize("name", ["limits", "limits.offline", "schema", "canary.x", "x"])
def test_a_name_that_no_plan_has_is_refused_with_those_that_there_are(name: str) -> None:
    with pytest.raises(ConfigError, match=r"expected one of canary, waves, limits\.offline_share"):
        changed(Plan(), {name: "1"})


def test_an_approval_and_a_person_ask_for_the_same() -> None:
    event = approved_event(ARN)
    event["detail"] |= {"CustomerMetadataProperties": {"judged_by": "ana"}, "ApprovalDescription": "better"}
    asked = asked_for(event)
    assert (asked.package, asked.by, asked.why, asked.is_event) == (ARN, "ana", "better", True)
    assert asked_for(approved_event(ARN)).by == "approval"
    assert not asked_for({"package": ARN, "by": "ana", "why": "better"}).is_event


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        {"package": ARN, "by": "ana"},
        {"package": ARN, "by": "ana", "why": ""},
        {"package": ARN, "rollback": "x", "by": "ana", "why": "x"},
        {"by": "ana", "why": "x"},
        {"detail-type": "Other", "source": "aws.sagemaker"},
        {**approved_event(ARN), "detail": {"ModelApprovalStatus": "Rejected", "ModelPackageArn": ARN}},
        {**approved_event(ARN), "detail": {"ModelApprovalStatus": "Approved"}},
    ],
)
def test_what_nobody_may_ask_for_is_refused(document: Any) -> None:
    with pytest.raises(ConfigError, match="input: "):
        asked_for(document)


def test_a_record_that_is_none_is_one_clear_error() -> None:
    with pytest.raises(ConfigError, match=r"s3://b/record\.json: id: expected: Field required"):
        parse_record(b'{"schema": "edge-inspector/rollout/1"}', "s3://b/record.json")
