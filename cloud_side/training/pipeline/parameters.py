"""The pipeline's parameters: what a run is about, where it runs, what the gate asks for, all hyperparameters."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationError

from cloud_side.training.evaluation.thresholds import Costs
from cloud_side.training.folds import parse_folds
from cloud_side.training.gate.limits import Limits
from cloud_side.training.hyperparameters import Hyperparameters
from edge_inspector.detectors.model_file import Manifest
from edge_inspector.errors import ConfigError

Value = str | int | float | bool
_Text = Annotated[str, Field(min_length=1)]  # an empty text is no value to SageMaker
_Whole = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes:
        name: As StartPipelineExecution names it.
        default: What it is when nobody says it; `${Name}` is filled in where the pipeline is installed; None: whoever
            starts a run says it.
        means: One line for people.
        takes: Type of its value, which is a text for SageMaker unless it is a plain number of machines or the like.
    """

    name: str
    default: Value | None
    means: str
    takes: Any = _Text

    def document(self) -> dict[str, Any]:
        """Return it as a pipeline's definition has it."""
        kind = "Integer" if isinstance(self.default, int) else "String"
        choices = list(get_args(self.takes)) if get_origin(self.takes) is Literal else None
        known = {"Name": self.name, "Type": kind, "DefaultValue": self.default, "EnumValues": choices}
        return {key: value for key, value in known.items() if value is not None}


# What a run is about, which is said otherwise than by these names.
_RUN: Final = (
    Parameter("Bucket", "${Bucket}", "the product's bucket"),
    Parameter("Dataset", None, "name of the dataset"),
    Parameter("DatasetVersion", "latest", "its version: a hash, its beginning, or latest"),
    Parameter(
        "ModelName",
        None,
        "name of the model; its champion is what is compared with",
        Manifest.model_fields["name"].rebuild_annotation(),
    ),
)
# A choice that is not made is called by a word.
_HOW: Final = (
    Parameter(
        "Folds", "auto", "auto, 0 (the dataset's own split), or how many", Annotated[str, AfterValidator(parse_folds)]
    ),
    Parameter("Int8", "auto", "whether the package gets an INT8 file", Literal["auto", "never", "required"]),
)
_PLACE: Final = (
    Parameter("Role", "${TrainingRole}", "ARN of the role of the jobs"),
    Parameter("Image", "${TrainingImage}", "the container in which all steps run"),
    Parameter("ModelPackageGroup", "${ModelPackageGroup}", "where models are registered"),
    Parameter("TrainingInstance", "${TrainingInstance}", "type of the machines that train"),
    Parameter("TrainingInstances", 1, "how many of them", _Whole),
    Parameter("TrainingVolumeGB", 100, "disk of each", _Whole),
    Parameter("TrainingSeconds", 86_400, "longest training", _Whole),
    Parameter("TrainingWaitSeconds", 172_800, "longest training with the wait for a spot machine", _Whole),
    Parameter("StepInstance", "ml.m5.xlarge", "type of the machines of the other steps"),
    Parameter("StepVolumeGB", 100, "disk of each", _Whole),
    Parameter("StepSeconds", 21_600, "longest run of another step", _Whole),
)
_USUAL: Final = Costs()
_COSTS: Final = (
    Parameter("EscapeCost", f"{_USUAL.escape:g}", "of a defective part that is accepted", float),
    Parameter("OverkillCost", f"{_USUAL.overkill:g}", "of a good part that is rejected", float),
    Parameter("ReviewCost", f"{_USUAL.review:g}", "of a part that a person looks at", float),
    Parameter(
        "DefectRate",
        f"{_USUAL.defect_rate or 0:g}",
        "share of defective parts on the line; 0: as among the images",
        float,
    ),
)


def limits() -> tuple[Parameter, ...]:
    """Return one parameter for each limit of the gate, under its own name; programs take them as texts."""
    return _fields(Limits, "gate: ")


def hyperparameters() -> tuple[Parameter, ...]:
    """Return one parameter for each hyperparameter, under its own name; SageMaker passes hyperparameters as texts."""
    return _fields(Hyperparameters)


def others() -> tuple[Parameter, ...]:
    """Return what may be set beside hyperparameters: how and where a run takes place, costs, limits of the gate."""
    return (*_HOW, *_PLACE, *_COSTS, *limits())


def parameters() -> tuple[Parameter, ...]:
    """Return all parameters, in the order of the definition."""
    return (*_RUN, *others(), *hyperparameters())


def check(said: Mapping[str, Value], known: Iterable[Parameter], problems: Iterable[str] = ()) -> None:
    """Let pass what is said.

    Args:
        said: Values by name.
        known: What may be said.
        problems: What is wrong besides, a line each.

    Raises:
        ConfigError: With a line for each that is unknown or does not fit.
    """
    by_name = {each.name: each for each in known}
    names = ", ".join(sorted(by_name))
    found = [f"parameter {name}: expected one of {names}, found that name" for name in said if name not in by_name]
    found += problems
    found += [problem for name, each in by_name.items() if name in said for problem in _problems(each, str(said[name]))]
    if found:
        raise ConfigError("\n".join(found))
    escape, overkill, review, rate = (float(said.get(each.name, each.default or 0)) for each in _COSTS)
    Costs(escape, overkill, review, rate or None)


def chosen(said: Mapping[str, Value]) -> list[dict[str, str]]:
    """Return the parameters of a run as StartPipelineExecution takes them.

    Args:
        said: Those that differ from their defaults.

    Raises:
        ConfigError: With a line for each that is unknown, does not fit, or is needed and missing.
    """
    known = parameters()
    missing = [each for each in known if each.default is None and each.name not in said]
    problems = [f"parameter {each.name}: expected the {each.means}, found nothing" for each in missing]
    check(said, known, problems)
    return [{"Name": each.name, "Value": str(said[each.name])} for each in known if each.name in said]


def _fields(model: type[BaseModel], about: str = "") -> tuple[Parameter, ...]:
    return tuple(
        Parameter(name, _text(field.default), f"{about}{field.description}", field.rebuild_annotation())
        for name, field in model.model_fields.items()
    )


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _problems(parameter: Parameter, text: str) -> list[str]:
    try:
        TypeAdapter(parameter.takes).validate_python(text)
    except ConfigError as error:
        return [f"parameter {parameter.name}: {error}"]
    except ValidationError as error:
        return [f"parameter {parameter.name}: expected: {error.errors()[0]['msg']}, found {text!r:.80}"]
    return []
