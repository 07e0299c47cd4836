"""What an execution of the labeling workflow is asked for: its input, checked once, at its door."""

from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from cloud_side.catalog.labels import strict_json
from edge_inspector.errors import ConfigError


class Method(StrEnum):
    """Who shows the images to people."""

    PAGE = "page"  # our own labeling page
    GROUND_TRUTH = "ground-truth"  # SageMaker Ground Truth, for accounts that have it


class GroupBy(StrEnum):
    """What must not be torn apart into training and test."""

    PART = "part"
    LOT = "lot"


LONGEST_DAYS: Final = 330  # an execution of Step Functions ends after a year, whatever it waits for

MOST_CLASSES: Final = 200  # each item and each child's input names them all

_Name = Annotated[str, Field(min_length=1, max_length=128)]


class LabelingSettings(BaseModel):
    """Settings of one batch; every one has a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    budget: int = Field(500, ge=1, le=10_000, description="images at most")
    audits: int = Field(
        default_factory=lambda asked: int(asked["budget"]) // 10,
        ge=0,
        le=10_000,
        description="places kept for random audits of accepted parts, where there are any; default: a tenth of budget",
    )
    since_days: int | None = Field(
        2, ge=0, le=36_500, description="days looked through again, beside what is new; null: all days"
    )
    samples_prefix: str = Field(
        "samples", min_length=1, description="first part of the samples' keys, as in the stations' samples.prefix"
    )
    site: _Name | None = Field(None, description="only samples of this site")
    line: _Name | None = Field(None, description="only samples of this line")
    station: _Name | None = Field(None, description="only samples of this station")
    product: _Name | None = Field(None, description="only samples of this product")
    group_by: GroupBy = Field(GroupBy.PART, description="what a dataset must not tear apart")
    class_names: tuple[_Name, ...] = Field(
        (), max_length=MOST_CLASSES, description="classes to look for; empty: those of the pre-labels"
    )
    method: Method = Field(Method.PAGE, description="page, or ground-truth")
    workers: int = Field(1, ge=1, le=9, description="people who label each image independently")
    agreement_iou: float = Field(0.5, gt=0, le=1, description="overlap from which two people mean the same box")
    second_person: bool = Field(
        default=True,
        description="who verifies must not have labeled; not so in Ground Truth, which does not tell who did",
    )
    rounds: int = Field(3, ge=1, le=10, description="times an image is labeled at most before it is given up")
    label_days: int = Field(7, ge=1, le=30, description="days for labeling in each round")
    verify_days: int = Field(7, ge=1, le=30, description="days for verification in each round")

    @field_validator("class_names")
    @classmethod
    def _once_each(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if twice := sorted({name for name in names if names.count(name) > 1}):
            msg = f"each class once, twice: {', '.join(twice)}"
            raise ValueError(msg)
        return names

    @model_validator(mode="after")
    def _end_within_a_year(self) -> Self:
        days = self.rounds * (self.label_days + self.verify_days)
        if days > LONGEST_DAYS:
            msg = f"rounds x (label_days + verify_days) is {days} days, {LONGEST_DAYS} at most"
            raise ValueError(msg)
        return self


def parse_settings(document: Any) -> LabelingSettings:  # noqa: ANN401 - any JSON
    """Return the settings that an execution's input is.

    Raises:
        ConfigError: Once, with one line a problem.
    """
    try:
        return LabelingSettings.model_validate_json(strict_json(document))
    except ValidationError as error:
        problems = (
            f"{'.'.join(map(str, each['loc'])) or 'input'}: expected: {each['msg']}, found {each['input']!r:.80}"
            for each in error.errors()
            if each["type"] != "default_factory_not_called"  # it follows from another one
        )
        raise ConfigError("\n".join(problems)) from error
