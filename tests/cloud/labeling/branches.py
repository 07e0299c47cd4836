"""Every way through the labeling workflow, as what its tasks answer: for the interpreters, and for the coverage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from cloud_side.labeling.ground_truth import LabelingJob
from cloud_side.labeling.places import WorkKind
from cloud_side.labeling.settings import LabelingSettings, Method

Json: TypeAlias = Any
Answers: TypeAlias = Mapping[str, Json]

STARTED = "2026-03-01T08:30:00.000Z"
BATCH = "labeling/batches/execution"
OUTPUT = f"s3://the-Bucket/{BATCH}/round-1"
SUMMARY = {"labeled": 3, "not_stored": 0, "report": f"s3://the-Bucket/{BATCH}/report.json"}


@dataclass(frozen=True)
class Branch:
    """One way: what the tasks answer by state, a list each, the last answer again and again; and how it ends."""

    name: str
    answers: Answers
    ends: str = "SUCCEEDED"


def payload(**document: Json) -> Json:
    return {"result": {"StatusCode": 200, "Payload": document}}


def error(name: str, cause: str = "because") -> Json:
    return {"error": name, "cause": cause}


def settings(method: Method, **more: Any) -> Json:
    return payload(settings=LabelingSettings(method=method, **more).model_dump(mode="json"))


def labels(labeled: int, again: int = 0) -> Json:
    return payload(labeled=labeled, unlabeled=3 - labeled, unusable=0, again=again, next=0 if labeled else again)


def verdicts(accepted: int, again: int) -> Json:
    return payload(accepted=accepted, rejected=again, unverified=0, unusable=0, next=again)


def job(name: str) -> Json:
    return {
        "result": {"LabelingJobOutput": {"OutputDatasetS3Uri": f"{OUTPUT}/{name}"}, "LabelCounters": {"Unlabeled": 0}}
    }


def requested(kind: WorkKind, attempt: int) -> Json:
    asked = LabelingSettings(method=Method.GROUND_TRUTH)
    role, team = "arn:aws:iam::123456789012:role/labeling", "arn:aws:sagemaker:eu-west-1:123456789012:workteam/a/b"
    made = LabelingJob("the-Bucket", "execution", 1, kind, attempt, asked, "eu-west-1", role, team)
    return payload(request=made.request())


def by(argument: str, answers: Mapping[str, Sequence[Json]]) -> Json:
    return {"by": argument, "answers": answers}


DAYS = ["site=a/line=1/station=p/dt=2026-03-01", "site=a/line=1/station=p/dt=2026-02-28"]
CHOSEN = f"s3://the-Bucket/{BATCH}/query"
PAGE: Answers = {
    "Settings": [settings(Method.PAGE)],
    "Find": [payload(partitions=2, key=f"{BATCH}/partitions.jsonl")],
    "Index": [{"result": [{"partition": day, "arrivals": []} for day in DAYS]}],
    "Index a day": [payload(read=2, rows=2, broken=0)],
    "Query": [payload(sql="SELECT 1", number=7, output=CHOSEN), payload(sql="SELECT 2", number=8, output=CHOSEN)],
    "Select": [{"result": {"QueryExecution": {"ResultConfiguration": {"OutputLocation": f"{CHOSEN}/1.csv"}}}}],
    "Take": [payload(taken=3, conflict=False)],
    "Prepare": [{"result": [{"image": f"s3://the-Bucket/{number}.jpg"} for number in range(23)]}],
    "Prepare some": [payload(prepared=20, quarantined=0)],
    "Gather": [payload(items=3, quarantined=0, failed=0)],
    "Label by page": [{"result": {"output": f"{OUTPUT}/label/output.manifest"}}],
    "Shut labeling": [payload(output=f"{OUTPUT}/label/output.manifest")],
    "Collect labels": [labels(3)],
    "Verify by page": [{"result": {"output": f"{OUTPUT}/verify/output.manifest"}}],
    "Shut verification": [payload(output=f"{OUTPUT}/verify/output.manifest")],
    "Collect verdicts": [verdicts(3, 0)],
    "Store": [{"result": [{"sha256": str(number)} for number in range(3)]}],
    "Store some": [payload(stored=3)],
    "Close": [payload(**SUMMARY)],
    "Tell": [{"result": {"MessageId": "1"}}],
    "Tell of the failure": [{"result": {"MessageId": "2"}}],
}
GROUND_TRUTH: Answers = {
    **PAGE,
    "Settings": [settings(Method.GROUND_TRUTH)],
    "Labeling request": [requested(WorkKind.LABEL, attempt) for attempt in (1, 2, 3)],
    "Label by Ground Truth": [job("label.manifest")],
    "Labeling ended early": [payload(output=f"{OUTPUT}/half.manifest")],
    "Verification request": [requested(WorkKind.VERIFY, 1)],
    "Verify by Ground Truth": [job("verify.manifest")],
    "Verification ended early": [payload(output=f"{OUTPUT}/half.manifest")],
}

TIME_IS_UP = [error("States.Timeout", "")]
FIRST_WAS_ANOTHER = payload(taken=0, conflict=True)
BUSY, BROKEN = error("Lambda.TooManyRequestsException"), error("ClientError", "An error occurred (SlowDown)")
LIMIT, IN_USE = error("SageMaker.ResourceLimitExceededException"), error("SageMaker.ResourceInUseException")
STOPPED_EARLY = [error("States.TaskFailed", '{"LabelingJobStatus":"Stopped"}')]
ENDED_BADLY = [
    error("States.TaskFailed", '{"LabelingJobStatus":"Failed","FailureReason":"ClientError: no such label"}')
]
NO_OUTPUT, RUNS = [error("LabelError", "expected answers")], error("JobRunsError", "found it Stopping")

WAYS = (
    Branch("accepted in the first round", PAGE),
    Branch("nothing is announced", {**PAGE, "Find": [payload(partitions=0, key=f"{BATCH}/partitions.jsonl")]}),
    Branch("nothing is taken", {**PAGE, "Take": [payload(taken=0, conflict=False)]}),
    Branch(
        "another batch was first, then this one is",
        {**PAGE, "Take": [FIRST_WAS_ANOTHER, payload(taken=3, conflict=False)]},
    ),
    Branch("other batches are first again and again", {**PAGE, "Take": [FIRST_WAS_ANOTHER]}, "TooManyBatches"),
    Branch("no image is whole", {**PAGE, "Gather": [payload(items=0, quarantined=3, failed=0)]}),
    Branch("rejected ones go round again", {**PAGE, "Collect verdicts": [verdicts(2, 1), verdicts(1, 0)]}),
    Branch("rejected to the last round", {**PAGE, "Collect verdicts": [verdicts(0, 3)]}),
    Branch(
        "accepted labels do not come into the store",
        {**PAGE, "Store some": [error("AccessDenied")], "Close": [payload(**SUMMARY | {"not_stored": 3})]},
        "LabelsNotStored",
    ),
    Branch("time is up for labeling", {**PAGE, "Label by page": TIME_IS_UP}),
    Branch("nobody labeled", {**PAGE, "Label by page": TIME_IS_UP, "Collect labels": [labels(0)]}),
    Branch("no answer is of use, then all are", {**PAGE, "Collect labels": [labels(0, again=3), labels(3)]}),
    Branch("no answer is of use to the last round", {**PAGE, "Collect labels": [labels(0, again=3)]}),
    Branch("time is up for verification", {**PAGE, "Verify by page": TIME_IS_UP, "Collect verdicts": [verdicts(1, 0)]}),
    Branch(
        "some children fail",
        {
            **PAGE,
            "Index a day": by("Payload.item.partition", {DAYS[0]: [payload(rows=2)], DAYS[1]: [error("MemoryError")]}),
            "Prepare some": by(
                "Payload.items.0.image", {"s3://the-Bucket/20.jpg": [error("OSError")], "*": [payload(prepared=20)]}
            ),
            "Store some": [error("ValidationError")],
        },
    ),
    Branch(
        "functions are throttled and break off",
        {
            **PAGE,
            "Find": [BUSY, BROKEN, BUSY, *PAGE["Find"]],
            "Index a day": by(
                "Payload.item.partition",
                {DAYS[0]: [BUSY, payload(rows=2)], "*": [error("Sandbox.Timedout"), payload(rows=1)]},
            ),
            "Label by page": [BUSY, error("Lambda.Unknown"), *PAGE["Label by page"]],
            "Close": [error("States.Timeout"), *PAGE["Close"]],
        },
    ),
    Branch(
        "the engine of the query is busy",
        {**PAGE, "Select": [error("Athena.TooManyRequestsException"), *PAGE["Select"]]},
    ),
    Branch(
        "the settings are wrong", {**PAGE, "Settings": [error("ConfigError", "budget: expected more")]}, "ConfigError"
    ),
    Branch("the query fails", {**PAGE, "Select": [error("States.TaskFailed", "SYNTAX_ERROR")]}, "States.TaskFailed"),
    Branch("closing fails", {**PAGE, "Close": [error("KeyError")]}, "KeyError"),
    Branch(
        "closing fails after a failure",
        {**PAGE, "Gather": [error("LabelError")], "Close": [error("KeyError")]},
        "LabelError",
    ),
    Branch("nobody can be told", {**PAGE, "Tell": [error("SNS.AmazonSNSException")]}),
    Branch(
        "nobody can be told of a failure",
        {**PAGE, "Find": [error("KeyError")], "Tell of the failure": [error("SNS.AmazonSNSException")]},
        "KeyError",
    ),
    Branch("Ground Truth: accepted in the first round", GROUND_TRUTH),
    Branch(
        "Ground Truth: rejected ones go round again",
        {**GROUND_TRUTH, "Collect verdicts": [verdicts(0, 3), verdicts(3, 0)]},
    ),
    Branch(
        "Ground Truth: no room for a job, and a name in use",
        {
            **GROUND_TRUTH,
            "Label by Ground Truth": [LIMIT, IN_USE, *GROUND_TRUTH["Label by Ground Truth"]],
            "Verify by Ground Truth": [IN_USE, LIMIT, *GROUND_TRUTH["Verify by Ground Truth"]],
        },
    ),
    Branch(
        "Ground Truth: no name is free",
        {
            **GROUND_TRUTH,
            "Labeling request": [*GROUND_TRUTH["Labeling request"], error("ConfigError", "batch: expected a name")],
            "Label by Ground Truth": [IN_USE],
        },
        "ConfigError",
    ),
    Branch("Ground Truth: labeling is stopped by a person", {**GROUND_TRUTH, "Label by Ground Truth": STOPPED_EARLY}),
    Branch(
        "Ground Truth: verification is stopped by a person", {**GROUND_TRUTH, "Verify by Ground Truth": STOPPED_EARLY}
    ),
    Branch(
        "Ground Truth: labeling fails",
        {**GROUND_TRUTH, "Label by Ground Truth": ENDED_BADLY, "Labeling ended early": NO_OUTPUT},
        "States.TaskFailed",
    ),
    Branch(
        "Ground Truth: verification fails",
        {**GROUND_TRUTH, "Verify by Ground Truth": ENDED_BADLY, "Verification ended early": NO_OUTPUT},
        "States.TaskFailed",
    ),
    Branch(
        "Ground Truth: time is up for labeling",
        {
            **GROUND_TRUTH,
            "Label by Ground Truth": TIME_IS_UP,
            "Labeling ended early": [RUNS, BUSY, RUNS, *GROUND_TRUTH["Labeling ended early"]],
        },
    ),
    Branch(
        "Ground Truth: time is up for verification",
        {
            **GROUND_TRUTH,
            "Verify by Ground Truth": TIME_IS_UP,
            "Verification ended early": [RUNS, *GROUND_TRUTH["Verification ended early"]],
        },
    ),
)

# Where every way goes by, and what has a way of its own.
_SIDE_WAYS: Mapping[str, Answers] = {
    "Shut labeling": {**PAGE, "Label by page": TIME_IS_UP},
    "Shut verification": {**PAGE, "Verify by page": TIME_IS_UP},
    "Labeling request": GROUND_TRUTH,
    "Verification request": GROUND_TRUTH,
}
_BY_A_WAY_ALREADY = {"Settings", "Select", "Close", "Labeling ended early", "Verification ended early"}
_MAPS = {"Index", "Prepare", "Store"}


def failing(states: Sequence[str]) -> list[Branch]:
    """Return a way for each of these states on which it fails for good, and the batch with it."""
    return [
        Branch(f"{state} fails", {**_SIDE_WAYS.get(state, PAGE), state: [error(kind)]}, kind)
        for state in states
        if state not in _BY_A_WAY_ALREADY
        for kind in ["States.ItemReaderFailed" if state in _MAPS else "KeyError"]
    ]
