"""A model whose place others take, joined with the flow: its lifecycle is in the room `models`."""

import hashlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from edge_inspector.app.detector import OpenModel, configured_package
from edge_inspector.app.fixed_model import do_nothing, document_of_one, tell_of_policy
from edge_inspector.app.prepared import Prepared
from edge_inspector.app.source import flow_options
from edge_inspector.decision import NoVerdictCause, Verdict
from edge_inspector.detectors.model_file import MANIFEST_NAME, ModelPackage
from edge_inspector.errors import ConfigError, ModelError
from edge_inspector.events import EventWriter, Json
from edge_inspector.frame import DropCause, Frame
from edge_inspector.inspection import FrameFinding, ModelIdentity
from edge_inspector.models.lifecycle import Models
from edge_inspector.models.packages import Opened
from edge_inspector.models.probation import Counts
from edge_inspector.models.starting import Started
from edge_inspector.models.store import Store
from edge_inspector.models.telling import Teller
from edge_inspector.models.watched import Watched
from edge_inspector.pipeline.flow import Pipeline
from edge_inspector.pipeline.handover import WhenFull
from edge_inspector.pipeline.inspector import Model
from edge_inspector.pipeline.ledger import Ledger
from edge_inspector.settings import Settings
from edge_inspector.topics import Message
from edge_inspector.tracks import TrackOptions

_log = logging.getLogger(__name__)
# A part may get no verdict for these because of its model; for the others it is the camera, or a stop.
_PERHAPS_THE_MODEL = (NoVerdictCause.DEADLINE_MISSED, NoVerdictCause.QUEUE_OVERFLOW, NoVerdictCause.INSPECTION_FAILED)


class UpdatedModel:
    """A model whose place others take; as `StationModel`."""

    def __init__(  # noqa: PLR0913 - what it joins
        self,
        settings: Settings,
        folder: Path,
        store: Store,
        packages: "Packages",
        started: Started,
        *,
        is_comparable: bool,
    ) -> None:
        updates = settings.model.updates
        limit_ms = updates.max_latency_ms or settings.flow.deadline_ms
        self._updates = updates.model_copy(update={"max_latency_ms": limit_ms})
        self._folder, self._store, self._packages, self._started = folder, store, packages, started
        self._is_comparable = is_comparable
        self._is_triggered = settings.source.is_triggered
        waits = flow_options(settings).handover.when_full is WhenFull.WAIT
        self._watched = Watched(limit_ms, line_waits=waits)
        self._lock = threading.Lock()
        self._running = _ours(started.opened)
        self._coming: tuple[OpenModel, Callable[[], None]] | None = None
        self._flow: tuple[Pipeline, Ledger] | None = None
        self._models: Models | None = None
        self.model, self.alarms = self._running.model, self._running.alarms

    def watch_finding(self, frame: Frame, finding: FrameFinding) -> None:
        """As the port."""
        self._watched.see(frame, finding)

    @contextmanager
    def follow(
        self, pipeline: Pipeline, ledger: Ledger, writer: EventWriter, publish: Callable[[Message], None]
    ) -> Iterator[None]:
        """As the port."""
        self._flow = pipeline, ledger
        self._models = Models(
            self._updates,
            self._store,
            self._packages,
            self._started,
            self,
            folder=self._folder,
            watched=self._watched,
            teller=Teller(pipeline.alarms, writer, publish),
            is_comparable=self._is_comparable,
        )
        with self._models:
            yield

    @property
    def opened(self) -> OpenModel:
        """As the port."""
        return self._running

    def apply(self, settings: Settings) -> bool:
        """As the port."""
        with self._lock:
            has_changed = self._judge_by(settings)
            if self._flow is not None:
                pipeline, _ = self._flow
                pipeline.adopt(flow_options(settings))
                # One that waits for the next part does so with the policy of before.
                opened, switched = self._coming or (self._running, do_nothing)
                pipeline.swap_model(opened.model, switched)
                tell_of_policy(pipeline, self._running.alarms)
        if self._models is not None:
            if has_changed:
                self._models.learn_anew()
            else:
                self._models.reconsider()
        return has_changed

    def prepare(self, settings: Settings) -> Prepared:
        """As the port: whichever model runs judges by the policy of the product."""
        with self._lock:
            for opened in (self._running, *(() if self._coming is None else (self._coming[0],))):
                opened.under(settings)

        def use() -> Model:
            with self._lock:
                self._judge_by(settings)
                if self._coming is not None:  # it waits with the policy of before
                    opened, switched = self._coming
                    self._joined()[0].swap_model(opened.model, switched)
                return self._running.model

        def keep() -> None:
            tell_of_policy(self._joined()[0], self._running.alarms)
            if self._models is not None:
                self._models.learn_anew()

        return Prepared(self._running.identity, use, keep, do_nothing)

    def rollback(self, to_sha256: str | None = None, *, by: str | None = None) -> dict[str, Json]:
        """As the port."""
        if self._models is None:
            msg = "expected a flow that runs, found none yet"
            raise ModelError(msg)
        return self._models.rollback(to_sha256, by=by)

    def busy(self) -> str | None:
        """As the port."""
        return None if self._models is None else self._models.busy()

    def document(self) -> dict[str, Json]:
        """As the port."""
        return document_of_one(self._running.identity) if self._models is None else self._models.document()

    def switch(self, opened: Opened, on_switched: Callable[[], None]) -> None:
        """As the port of the lifecycle."""
        coming, (pipeline, _) = _ours(opened), self._joined()

        def switched() -> None:
            with self._lock:
                if self._running is coming:
                    return  # it was asked for twice, the second time with another policy
                self._running, self._coming = coming, None
            on_switched()
            tell_of_policy(pipeline, coming.alarms)

        with self._lock:
            try:
                coming.judge_by(self._packages.settings)
            except ConfigError as error:  # the policy has changed since it was checked
                _log.warning("model %s keeps the policy that it was checked with: %s", coming.identity.name, error)
            self._coming = coming, switched
            pipeline.swap_model(coming.model, switched)

    def counts(self) -> Counts:
        """As the port of the lifecycle."""
        _, ledger = self._joined()
        if not self._is_triggered:
            judged, rejected = self._watched.verdicts()
            return Counts(judged, rejected, ledger.frames().dropped.get(DropCause.INSPECTION_FAILED, 0))
        parts = ledger.parts()
        judged = sum(parts.outcomes.get(verdict, 0) for verdict in Verdict)
        failed = sum(parts.no_verdict.get(cause, 0) for cause in _PERHAPS_THE_MODEL)
        return Counts(judged, parts.outcomes.get(Verdict.REJECT, 0), failed)

    def close(self) -> None:
        """Free the model that runs."""
        self._running.close()

    def _judge_by(self, settings: Settings) -> bool:
        """Let settings decide for what runs and what waits, or for none; return whether the thresholds are others."""
        if self._coming is not None:
            self._running.under(settings)
            self._coming[0].judge_by(settings)
        has_changed = self._running.judge_by(settings)
        self._packages.settings = settings
        return has_changed

    def _joined(self) -> tuple[Pipeline, Ledger]:
        if self._flow is None:
            msg = "expected a flow to follow, found none yet"
            raise RuntimeError(msg)
        return self._flow


