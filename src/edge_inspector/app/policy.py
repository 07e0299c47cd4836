"""By which policy a model is judged: its own thresholds, or those of the configuration or the operator page."""

from collections.abc import Mapping

from edge_inspector.alarms import OVERRIDE_LAPSED, Alarm, Severity
from edge_inspector.app.thresholds import SetOnThePage
from edge_inspector.decision import ClassPolicy, Policy, Verdict
from edge_inspector.detectors.model_file import Thresholds
from edge_inspector.errors import ConfigError
from edge_inspector.regions import Region
from edge_inspector.settings import ClassThresholds, PolicySettings


def build_policy(
    settings: PolicySettings, model: Mapping[str, Thresholds], sha256: str
) -> tuple[Policy, tuple[Alarm, ...]]:
    """Return the policy in force for a model, and what a person should know about it.

    The model's thresholds rule. Thresholds in the configuration, or set on the operator page, were made for one model
    file; they lapse, with an alarm, when another one runs. Those of the page go before those of the configuration.

    Args:
        settings: What the configuration asks for.
        model: The model's thresholds, one entry a class.
        sha256: The model's file.

    Raises:
        ConfigError: If the policy names a class that the model lacks.
    """
    override = settings.override
    alarms: tuple[Alarm, ...] = ()
    if isinstance(override, SetOnThePage) and not override.fits(sha256, model):
        alarms, override = (_set_on_the_page_lapsed(override, sha256),), override.configured
    if override is not None and override.model_sha256 != sha256:
        alarms = alarms or (_override_lapsed(override.model_sha256, sha256),)
        override = None
    replaced = {} if override is None else override.classes
    named = set(settings.min_area_px) | set(replaced)
    if missing := sorted(named - set(model)):
        msg = f"policy: the model has no class {', '.join(missing)}; its classes are {', '.join(sorted(model))}"
        raise ConfigError(msg)
    thresholds: dict[str, Thresholds | ClassThresholds] = {**model, **replaced}
    classes = {
        label: ClassPolicy(entry.review_at, entry.reject_at, settings.min_area_px.get(label, 0.0))
        for label, entry in thresholds.items()
    }
    policy = Policy(
        classes,
        roi=Region.of(settings.roi) if settings.roi else None,
        ignore=Region.of(settings.ignore) if settings.ignore else None,
        fail_safe=Verdict(settings.fail_safe),
    )
    return policy, alarms


def _override_lapsed(wanted: str, running: str) -> Alarm:
    return Alarm(
        OVERRIDE_LAPSED,
        Severity.WARNING,
        f"The thresholds in the configuration were made for model {wanted[:12]}, but {running[:12]} is running: "
        "the model's own thresholds are in force.",
        "Check the verdicts of the new model, then remove policy.override or bind it to this model.",
    )


def _set_on_the_page_lapsed(lapsed: SetOnThePage, running: str) -> Alarm:
    return Alarm(
        OVERRIDE_LAPSED,
        Severity.WARNING,
        f"The thresholds that {lapsed.by} set on the page were made for model {lapsed.model_sha256[:12]}, but "
        f"{running[:12]} is running: the configured thresholds, or the model's own, are in force.",
        "Check the verdicts of the new model, then set its thresholds on the page, or take those back there.",
    )
