"""What each part of training may do: key by key, as functions and jobs read, write and list them.

Nobody here may change a package of the registry: that a model is approved is a person's. Jobs see neither samples nor
events nor what a run is recorded as.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cloud_side.catalog.importing import ROOT as IMPORTED
from cloud_side.catalog.shelf import ROOT as DATASETS
from cloud_side.catalog.store import PREFIX as STORED
from cloud_side.catalog.store import QUERIES
from cloud_side.infrastructure.containers import Container, pass_role, tell_how_it_goes
from cloud_side.infrastructure.grants import Grant, find, read, tell, use_key, write
from cloud_side.infrastructure.labeling_rights import PICTURES, of
from cloud_side.infrastructure.unit import Unit
from cloud_side.training import places
from cloud_side.training.pipeline.definition import NAME as PIPELINE
from cloud_side.training.registry.packages import MODELS
from cloud_side.training.registry.requests import Approval
from cloud_side.training.triggers.alarms import KEPT
from cloud_side.training.triggers.records import PREFIX
from cloud_side.training.triggers.settings import KEY
from cloud_side.training.workflow import NAME

_EXECUTIONS: Final = "SageMaker makes up the names of executions"
_COUNTED: Final = "packages of the group are counted"
_RUN: Final = places.run_prefix("*")
_RECORDS: Final = f"{PREFIX}*"
_VERSIONS: Final = f"{DATASETS}*"
_IMPORTS: Final = f"{IMPORTED}*"
_KEPT_MODELS: Final = f"{MODELS}*"
_RECEIPTS: Final = of("stored/*")
_ALARMS: Final = f"{KEPT}*"
_HEARD: Final = "events/heard/*"
_GATE: Final = f"{_RUN}{places.GATE}/{places.GATE_FILE}"
_REGISTERED: Final = f"{_RUN}{places.REGISTERED}/{places.REGISTERED_FILE}"
_MADE: Final = (  # by the steps, each in a folder of the run
    places.DATA,
    places.CHAMPION,
    places.MODEL,
    "checkpoints",
    places.PACKAGES,
    places.EVALUATION,
    places.OPTIMIZATION,
    places.PACKAGE,
    places.GATE,
    places.REGISTERED,
)


@dataclass(frozen=True)
class Asked:
    """Of whom the functions ask something.

    Attributes:
        unit: The stack.
        bucket: ARN.
        store: Name of the label store.
    """

    unit: Unit
    bucket: str
    store: str


def of_functions(asked: Asked) -> Mapping[str, Sequence[Grant]]:
    """Return what the functions may do, by their names; the installation's key may be used by all."""
    bucket = asked.bucket
    known = (KEY, _RECORDS, _VERSIONS, _RECEIPTS)
    recorded = (find(bucket, _RECORDS), read(bucket, _RECORDS), write(bucket, _RECORDS))
    looks = ("sagemaker:DescribePipelineExecution", "sagemaker:ListPipelineExecutionSteps")
    by_step = {
        "decide": (find(bucket, *known), read(bucket, *known), *_labels(asked)),
        "version": (
            find(bucket, _VERSIONS, _IMPORTS, PICTURES),
            read(bucket, _VERSIONS, _IMPORTS, PICTURES),
            write(bucket, _VERSIONS),
            *_labels(asked),
        ),
        "take": recorded,
        "note": recorded,
        "result": (
            *recorded,
            find(bucket, _GATE, _REGISTERED),
            read(bucket, _GATE, _REGISTERED),
            Grant(looks, (_executions(asked.unit),), _EXECUTIONS),
        ),
        "hear": (
            find(bucket, _ALARMS, _HEARD),
            read(bucket, _ALARMS, _HEARD),
            write(bucket, _HEARD),
            Grant(("events:PutEvents",), (asked.unit.arn("events", "event-bus/default"),)),
        ),
    }
    return {f"{NAME}-{step}": grants for step, grants in by_step.items()}


def of_machine(unit: Unit, topic: str) -> tuple[Grant, ...]:
    """Return what the state machine may do."""
    return (
        Grant(("sagemaker:StartPipelineExecution",), (_pipeline(unit),)),
        Grant(("sagemaker:DescribePipelineExecution",), (_executions(unit),), _EXECUTIONS),
        tell(topic),
    )


