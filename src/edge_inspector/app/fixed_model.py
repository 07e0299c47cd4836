"""The model of a station that nothing but the configuration, or another product, changes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge_inspector.alarms import OVERRIDE_LAPSED, Alarm
from edge_inspector.app.detector import OpenModel, configured_package, model_of_no_package
from edge_inspector.app.prepared import Prepared
from edge_inspector.app.source import flow_options
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.errors import ModelError, RefusedError
from edge_inspector.events import EventWriter, Json, model_document
from edge_inspector.inspection import ModelIdentity
from edge_inspector.models.copying import never_end
from edge_inspector.pipeline.flow import Pipeline
from edge_inspector.pipeline.ledger import Ledger
from edge_inspector.settings import Settings
from edge_inspector.topics import Message
from edge_inspector.tracks import TrackOptions


class FixedModel:
    """The configured model, or the one of the product in force; as `StationModel`."""

    watch_finding = None

    def __init__(self, settings: Settings, follows: TrackOptions | None) -> None:
        """Open it.

        Raises:
            ModelError: If its package cannot be used.
            ConfigError: If the policy contradicts it.
        """
        self._follows, self._settings = follows, settings
        self._opened = _open(settings, follows)
        self.model, self.alarms = self._opened.model, self._opened.alarms
        self._pipeline: Pipeline | None = None

    @contextmanager
    def follow(
        self, pipeline: Pipeline, _ledger: Ledger, _writer: EventWriter, _publish: Callable[[Message], None]
    ) -> Iterator[None]:
        """As the port."""
        self._pipeline = pipeline
        yield

    @property
    def opened(self) -> OpenModel:
        """As the port."""
        return self._opened

    def apply(self, settings: Settings) -> bool:
        """As the port."""
        has_changed = self._opened.judge_by(settings)
        self._settings = settings
        if self._pipeline is not None:
            self._pipeline.adopt(flow_options(settings))
            self._pipeline.swap_model(self._opened.model, do_nothing)
            tell_of_policy(self._pipeline, self._opened.alarms)
        return has_changed

    def prepare(self, settings: Settings) -> Prepared:
        """As the port; the model that is open is used again where the package is the same."""
        before, opened = self._opened, self._opened
        if _package_key(settings) != _package_key(self._settings):
            opened = _open_tested(settings, self._follows)
        is_new = opened is not before
        try:
            model, alarms = opened.under(settings)
        except BaseException:
            _close(opened, only_if=is_new)
            raise

        def keep() -> None:
            opened.model, opened.alarms = model, alarms
            self._opened, self._settings = opened, settings
            if self._pipeline is not None:
                tell_of_policy(self._pipeline, alarms)
            _close(before, only_if=is_new)

        return Prepared(model.identity, lambda: model, keep, lambda: _close(opened, only_if=is_new))

    def rollback(self, _to_sha256: str | None = None, *, by: str | None = None) -> dict[str, Json]:  # noqa: ARG002
        """As the port: there is nothing to go back to."""
        return _no_updates()

    def busy(self) -> str | None:
        """As the port."""
        return None

    def document(self) -> dict[str, Json]:
        """As the port."""
        return document_of_one(self._opened.identity)

    def close(self) -> None:
        """Free the model."""
        self._opened.close()


class NoModelYet:
    """What stands in for a model while frames are gathered for the first one; as `StationModel`."""

    watch_finding = None

    def __init__(self, settings: Settings) -> None:
        self.model, self.alarms = model_of_no_package(settings)
        self._pipeline: Pipeline | None = None

    @contextmanager
    def follow(
        self, pipeline: Pipeline, _ledger: Ledger, _writer: EventWriter, _publish: Callable[[Message], None]
    ) -> Iterator[None]:
        """As the port."""
        self._pipeline = pipeline
        yield

    @property
    def opened(self) -> None:
        """As the port."""
        return

    def apply(self, settings: Settings) -> bool:
        """As the port."""
        if self._pipeline is not None:
            self._pipeline.adopt(flow_options(settings))
            self._pipeline.swap_model(model_of_no_package(settings)[0], do_nothing)
        return False

    def prepare(self, settings: Settings) -> Prepared:
        """As the port."""
        model, _ = model_of_no_package(settings)
        return Prepared(model.identity, lambda: model, do_nothing, do_nothing)

    def rollback(self, _to_sha256: str | None = None, *, by: str | None = None) -> dict[str, Json]:  # noqa: ARG002
        """As the port: there is nothing to go back to."""
        return _no_updates()

    def busy(self) -> str | None:
        """As the port."""
        return None

    def document(self) -> dict[str, Json]:
        """As the port."""
        return document_of_one(self.model.identity)

    def close(self) -> None:
        """Nothing is open."""


def document_of_one(model: ModelIdentity) -> dict[str, Json]:
    """Return what the statistics tell of a model beside which there is no other."""
    return {"running": model_document(model), "previous": None, "candidate": None, "probation": None, "rejected": 0}


def _open(settings: Settings, follows: TrackOptions | None) -> OpenModel:
    return OpenModel(ModelPackage.open(configured_package(settings)), settings, follows=follows, for_line=True)


def _open_tested(settings: Settings, follows: TrackOptions | None) -> OpenModel:
    """Open a model of which nobody has seen yet that it works here, and have it look at its golden images."""
    opened = _open(settings, follows)
    try:
        problems = opened.self_test(go_on=never_end).problems
    except BaseException:
        opened.close()
        raise
    if problems:
        opened.close()
        msg = f"{configured_package(settings)}: its golden images: {'; '.join(problems)}"
        raise ModelError(msg)
    return opened


def _package_key(settings: Settings) -> tuple[object, ...]:
    """Return what makes a package that is open another one."""
    return configured_package(settings).absolute(), settings.model.precision, settings.model.threads


def _close(opened: OpenModel, *, only_if: bool) -> None:
    if only_if:
        opened.close()


def _no_updates() -> dict[str, Json]:
    msg = "model.updates.folder is not set: expected a station whose models are updated"
    raise RefusedError(msg)


def do_nothing() -> None:
    """Do nothing: there is nothing to free."""


def tell_of_policy(pipeline: Pipeline, alarms: tuple[Alarm, ...]) -> None:
    """Raise what a person should know of the policy in force, and clear what is over."""
    for alarm in alarms:
        pipeline.alarms.raise_(alarm, lasting=True)
    if not alarms:
        pipeline.alarms.clear(OVERRIDE_LAPSED)
