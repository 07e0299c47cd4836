"""What each part of the labeling workflow may do: key by key, as its handler reads, writes, lists and deletes them.

Nobody here may delete a sample or write one, and nobody but the two steps that open and shut it reads a work order,
which has the token of the task that waits for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cloud_side.catalog.tables import SAMPLES, TAKEN
from cloud_side.infrastructure.grants import Grant, delete, find, read, tell, write
from cloud_side.infrastructure.unit import Unit
from cloud_side.labeling.places import ARRIVALS, BATCHES, OPEN_WORK, batch_key
from cloud_side.labeling.settings import LabelingSettings
from cloud_side.labeling.workflow import NAME

SAMPLES_PREFIX: Final = LabelingSettings().samples_prefix  # an installation's stations have no other one
PICTURES: Final = f"{SAMPLES_PREFIX}/*"
BATCH: Final = f"{BATCHES}*"
ORDERS: Final = f"{OPEN_WORK}*"
_CLAIMS: Final = f"{TAKEN.prefix}*"
_INDEX: Final = f"{SAMPLES.prefix}{SAMPLES_PREFIX}/*"
_ARRIVED: Final = f"{ARRIVALS}{SAMPLES_PREFIX}/*"
_JOBS: Final = "labeling jobs have the names of batches, which nobody knows before"


def of(name: str) -> str:
    """Return the keys that objects of a name have in batches, whatever these are called: `leases/*`, `report.json`."""
    return batch_key("*", name)


INPUT: Final = of("round-*/input.manifest")
GROUND_TRUTH: Final = of("round-*/ground-truth/*")
OUTPUT: Final = of("round-*/output.manifest")  # that of Ground Truth too, which lies deeper
ANSWERS: Final = of("round-*/answers/*")
_ACCEPTED: Final = of("round-*/accepted.jsonl")
_OUTCOMES: Final = of("round-*/outcomes.jsonl")
_COLLECTED: Final = of("round-*/collected.json")
_TOLD: Final = tuple(
    of(name)
    for name in ("settings.json", "taken.jsonl", "quarantine.jsonl", "gathered.json", "stored/*", "report.json")
)


def of_functions(unit: Unit, bucket: str, store: str, *, has_workteam: bool) -> Mapping[str, Sequence[Grant]]:
    """Return what the functions may do, by their names; the installation's key may be used by all.

    Args:
        unit: The stack.
        bucket: ARN.
        store: ARN of the label store.
        has_workteam: Whether Ground Truth may be used.
    """
    stop, look = (
        Grant((f"sagemaker:{verb}LabelingJob",), (_labeling_jobs(unit),), _JOBS) for verb in ("Stop", "Describe")
    )
    by_step = _finding(bucket) | _working(bucket) | _ending(bucket)
    by_step["request"] += (stop,) if has_workteam else ()
    by_step["end"] = (look, stop) if has_workteam else ()
    by_step["store"] += (Grant(("sagemaker:PutRecord",), (store,)),)
    return {f"{NAME}-{step}": grants for step, grants in by_step.items()}


def _finding(bucket: str) -> dict[str, tuple[Grant, ...]]:
    return {
        "notice": (write(bucket, f"{ARRIVALS}*"),),
        "settings": (read(bucket, of("settings.json")), write(bucket, of("settings.json"))),
        "find": (find(bucket, _ARRIVED, _INDEX, PICTURES), write(bucket, of("partitions.jsonl"))),
        "index": (
            find(bucket, _ARRIVED, _INDEX, PICTURES),
            read(bucket, _INDEX, f"{PICTURES}.json"),
            write(bucket, _INDEX),
            delete(bucket, _INDEX, _ARRIVED),
        ),
        "query": (find(bucket, _CLAIMS),),
        "take": (
            find(bucket, _CLAIMS, BATCH),
            read(bucket, _CLAIMS, of("query/*")),
            write(bucket, _CLAIMS, of("taken.jsonl")),
        ),
        "prepare": (find(bucket, PICTURES), read(bucket, PICTURES), write(bucket, of("prepared/*"))),
        "gather": (
            find(bucket, BATCH),
            read(bucket, of("taken.jsonl"), of("prepared/*")),
            write(bucket, of("quarantine.jsonl"), of("gathered.json"), INPUT),
        ),
    }


def _working(bucket: str) -> dict[str, tuple[Grant, ...]]:
    return {
        "open": (find(bucket, BATCH, ORDERS), read(bucket, INPUT, ORDERS), write(bucket, ORDERS)),
        "shut": (
            find(bucket, BATCH, ORDERS),
            read(bucket, of("settings.json"), INPUT, OUTPUT, ANSWERS, ORDERS),
            write(bucket, OUTPUT, ORDERS),
            delete(bucket, ORDERS),
        ),
        "request": (find(bucket, BATCH), read(bucket, INPUT), write(bucket, GROUND_TRUTH)),
    }


def _ending(bucket: str) -> dict[str, tuple[Grant, ...]]:
    return {
        "collect-labels": (
            find(bucket, BATCH),
            read(bucket, INPUT, OUTPUT),
            write(bucket, INPUT, _OUTCOMES, _COLLECTED),
        ),
        "collect-verdicts": (
            find(bucket, BATCH),
            read(bucket, INPUT, OUTPUT, _OUTCOMES),
            write(bucket, INPUT, _OUTCOMES, _COLLECTED, _ACCEPTED),
        ),
        "store": (find(bucket, BATCH), read(bucket, of("stored/*")), write(bucket, of("stored/*"))),
        "close": (
            find(bucket, BATCH, _CLAIMS),
            read(bucket, _CLAIMS, *_TOLD, INPUT, _OUTCOMES, _COLLECTED, _ACCEPTED),
            write(bucket, _CLAIMS, of("report.json"), of("report.html")),
        ),
    }


@dataclass(frozen=True)
class Selecting:
    """What the one statement is asked of.

    Attributes:
        bucket: ARN.
        database: Name of Glue's.
        work_group: Name of Athena's.
        topic: ARN, by which people are told.
    """

    bucket: str
    database: str
    work_group: str
    topic: str


def of_machine(unit: Unit, asked: Selecting, labeling_role: str | None) -> tuple[Grant, ...]:
    """Return what the state machine may do.

    Args:
        unit: The stack.
        asked: What it asks Athena.
        labeling_role: ARN of what Ground Truth works with; None: it is not used.
    """
    return (
        *_of_selection(unit, asked),
        *_of_maps(unit, asked.bucket),
        tell(asked.topic),
        # The definition has Ground Truth's tasks in any case, and CreateStateMachine looks at once whether the role
        # may make the rule by which Step Functions hears of their end. The Developer Guide has no policy for labeling
        # jobs: those of other jobs are called StepFunctionsGetEventsForSageMakerTrainingJobsRule and so on.
        # https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
        Grant(
            ("events:PutTargets", "events:PutRule", "events:DescribeRule"),
            (unit.arn("events", "rule/StepFunctionsGetEventsForSageMaker*"),),
            "the rule of Step Functions for labeling jobs has a name that its documentation does not say",
        ),
        *(() if labeling_role is None else _of_jobs(unit, labeling_role)),
    )


def _of_selection(unit: Unit, asked: Selecting) -> tuple[Grant, ...]:
    """Return what the statement needs.

    Source:
        https://docs.aws.amazon.com/step-functions/latest/dg/connect-athena.html, "IAM policies", and for the database
        `default` https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html
    """
    results = of("query/*")
    catalog, database = unit.arn("glue", "catalog"), unit.arn("glue", f"database/{asked.database}")
    tables = tuple(unit.arn("glue", f"table/{asked.database}/{each.name}") for each in (SAMPLES, TAKEN))
    return (
        Grant(
            ("athena:StartQueryExecution", "athena:StopQueryExecution", "athena:GetQueryExecution"),
            (unit.arn("athena", f"workgroup/{asked.work_group}"),),
        ),
        Grant(("athena:GetDataCatalog",), (unit.arn("athena", "datacatalog/AwsDataCatalog"),)),
        Grant(("glue:GetDatabase", "glue:GetTable", "glue:GetPartitions"), (catalog, database, *tables)),
        Grant(("glue:GetDatabase", "glue:CreateDatabase"), (catalog, unit.arn("glue", "database/default"))),
        Grant(("s3:GetBucketLocation", "s3:ListBucketMultipartUploads"), (asked.bucket,)),
        find(asked.bucket, f"{SAMPLES.prefix}*", _CLAIMS, BATCH),
        read(asked.bucket, f"{SAMPLES.prefix}*", _CLAIMS, results),
        write(asked.bucket, results),
        _parts_of(asked.bucket, results),
    )


def _of_maps(unit: Unit, bucket: str) -> tuple[Grant, ...]:
    """Return what the distributed maps need: their children are executions of the same state machine.

    Source:
        https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
    """
    name, results = unit.named(NAME), of("children/*")
    lists = (of("partitions.jsonl"), of("taken.jsonl"), _ACCEPTED)
    return (
        Grant(("states:StartExecution",), (unit.arn("states", f"stateMachine:{name}"),)),
        Grant(
            ("states:DescribeExecution", "states:StopExecution"),
            (unit.arn("states", f"execution:{name}:*"), unit.arn("states", f"execution:{name}/*")),
            "executions have names that nobody knows before",
        ),
        read(bucket, *lists, results),
        write(bucket, results),
        _parts_of(bucket, results),
    )


def _of_jobs(unit: Unit, labeling_role: str) -> tuple[Grant, ...]:
    verbs = ("CreateLabelingJob", "DescribeLabelingJob", "StopLabelingJob", "AddTags", "ListTags")
    return (
        Grant(tuple(f"sagemaker:{verb}" for verb in verbs), (_labeling_jobs(unit),), _JOBS),
        Grant(
            ("iam:PassRole",),
            (labeling_role,),
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
    )


def _labeling_jobs(unit: Unit) -> str:
    return unit.arn("sagemaker", "labeling-job/*")


def _parts_of(bucket: str, prefix: str) -> Grant:
    return Grant(
        ("s3:ListMultipartUploadParts",),
        (f"{bucket}/{prefix}",),
        "large results are uploaded in parts under the prefix",
    )
