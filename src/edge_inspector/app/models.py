"""The model of a station, now and after an update: joins what is in a package with the flow and with its lifecycle."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Protocol

from edge_inspector.alarms import Alarm
from edge_inspector.app.detector import OpenModel, collects, quiet_opencv
from edge_inspector.app.fixed_model import FixedModel, NoModelYet
from edge_inspector.app.prepared import Prepared
from edge_inspector.app.updated_model import Packages, UpdatedModel
from edge_inspector.errors import ConfigError, HangingError, SourceError, StuckError
from edge_inspector.events import EventWriter, Json
from edge_inspector.frame import Frame
from edge_inspector.inspection import FrameFinding
from edge_inspector.models.memory import Memory
from edge_inspector.models.pointer import package_wished
from edge_inspector.models.starting import start
from edge_inspector.models.store import Store, StoreError, store_in
from edge_inspector.pipeline.flow import Pipeline
from edge_inspector.pipeline.inspector import Model
from edge_inspector.pipeline.ledger import Ledger
from edge_inspector.settings import Settings, SimulatedSource
from edge_inspector.topics import Message
from edge_inspector.tracks import TrackOptions

_log = logging.getLogger(__name__)


class StationModel(Protocol):
    """The model that looks at a station's frames, and what may take its place."""

    @property
    def model(self) -> Model:
        """As it looks at the first frame."""

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """What a person should know about it from the start."""

    @property
    def watch_finding(self) -> Callable[[Frame, FrameFinding], None] | None:
        """Takes note of an inspection, in no time; None where nobody needs to."""

    @contextmanager
    def follow(
        self, pipeline: Pipeline, ledger: Ledger, writer: EventWriter, publish: Callable[[Message], None]
    ) -> Iterator[None]:
        """Change the model of a flow as the folder of updates wishes, while the context lasts.

        Args:
            pipeline: The flow.
            ledger: Where its parts are counted.
            writer: Writes the events.
            publish: Takes them; must not wait.
        """

    @property
    def opened(self) -> OpenModel | None:
        """The model that looks, as it is with the next part; None while frames are gathered for the first one."""

    def apply(self, settings: Settings) -> bool:
        """Use other options of the flow from the next frame on, and another policy from the next part on.

        Returns:
            Whether other thresholds decide then.

        Raises:
            ConfigError: If the policy names a class that the model lacks.
        """

    def prepare(self, settings: Settings) -> Prepared:
        """Open and check what another product is looked at with.

        Args:
            settings: As they are for that product.

        Raises:
            ModelError: If the package cannot be used, or finds other than it promises on its own images.
            ConfigError: If the policy contradicts the model.
        """

    def rollback(self, to_sha256: str | None = None, *, by: str | None = None) -> dict[str, Json]:
        """Go back to the last good model; see `Models.rollback`."""

    def busy(self) -> str | None:
        """Return in words what a restart would disturb now, or None."""

    def document(self) -> dict[str, Json]:
        """Return what the statistics tell of it."""


@contextmanager
def open_station_model(
    settings: Settings, *, follows: TrackOptions | None, every_product: Callable[[], Iterable[Settings]] = tuple
) -> Iterator[StationModel]:
    """Open the model that a station starts with, and yield it; close whichever runs at the end.

    Where models are updated, call it while the home is ours.

    Args:
        settings: The whole configuration, for the product in force.
        follows: As in `OpenModel`.
        every_product: Returns it as it is for each product: a new model must fit them all.

    Raises:
        ModelError: If no package can be used.
        ConfigError: If the policy contradicts it.
    """
    if collects(settings):
        yield NoModelYet(settings)
        return
    quiet_opencv()
    if settings.model.updates.folder is None:
        with closing(FixedModel(settings, follows)) as fixed:
            yield fixed
        return
    store = Store(store_in(settings.home), min_free_bytes=settings.health.min_free_mb * 1e6)
    packages = Packages(settings, follows, every_product)
    is_stand_in = settings.model.path is None and not isinstance(settings.source, SimulatedSource)
    first = package_wished(settings.model.updates.folder) if is_stand_in else None
    started = start(store, packages, at=datetime.now(UTC), first=first)
    updated = UpdatedModel(
        settings, settings.model.updates.folder, store, packages, started, is_comparable=not is_stand_in
    )
    with closing(updated):
        try:
            yield updated
        except (SourceError, ConfigError, StuckError) as error:
            if not isinstance(error, HangingError):
                _end_well(store)
            raise
        _end_well(store)


def _end_well(store: Store) -> None:
    """Take the start back that was counted: the process has not died under the model on probation."""
    try:
        store.change(Memory.ended)
    except (OSError, StoreError) as error:
        _log.warning("the next start takes this end for a crash: %s", error)
