"""Which model package is open, and how its detector looks at frames."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from edge_inspector.alarms import COLLECTING, Alarm, Severity
from edge_inspector.app.freeing import give_memory_back
from edge_inspector.app.policy import build_policy
from edge_inspector.app.remote import looks_first, remote_of
from edge_inspector.decision import Policy, Verdict, decide
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.detectors.none import NO_MODEL, NoDetector
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.detectors.tiled import TiledDetector
from edge_inspector.detectors.verification import verify
from edge_inspector.errors import ConfigError
from edge_inspector.frame import Frame
from edge_inspector.inspection import ModelIdentity
from edge_inspector.models.packages import SelfTest
from edge_inspector.models.store import Store, StoreError, store_in
from edge_inspector.pipeline.inspector import Model
from edge_inspector.settings import Settings, TilingSettings, UpdateSettings
from edge_inspector.tiling import Tiling
from edge_inspector.tracks import TrackOptions, lowest_score

_COLLECTING_ALARM = Alarm(
    COLLECTING,
    Severity.WARNING,
    "No model runs: frames are gathered for the first data set, and no part gets a verdict.",
    'Train a model on the samples, then set model.path and samples.mode = "select".',
)
_KEPT_SHARE = 0.5  # of the lowest `review_at`: so weak detections are seen where others can be tried on the last parts
SHIPPED_MODEL = Path(__file__).parents[1] / "shipped_model"


class OpenModel:
    """A model package that is open, and the policy by which it is judged; for one thread at a time.

    Attributes:
        model: What an inspector needs of it.
        alarms: What a person should know about its policy.
        thresholds: Those of the package itself, by class.
    """

    def __init__(
        self,
        package: ModelPackage,
        settings: Settings,
        *,
        min_confidence: float = 1.0,
        follows: TrackOptions | None = None,
        for_line: bool = False,
    ) -> None:
        """Check, load and warm up a model.

        Args:
            package: Its package.
            settings: Which of its files, how it runs, and the policy.
            min_confidence: Weaker detections than the policy asks for are found too, from this confidence on.
            follows: How the defects of a free-running source are followed: it needs to see them when they are weak.
            for_line: It looks at a line's frames, and other thresholds may be tried on them afterwards.

        Raises:
            ModelError: If the package cannot be used.
            ConfigError: If the policy contradicts it.
        """
        file = package.file(settings.model.precision)
        self._package, self.thresholds = package, package.thresholds(file)
        self._follows, self._min_confidence, self._is_for_line = follows, min_confidence, for_line
        self._model_wh = package.manifest.input.model_wh
        build_policy(settings.policy, self.thresholds, file.sha256)  # what contradicts it costs no loading
        _tiling(settings.model.tiling, self._model_wh)
        self._detector = OnnxDetector(package, file, threads=settings.model.threads)
        asks = settings.model.remote if for_line else None
        self._remote = None if asks is None else remote_of(asks, self._detector)
        self.model, self.alarms = self.under(settings)

    @property
    def identity(self) -> ModelIdentity:
        """Which model it is."""
        return self.model.identity

    @property
    def remote_problem(self) -> str | None:
        """Why the endpoint that shall look at the line's frames does not; None where it does, or there is none."""
        return None if self._remote is None else self._remote.problem()

    def under(self, settings: Settings) -> tuple[Model, tuple[Alarm, ...]]:
        """Return the same model, not a second one in memory, as it looks and judges under other settings.

        Raises:
            ConfigError: If their policy names a class that the model lacks, or their tiles do not fit it.
        """
        identity = self._detector.identity
        policy, alarms = build_policy(settings.policy, self.thresholds, identity.sha256)
        report_at = min(limits.review_at for limits in policy.classes.values())
        counts_from = report_at if self._follows is None else lowest_score(policy, self._follows)
        counts_from = min(counts_from, self._min_confidence)
        is_tried = self._is_for_line and self._follows is None and previewed_parts(settings) > 0
        floor = min(counts_from, _KEPT_SHARE * report_at) if is_tried else counts_from
        tiling = _tiling(settings.model.tiling, self._model_wh)
        detector = self._detector.seeing(floor, counts_from=counts_from)
        looks = detector if tiling is None else TiledDetector(detector, tiling, counts_from=counts_from)
        model = Model(
            looks
            if self._remote is None
            else looks_first(self._remote, looks, settings, min_confidence=floor, is_gray=detector.is_gray),
            identity,
            detector.class_names,
            policy,
            is_gray=detector.is_gray,
            smallest_wh=self._model_wh if tiling is None else None,
            report_at=report_at,
            floor=floor,
        )
        return model, alarms

    def judge_by(self, settings: Settings) -> bool:
        """Let other settings decide from now on, and return whether their thresholds are others.

        Raises:
            ConfigError: As `under`; those until now stay in force.
        """
        before = self.model.policy
        self.model, self.alarms = self.under(settings)
        return self.model.policy.classes != before.classes

    def self_test(self, *, go_on: Callable[[], None]) -> SelfTest:
        """Run the golden images of the package.

        Args:
            go_on: Called after each; an exception from it ends the test.

        Raises:
            ModelError: If an image is missing or damaged, or the model fails.
        """
        # What they promise is what the package's own thresholds let through.
        floor = min(entry.review_at for entry in self.thresholds.values())
        checks = []
        for check in verify(self._package, self._detector.seeing(floor)):
            checks.append(check)
            go_on()
        problems = (f"{check.image}: {problem}" for check in checks for problem in check.problems)
        return SelfTest(len(checks), tuple(problems))

    def judge(self, frame: Frame) -> str:
        """Return the verdict on a frame by the policy in force.

        Raises:
            ModelError: If the model fails.
        """
        found = self.model.detector.detect(frame).detections
        return decide(found, self.model.class_names, self.model.policy, image_wh=frame.image_wh).verdict.value

    def blank(self) -> Frame:
        """Return a black frame, as large as the model's input."""
        width, height = self._model_wh
        return Frame(np.zeros((height, width), np.uint8), 0, datetime.now(UTC), time.monotonic_ns(), "blank")

    def close(self) -> None:
        """Free the model."""
        self.model = replace(self.model, detector=NoDetector())  # which holds it too
        self._detector.close()
        if self._remote is not None:
            self._remote.close()
        give_memory_back()


