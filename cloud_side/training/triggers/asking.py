"""What an execution of the workflow is asked for: an event, or what a person said; both become one value."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, field_validator

from cloud_side.installation import installation
from cloud_side.training.pipeline.parameters import Value
from cloud_side.training.triggers.alarms import ALARM_RAISED
from cloud_side.training.triggers.settings import TrainingSettings, Trigger, parse_settings, validated
from edge_inspector.errors import ConfigError

NEW: Final = "new"
_LABELING: Final = "Step Functions Execution Status Change"
_ABOUT_THE_DATA: Final = ("model", "class_names", "site", "line", "product")  # settings of one dataset


class Asked(BaseModel):
    """What somebody asks for; the input of an execution that a person, or a schedule, begins.

    Attributes:
        kind: Why.
        said: More of it, for people.
        who: A person's name.
        batch: The labeling batch whose labels must be there.
        version: A hash or its beginning, `latest`, or `new`: made now; None: `new` for what begins by itself, and for
            a person what there is already, else `new`.
        dataset, model, hyperparameters, parameters: In place of those in the settings; of another dataset than theirs
            it is not known which model and labels are meant, so that these are the usual ones.
        again: Train though the same was trained before.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Trigger = Trigger.HAND
    said: str = ""
    who: str | None = None
    batch: str | None = None
    version: Annotated[str, Field(min_length=1)] | None = None
    dataset: str | None = None
    model: str | None = None
    hyperparameters: dict[str, Value] = {}
    parameters: dict[str, Value] = {}
    again: bool = False

    @field_validator("version")
    @classmethod
    def _check_version(cls, version: str | None) -> str | None:
        if version is not None and "/" in version:
            msg = f"expected no slash, found {version!r:.80}"
            raise ValueError(msg)
        return version

    def over(self, settings: TrainingSettings) -> TrainingSettings:
        """Return the settings with what was said instead of them.

        Raises:
            ConfigError: If they do not go together.
        """
        said = {name: value for name in ("dataset", "model") if (value := getattr(self, name)) is not None}
        known = settings.model_dump(mode="json")
        if said.get("dataset", settings.dataset) != settings.dataset:
            known = {name: value for name, value in known.items() if name not in _ABOUT_THE_DATA}
        for name in ("hyperparameters", "parameters"):
            said[name] = {**known[name], **getattr(self, name)}
        return parse_settings({**known, **said}, "input")


def asked_for(document: Any) -> Asked:  # noqa: ANN401 - any JSON
    """Return what an execution's input asks for.

    Raises:
        ConfigError: If it is neither an event that something is known for nor what a person may say.
    """
    if isinstance(document, Mapping) and "detail-type" in document:
        return _of_event(document)
    return validated(Asked, document, "input")


def _of_event(event: Mapping[str, Any]) -> Asked:
    kind, detail = (event.get("source"), event["detail-type"]), event.get("detail") or {}
    if kind == ("aws.states", _LABELING):
        batch = str(detail.get("name", ""))
        return Asked(kind=Trigger.LABELS, said=f"labeling batch {batch}", batch=batch or None)
    if kind == (installation(), ALARM_RAISED):
        place = "/".join(str(detail[each]) for each in ("site", "line", "station") if detail.get(each))
        return Asked(kind=Trigger.DRIFT, said=f"alarm {detail.get('name')} of {place or 'a station'}")
    msg = f"input: expected an event of labeling or an alarm, found {kind[1]!r} of {kind[0]!r}"
    raise ConfigError(msg)