class Packages:
    """Knows what is in a package, for the lifecycle.

    Attributes:
        settings: As they are now.
    """

    def __init__(
        self,
        settings: Settings,
        follows: TrackOptions | None,
        every_product: Callable[[], Iterable[Settings]] = tuple,
    ) -> None:
        self.settings = settings
        self._follows, self._every_product = follows, every_product

    def identify(self, folder: Path) -> ModelIdentity:
        """As the port of the lifecycle."""
        try:
            package = ModelPackage.open(folder)
            file = package.file(self.settings.model.precision)
            return ModelIdentity(package.manifest.name, package.manifest.version, _sha256(folder / file.path))
        except (ModelError, FileNotFoundError):  # it says nothing of itself, or not what is there
            return ModelIdentity(folder.parent.name, folder.name, _sha256(folder / MANIFEST_NAME, or_nothing=True))

    def open(self, folder: Path | None) -> OpenModel:
        """As the port of the lifecycle."""
        settings = self.settings
        package = ModelPackage.open(configured_package(settings) if folder is None else folder)
        try:
            package.file(settings.model.precision)
        except ModelError as error:  # it is whole: no other model shall take its place
            msg = f"model.precision: {error}"
            raise ConfigError(msg) from error
        opened = OpenModel(package, settings, follows=self._follows, for_line=True)
        try:
            for other in self._every_product():  # it shall look at each of them, as they come
                opened.under(other)
        except ConfigError:
            opened.close()
            raise
        return opened


def _sha256(path: Path, *, or_nothing: bool = False) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        if not or_nothing:
            raise
        return hashlib.sha256().hexdigest()


def _ours(opened: Opened) -> OpenModel:
    """Return what `Packages` has opened: the lifecycle hands back nothing else."""
    return cast("OpenModel", opened)