@contextmanager
def open_model(settings: Settings, *, min_confidence: float = 1.0) -> Iterator[tuple[Model, tuple[Alarm, ...]]]:
    """Open the model that the settings name, and yield it with the alarms that it gives rise to; else as `OpenModel`.

    Raises:
        ModelError: If the package cannot be used.
        ConfigError: If the policy contradicts it.
    """
    if collects(settings):
        yield model_of_no_package(settings)
        return
    quiet_opencv()
    package = ModelPackage.open(package_in_force(settings))
    with closing(OpenModel(package, settings, min_confidence=min_confidence)) as opened:
        yield opened.model, opened.alarms


def package_in_force(settings: Settings) -> Path:
    """Return the package that runs: where models are updated that of the store, else the configured or shipped one."""
    if settings.model.updates.folder is not None:
        store = Store(store_in(settings.home))
        try:
            if (running := store.read().running) is not None:
                return store.place_of(running)
        except StoreError:
            pass  # the station that finds it so says it
    return configured_package(settings)


def with_model_in_force(settings: Settings) -> Settings:
    """Return the same settings with the model that runs now, for what must not change it: a recording, a replay."""
    if settings.model.updates.folder is None:
        return settings
    return with_model(settings, package_in_force(settings))


def with_model(settings: Settings, package: Path) -> Settings:
    """Return the same settings with a model that no update, and no product, takes the place of."""
    model = settings.model.model_copy(update={"path": package, "updates": UpdateSettings()})
    products = {code: product.model_copy(update={"model": None}) for code, product in settings.products.items()}
    return settings.model_copy(update={"model": model, "products": products})


def configured_package(settings: Settings) -> Path:
    """Return the package that the settings name, or the shipped one."""
    return SHIPPED_MODEL if settings.model.path is None else settings.model.path


def previewed_parts(settings: Settings) -> int:
    """Return on how many of the last parts other thresholds can be tried."""
    return 0 if settings.served_page is None else settings.served_page.preview_parts


def collects(settings: Settings) -> bool:
    """Return whether frames are gathered for the first model, and none runs."""
    return settings.samples.mode == "collect"


def model_of_no_package(settings: Settings) -> tuple[Model, tuple[Alarm, ...]]:
    """Return what stands in for a model while frames are gathered, and the alarm of it."""
    quiet_opencv()
    policy = Policy({}, fail_safe=Verdict(settings.policy.fail_safe))
    return Model(NoDetector(), NO_MODEL, (), policy, judges=False), (_COLLECTING_ALARM,)


def quiet_opencv() -> None:
    """Leave the processor and the log to us."""
    # OpenCV's own threads would fight the detector's for the same cores.
    cv2.setNumThreads(1)
    # What it cannot decode is an error of ours already; its own lines would break logs that are JSON.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def _tiling(settings: TilingSettings | None, model_wh: tuple[int, int]) -> Tiling | None:
    if settings is None:
        return None
    try:
        tile_wh, overlap_px = settings.sizes(model_wh)
    except ValueError as error:
        msg = f"model.tiling: {error}"
        raise ConfigError(msg) from error
    return Tiling(tile_wh, overlap_px, settings.whole_frame)
