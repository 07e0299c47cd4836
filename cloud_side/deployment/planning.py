"""How models are rolled out: `deployment/plan.json` in the bucket; the defaults where there is none."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from cloud_side.deployment.documents import Document, checked, parsed
from cloud_side.installation import installed
from edge_inspector.errors import ConfigError

KEY: Final = "deployment/plan.json"
_LONGEST_S: Final = 25 * 86_400  # of a rollout; its execution may take 30 days
_MOST_WAVES: Final = 19  # so that their looks fit into the history of one execution
_Group = Annotated[str, Field(pattern=r"^[a-zA-Z0-9:_-]{1,128}$")]
_Share = Annotated[float, Field(ge=0, le=1)]
_Seconds = Annotated[int, Field(ge=1, le=7 * 86_400)]


def _digits(most: int) -> AfterValidator:
    """Return what refuses a number with more digits after the point than AWS takes."""

    def check(number: float) -> float:
        if round(number, most) != number:
            msg = f"up to {most} digits after the point, which is what AWS takes"
            raise ValueError(msg)
        return number

    return AfterValidator(check)


class Limits(Document):
    """What a rollout bears.

    Attributes:
        offline_share: Of a wave's devices, those that may be offline; of the canary none.
        offline_after_s: A device that has not begun for so long is offline.
        failed_share: Of a wave's devices, those that may fail to install it.
        device_timeout_s: How long a wave waits for its devices.
        proof_timeout_s: How long a wave waits for what its devices say of the model.
        silent_share: Of the devices that have it, those that may say nothing in that time; of the canary none.
        deployable_timeout_s: How long it is waited for a component version.
        rejected_share: Of the devices that have it, those that may refuse it or go back.
        alarm_share: Of the devices that have it, those on which an alarm may stand that was raised since.
        reject_rate_change: How far the share of rejected parts may move, absolute; null: any.
        latency_ms: 95th percentile of an inspection; null: any.
    """

    offline_share: _Share = 0.1
    offline_after_s: _Seconds = 3600
    failed_share: _Share = 0.0
    device_timeout_s: _Seconds = 86_400
    proof_timeout_s: _Seconds = 172_800
    silent_share: _Share = 0.1
    deployable_timeout_s: _Seconds = 900
    rejected_share: _Share = 0.0
    alarm_share: _Share = 0.0
    reject_rate_change: _Share | None = 0.1
    latency_ms: Annotated[float, Field(gt=0)] | None = None


class Rate(Document):
    """How fast a wave goes over its devices.

    Attributes:
        per_minute: Devices, at most.
        base_per_minute: Devices, in the beginning.
        factor: By which it grows with each `base_per_minute` devices that have succeeded.

    Source:
        https://docs.aws.amazon.com/greengrass/v2/APIReference/API_IoTJobExponentialRolloutRate.html
    """

    per_minute: Annotated[int, Field(ge=1, le=1000)] = 50
    base_per_minute: Annotated[int, Field(ge=1, le=1000)] = 5
    factor: Annotated[float, Field(ge=1.1, le=5), _digits(1)] = 2.0


class Abort(Document):
    """When AWS itself stops a wave.

    Attributes:
        failed_percent: Of the devices that have ended, those that failed.
        min_devices: So many must have ended.

    Source:
        https://docs.aws.amazon.com/greengrass/v2/APIReference/API_IoTJobAbortCriteria.html
    """

    failed_percent: Annotated[float, Field(gt=0, le=100), _digits(2)] = 20.0
    min_devices: Annotated[int, Field(ge=1)] = 2


class Plan(Document):
    """A plan.

    Attributes:
        canary: Thing group that comes first.
        waves: Thing groups that follow, in their order; a station is in one of all these groups alone.
        component: Whose versions the models are.
    """

    schema_: Literal["edge-inspector/rollout-plan/1"] = Field("edge-inspector/rollout-plan/1", alias="schema")
    canary: _Group = Field(default_factory=partial(installed, "edge-inspector-canary"))
    waves: Annotated[tuple[_Group, ...], Field(max_length=_MOST_WAVES)] = Field(
        default_factory=lambda: (installed("edge-inspector-all"),)
    )
    limits: Limits = Limits()
    rate: Rate = Rate()
    abort: Abort = Abort()
    component: Annotated[str, Field(pattern=r"^[a-zA-Z0-9-_.]{1,128}$")] = "com.edgeinspector.Model"

    @property
    def groups(self) -> tuple[str, ...]:
        """All groups, the canary first."""
        return (self.canary, *self.waves)

    @property
    def longest_s(self) -> int:
        """How long a rollout may take, the way back included."""
        limits = self.limits
        waves_s = (limits.device_timeout_s + limits.proof_timeout_s) * len(self.groups)
        return limits.deployable_timeout_s + waves_s + limits.device_timeout_s

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.groups)) < len(self.groups):
            msg = f"canary and waves: expected each group once, found {', '.join(self.groups)}"
            raise ValueError(msg)
        if self.longest_s > _LONGEST_S:
            msg = f"limits: expected waves that take {_LONGEST_S} s together at most, found up to {self.longest_s} s"
            raise ValueError(msg)
        if self.rate.base_per_minute > self.rate.per_minute:
            msg = f"rate: expected base_per_minute up to per_minute, found {self.rate.base_per_minute}"
            raise ValueError(msg)
        return self


def parse_plan(content: bytes, origin: str = KEY) -> Plan:
    """Return the plan that a file is.

    Raises:
        ConfigError: With one line a problem.
    """
    return parsed(Plan, content, origin)


def changed(plan: Plan, said: Mapping[str, str]) -> Plan:
    """Return a plan with other values.

    Args:
        plan: Before.
        said: Texts by name, such as `limits.offline_share`; JSON, or a word; `waves` with commas between groups.

    Raises:
        ConfigError: If there is no such name, or a value cannot be.
    """
    document = plan.model_dump(mode="json", by_alias=True)
    for name, text in said.items():
        place: dict[str, Any] = document
        *above, last = name.split(".")
        for each in above:
            place = place.get(each, {}) if isinstance(place.get(each), dict) else {}
        if last not in place or isinstance(place[last], dict) or name == "schema":
            msg = f"{name}: expected one of {', '.join(_names(document))}, found {name!r}"
            raise ConfigError(msg)
        place[last] = [each for each in text.split(",") if each] if isinstance(place[last], list) else _value(text)
    return checked(Plan, document, "plan")


def lines_of(plan: Plan) -> list[str]:
    """Return a plan for people, a value a line."""
    document = plan.model_dump(mode="json", by_alias=True)
    lines = []
    for name in _names(document):
        value: Any = document
        for each in name.split("."):
            value = value[each]
        shown = ",".join(value) if isinstance(value, list) else value if isinstance(value, str) else json.dumps(value)
        lines.append(f"{name}={shown}")
    return lines


def _names(document: Mapping[str, Any], above: str = "") -> list[str]:
    names = []
    for name, value in document.items():
        names += _names(value, f"{above}{name}.") if isinstance(value, dict) else [f"{above}{name}"]
    return [name for name in names if name != "schema"]


def _value(text: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(text)
    except ValueError:
        return text
