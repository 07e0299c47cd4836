"""What is trained when nobody asks for something else: `training/settings.json` in the bucket."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cloud_side.catalog.labels import strict_json
from cloud_side.catalog.leaks import Treatment
from cloud_side.catalog.shelf import check_name
from cloud_side.training.hyperparameters import Hyperparameters
from cloud_side.training.pipeline.parameters import Value, check, others, parameters
from edge_inspector.errors import ConfigError

KEY: Final = "training/settings.json"
_Name = Annotated[str, Field(min_length=1, max_length=128)]
_Model = TypeVar("_Model", bound=BaseModel)


def _fits(judge: Callable[[Any], object]) -> AfterValidator:
    """Return what lets a value pass that `judge` has nothing against."""

    def passed(value: Any) -> Any:  # noqa: ANN401 - whatever it is
        try:
            judge(value)
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return value

    return AfterValidator(passed)


_Dataset = Annotated[str, _fits(check_name)]
_ModelName = Annotated[str, _fits(lambda name: check({"ModelName": name}, parameters()))]
_Hyperparameters = Annotated[dict[str, Value], _fits(Hyperparameters.parse)]
_Others = Annotated[dict[str, Value], _fits(lambda said: check(said, others()))]


class Trigger(StrEnum):
    """Why somebody asks for a model."""

    LABELS = "labels"  # a labeling batch has ended
    DRIFT = "drift"  # a station sees other parts than before
    SCHEDULE = "schedule"
    HAND = "hand"


class TrainingSettings(BaseModel):
    """Settings of training; every one has a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: _Dataset = Field(
        "parts", description="what is trained on; made of the label store where there is none yet"
    )
    model: _ModelName | None = Field(None, description="name of the model; null: as the dataset")
    least_new_labels: int = Field(200, ge=1, description="new labels that a labeling batch needs")
    least_after_drift: int = Field(20, ge=1, description="new labels that an alarm of a station needs")
    triggers: frozenset[Trigger] = Field(frozenset(Trigger), description="what may begin a run; a person always may")
    class_names: tuple[_Name, ...] = Field((), description="classes; empty: those of the version before, else all")
    site: _Name | None = Field(None, description="only labels of this site")
    line: _Name | None = Field(None, description="only labels of this line")
    product: _Name | None = Field(None, description="only labels of this product")
    near_duplicates: Treatment = Field(Treatment.JOIN, description="groups that look the same: join, report or fail")
    hyperparameters: _Hyperparameters = Field({}, description="see `edge-inspector-cloud train --set list`")
    parameters: _Others = Field({}, description="other parameters of the pipeline: machines, costs, limits")


def parse_settings(document: Any, origin: str = KEY) -> TrainingSettings:  # noqa: ANN401 - any JSON
    """Return the settings that a document is.

    Raises:
        ConfigError: Once, with one line a problem.
    """
    return validated(TrainingSettings, document, origin)


def validated(kind: type[_Model], document: Any, origin: str) -> _Model:  # noqa: ANN401 - any JSON
    """Return the value of a kind that a document is.

    Raises:
        ConfigError: Once, with one line a problem.
    """
    try:
        return kind.model_validate_json(strict_json(document))
    except ValidationError as error:
        problems = (
            f"{origin}: {'.'.join(map(str, each['loc'])) or 'all of it'}: {line}"
            for each in error.errors(include_url=False)
            for line in _told(each)
        )
        raise ConfigError("\n".join(problems)) from error


def _told(problem: Any) -> list[str]:  # noqa: ANN401 - pydantic's error details
    if problem["type"] == "value_error":  # one of ours, which says what was expected and what was found
        return str(problem["ctx"]["error"]).splitlines()
    return [f"expected: {problem['msg']}, found {problem['input']!r:.80}"]
