"""Which detector judges, and by which policy."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import cv2

from edge_inspector.alarms import COLLECTING, OVERRIDE_LAPSED, Alarm, Severity
from edge_inspector.decision import ClassPolicy, Policy, Verdict
from edge_inspector.detectors.model_file import ModelFile, ModelPackage, Thresholds
from edge_inspector.detectors.none import NO_MODEL, NoDetector
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.detectors.tiled import TiledDetector
from edge_inspector.errors import ConfigError
from edge_inspector.inspection import ModelIdentity
from edge_inspector.pipeline.inspector import Model
from edge_inspector.regions import Region
from edge_inspector.settings import ClassThresholds, PolicySettings, Settings, TilingSettings
from edge_inspector.tiling import Tiling
from edge_inspector.tracks import TrackOptions, lowest_score

_COLLECTING_ALARM = Alarm(
    COLLECTING,
    Severity.WARNING,
    "No model runs: frames are gathered for the first data set, and no part gets a verdict.",
    'Train a model on the samples, then set model.path and samples.mode = "select".',
)
SHIPPED_MODEL = Path(__file__).parents[1] / "shipped_model"


@contextmanager
def open_model(
    settings: Settings, *, min_confidence: float = 1.0, follows: TrackOptions | None = None
) -> Iterator[tuple[Model, tuple[Alarm, ...]]]:
    """Open the configured model package, or the shipped demo model, and yield it with the alarms that it gives rise to.

    Args:
        settings: Model and policy.
        min_confidence: Weaker detections than the policy asks for are found too, from this confidence on.
        follows: How the defects of a free-running source are followed: it needs to see them when they are weak.

    Raises:
        ModelError: If the package cannot be used.
        ConfigError: If the policy contradicts it.
    """
    # OpenCV's own threads would fight the detector's for the same cores.
    cv2.setNumThreads(1)
    # What it cannot decode is an error of ours already; its own lines would break logs that are JSON.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    if settings.samples.mode == "collect":
        yield Model(NoDetector(), NO_MODEL, (), _policy_without_model(settings), judges=False), (_COLLECTING_ALARM,)
        return
    package, file = _package(settings)
    policy, alarms = build_policy(settings.policy, package.thresholds(file), file.sha256)
    report_at = min(limits.review_at for limits in policy.classes.values())
    floor = report_at if follows is None else lowest_score(policy, follows)
    with OnnxDetector(
        package, file, threads=settings.model.threads, min_confidence=min(floor, min_confidence)
    ) as detector:
        tiling = _tiling(settings.model.tiling, package.manifest.input.model_wh)
        looks = detector if tiling is None else TiledDetector(detector, tiling)
        yield (
            Model(
                looks,
                looks.identity,
                looks.class_names,
                policy,
                is_gray=looks.is_gray,
                smallest_wh=package.manifest.input.model_wh if tiling is None else None,
                report_at=report_at,
            ),
            alarms,
        )


def policy_in_force(settings: Settings, running: ModelIdentity) -> tuple[Policy, tuple[Alarm, ...]]:
    """Return the policy that other settings ask for while a model runs; see `build_policy`.

    Raises:
        ConfigError: If the policy names a class that the model lacks, or the package on disk is another one by now.
        ModelError: If the package cannot be read any more.
    """
    if running == NO_MODEL:
        return _policy_without_model(settings), ()
    package, file = _package(settings)
    if file.sha256 != running.sha256:
        msg = f"{package.folder}: expected the model that runs, {running.sha256[:12]}, found {file.sha256[:12]}"
        raise ConfigError(msg)
    return build_policy(settings.policy, package.thresholds(file), file.sha256)


def _policy_without_model(settings: Settings) -> Policy:
    return Policy({}, fail_safe=Verdict(settings.policy.fail_safe))


def _package(settings: Settings) -> tuple[ModelPackage, ModelFile]:
    package = ModelPackage.open(SHIPPED_MODEL if settings.model.path is None else settings.model.path)
    return package, package.file(settings.model.precision)


def build_policy(
    settings: PolicySettings, model: Mapping[str, Thresholds], sha256: str
) -> tuple[Policy, tuple[Alarm, ...]]:
    """Return the policy in force for a model, and what a person should know about it.

    The model's thresholds rule. Thresholds in the configuration were made for one model file; they lapse, with an
    alarm, when another one runs.

    Args:
        settings: What the configuration asks for.
        model: The model's thresholds, one entry a class.
        sha256: The model's file.

    Raises:
        ConfigError: If the policy names a class that the model lacks.
    """
    override = settings.override
    alarms: tuple[Alarm, ...] = ()
    if override is not None and override.model_sha256 != sha256:
        alarms = (_override_lapsed(override.model_sha256, sha256),)
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


def _tiling(settings: TilingSettings | None, model_wh: tuple[int, int]) -> Tiling | None:
    if settings is None:
        return None
    try:
        tile_wh, overlap_px = settings.sizes(model_wh)
    except ValueError as error:
        msg = f"model.tiling: {error}"
        raise ConfigError(msg) from error
    return Tiling(tile_wh, overlap_px, settings.whole_frame)


def _override_lapsed(wanted: str, running: str) -> Alarm:
    return Alarm(
        OVERRIDE_LAPSED,
        Severity.WARNING,
        f"The thresholds in the configuration were made for model {wanted[:12]}, but {running[:12]} is running: "
        "the model's own thresholds are in force.",
        "Check the verdicts of the new model, then remove policy.override or bind it to this model.",
    )
