"""Labeling jobs of SageMaker Ground Truth, for accounts that have it: what is asked for, and where the answers are.

Labeling is an *adjustment* job to Ground Truth: of its built-in tasks with boxes, that one begins from boxes that are
there, be it none. Both jobs read the manifest that our page reads, and write lines that are read as those of our page.

Source:
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateLabelingJob.html and API_HumanTaskConfig.html
    there (functions by region, quotas); https://docs.aws.amazon.com/sagemaker/latest/dg/sms-data-verify-start-api.html
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cloud_side.labeling.items import LABEL, VERIFICATION
from cloud_side.labeling.places import WorkKind, input_key, work_prefix
from cloud_side.labeling.settings import LabelingSettings
from edge_inspector.errors import ConfigError

VERDICTS: Final = ("accept", "reject")  # their order is what the output says: 0, 1

# Whose functions Ground Truth calls before a task is shown and after it is answered, by region.
_ACCOUNTS: Final[Mapping[str, str]] = {
    "ap-northeast-1": "477331159723",
    "ap-northeast-2": "845288260483",
    "ap-south-1": "565803892007",
    "ap-southeast-1": "377565633583",
    "ap-southeast-2": "454466003867",
    "ca-central-1": "918755190332",
    "eu-central-1": "203001061592",
    "eu-west-1": "568282634449",
    "eu-west-2": "487402164563",
    "us-east-1": "432418664414",
    "us-east-2": "266458841044",
    "us-west-2": "081040173940",
}
_DAY_S: Final = 86_400  # a private work team's tasks are open for 30 days at most, as the settings say too
_ONE_TASK_S: Final = 3_600  # that somebody may hold an image; 8 hours at most
_AT_ONCE: Final = 1_000  # images shown at a time, without asking AWS for more
_LONGEST_STEM, _LONGEST_TITLE = 32, 128


@dataclass(frozen=True)
class _Task:
    """What differs between the two kinds of work.

    Attributes:
        functions: Name of Ground Truth's built-in task in the names of its functions.
        attribute: Under which the output has the answer.
        title, description: For the people who do it.
    """

    functions: str
    attribute: str
    title: str
    description: str


_TASKS: Final[Mapping[WorkKind, _Task]] = {
    WorkKind.LABEL: _Task(
        "AdjustmentBoundingBox",
        LABEL,
        "Draw boxes",
        "Draw a box around each defect; correct, or remove, the boxes that a model has drawn",
    ),
    WorkKind.VERIFY: _Task(
        "VerificationBoundingBox", VERIFICATION, "Verify boxes", "Say whether the boxes are right, and if not, why"
    ),
}


@dataclass(frozen=True)
class LabelingJob:
    """One labeling job.

    Attributes:
        bucket: Of the product.
        batch: Its name.
        round: From 1.
        kind: Labeling or verification.
        attempt: From 1; another one has another name.
        settings: Of the batch.
        region: Where it runs.
        role: ARN; reads the manifest and the images, and writes the output.
        workteam: ARN of a private work team.

    Raises:
        ConfigError: If there is no work team, or Ground Truth is not in the region.
    """

    bucket: str
    batch: str
    round: int
    kind: WorkKind
    attempt: int
    settings: LabelingSettings
    region: str
    role: str
    workteam: str

    def __post_init__(self) -> None:
        check_available(self.region, self.workteam)

    @property
    def name(self) -> str:
        """Its name: the same for the same work, whatever the batch is called, and valid; no other bucket has it."""
        stem = re.sub(r"[^a-z0-9]+", "-", self.batch.lower())[:_LONGEST_STEM].strip("-")
        digest = hashlib.sha256(f"{self.bucket} {self.batch}".encode()).hexdigest()[:8]
        parts = (stem, digest, self.kind.value, str(self.round), str(self.attempt))
        return "-".join(part for part in parts if part)

    @property
    def template_key(self) -> str:
        """Where its page for the people is."""
        return f"{self._prefix}template.liquid.html"

    @property
    def categories_key(self) -> str:
        """Where its classes are."""
        return f"{self._prefix}categories.json"

    def request(self) -> dict[str, Any]:
        """Return the request for CreateLabelingJob."""
        task = _TASKS[self.kind]
        return {
            "LabelingJobName": self.name,
            "LabelAttributeName": task.attribute,
            "InputConfig": {
                "DataSource": {
                    "S3DataSource": {"ManifestS3Uri": self._uri(input_key(self.batch, self.round, self.kind))}
                }
            },
            "OutputConfig": {"S3OutputPath": self._uri(f"{self._prefix}output")},
            "RoleArn": self.role,
            "LabelCategoryConfigS3Uri": self._uri(self.categories_key),
            "HumanTaskConfig": self._human_task(task),
        }

    @property
    def _prefix(self) -> str:
        return f"{work_prefix(self.batch, self.round, self.kind)}ground-truth/"

    def _human_task(self, task: _Task) -> dict[str, Any]:
        labels = self.kind is WorkKind.LABEL
        days = self.settings.label_days if labels else self.settings.verify_days
        return {
            "WorkteamArn": self.workteam,
            "UiConfig": {"UiTemplateS3Uri": self._uri(self.template_key)},
            "PreHumanTaskLambdaArn": self._function(f"PRE-{task.functions}"),
            "TaskTitle": f"{task.title}: {self.batch}, round {self.round}"[:_LONGEST_TITLE],
            "TaskDescription": task.description,
            "NumberOfHumanWorkersPerDataObject": self.settings.workers if labels else 1,
            "TaskTimeLimitInSeconds": _ONE_TASK_S,
            "TaskAvailabilityLifetimeInSeconds": days * _DAY_S,
            "MaxConcurrentTaskCount": _AT_ONCE,
            "AnnotationConsolidationConfig": {
                "AnnotationConsolidationLambdaArn": self._function(f"ACS-{task.functions}")
            },
        }

    def _function(self, name: str) -> str:
        return f"arn:aws:lambda:{self.region}:{_ACCOUNTS[self.region]}:function:{name}"

    def _uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"


def check_available(region: str, workteam: str) -> None:
    """Let it pass that there may be labeling jobs in a region, for a private work team.

    Raises:
        ConfigError: If there is no work team, or Ground Truth is not in the region.
    """
    if region not in _ACCOUNTS:
        msg = f"method: expected a region that has Ground Truth ({', '.join(_ACCOUNTS)}), found {region}"
        raise ConfigError(msg)
    if ":workteam/" not in workteam:
        msg = f"method: expected page, as there is no private work team for ground-truth, found {workteam!r}"
        raise ConfigError(msg)


def template(kind: WorkKind) -> str:
    """Return the page on which people do it: a Liquid template with Crowd HTML elements."""
    return (Path(__file__).parent / "templates" / f"{kind.value}.liquid.html").read_text(encoding="utf-8")


def categories(kind: WorkKind, class_names: Sequence[str]) -> dict[str, Any]:
    """Return the label category configuration: the classes of boxes, or what a verdict may be.

    Raises:
        ConfigError: If boxes have no classes: Ground Truth wants one at least.
    """
    names = class_names if kind is WorkKind.LABEL else VERDICTS
    if not names:
        msg = "class_names: expected at least one, as no model has drawn boxes that name any, found none"
        raise ConfigError(msg)
    return {"document-version": "2018-11-28", "labels": [{"label": name} for name in names]}