def of_pipeline(unit: Unit, bucket: str, key: str, jobs_role: str) -> tuple[Grant, ...]:
    """Return what the pipeline may do: begin jobs with one role, and look into what the gate says.

    Names of its jobs begin with `pipelines-`, as no step says that it names them itself.

    Source:
        https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-access.html
    """
    jobs = tuple(
        Grant(
            (*(f"sagemaker:{verb}{kind}Job" for verb in ("Create", "Describe", "Stop")), "sagemaker:AddTags"),
            (unit.arn("sagemaker", f"{kind.lower()}-job/pipelines-*"),),
            "Pipelines makes up the names of its jobs",
        )
        for kind in ("Training", "Processing")
    )
    return (*jobs, pass_role(jobs_role), read(bucket, _GATE), Grant(("kms:Decrypt",), (key,)))


def of_jobs(asked: Asked, key: str, group: str, container: Container) -> tuple[Grant, ...]:
    """Return what the jobs may do, of which all have one role.

    A package that they register waits for a person in any case.

    Source:
        https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html, "CreateTrainingJob API" and
        "CreateProcessingJob API"; condition keys of CreateModelPackage: Service Authorization Reference, SageMaker
    """
    unit, bucket = asked.unit, asked.bucket
    made = tuple(f"{_RUN}{name}/*" for name in _MADE)
    packages = unit.arn("sagemaker", f"model-package/{group}/*")
    return (
        # SageMaker lists an input by its address, which has no slash at its end.
        find(bucket, _VERSIONS, _KEPT_MODELS, *(f"{_RUN}{name}*" for name in _MADE)),
        read(bucket, _VERSIONS, _KEPT_MODELS, *made),
        write(bucket, _KEPT_MODELS, *made),
        use_key(key),
        Grant(("sagemaker:ListModelPackages", "sagemaker:DescribeModelPackage"), (packages,), _COUNTED),
        Grant(
            ("sagemaker:CreateModelPackage",),
            (packages, unit.arn("sagemaker", f"model-package-group/{group}")),
            _COUNTED,
            {"StringEquals": {"sagemaker:ModelApprovalStatus": Approval.PENDING.value}},
        ),
        *container.pull(),
        *tell_how_it_goes(unit, "TrainingJobs", "ProcessingJobs"),
    )


def _labels(asked: Asked) -> tuple[Grant, ...]:
    """Let the label store be read, which is a query of Athena by the caller's rights.

    Source:
        https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html; Service Authorization
        Reference, Amazon Athena
    """
    unit, bucket = asked.unit, asked.bucket
    rows, results = f"{STORED}/*", f"{QUERIES}*"
    catalog, database = unit.arn("glue", "catalog"), unit.arn("glue", "database/sagemaker_featurestore")
    table = unit.arn("glue", f"table/sagemaker_featurestore/{asked.store.replace('-', '?')}?*")
    return (
        Grant(("sagemaker:DescribeFeatureGroup",), (unit.arn("sagemaker", f"feature-group/{asked.store}"),)),
        Grant(
            ("athena:StartQueryExecution", "athena:GetQueryExecution"), (unit.arn("athena", "workgroup/primary"),)
        ),  # the account's own: a caller that names none has that one
        Grant(("athena:GetDataCatalog",), (unit.arn("athena", "datacatalog/AwsDataCatalog"),)),
        Grant(
            ("glue:GetDatabase", "glue:GetTable", "glue:GetPartitions"),
            (catalog, database, table),
            "the table of a feature group has the time behind its name",
        ),
        Grant(("glue:GetDatabase", "glue:CreateDatabase"), (catalog, unit.arn("glue", "database/default"))),
        Grant(("s3:GetBucketLocation", "s3:ListBucketMultipartUploads"), (bucket,)),
        find(bucket, rows, results),
        read(bucket, rows, results),
        write(bucket, results),
        Grant(
            ("s3:ListMultipartUploadParts",),
            (f"{bucket}/{results}",),
            "large results are uploaded in parts under the prefix",
        ),
    )


def _pipeline(unit: Unit) -> str:
    return unit.arn("sagemaker", f"pipeline/{unit.named(PIPELINE)}")


def _executions(unit: Unit) -> str:
    return f"{_pipeline(unit)}/execution/*"
