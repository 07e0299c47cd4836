"""Opens cameras as the daemon does, and tells what it does not need to know: which one it is, and how it counts."""

from typing import Protocol, runtime_checkable

from edge_inspector.app.live import camera_of
from edge_inspector.commissioning.browsing import BrowsableDevice, BrowsableNodes
from edge_inspector.commissioning.listing import Driver, driver_of
from edge_inspector.errors import ConfigError
from edge_inspector.settings import (
    GenicamSource,
    IndustrialSettings,
    LiveSettings,
    PylonSource,
    Settings,
)
from edge_inspector.settings.for_product import with_product
from edge_inspector.sources.genicam.finding import FoundCamera
from edge_inspector.sources.genicam.nodes import Nodes
from edge_inspector.sources.genicam.pylon_driver import open_camera as open_by_pylon
from edge_inspector.sources.genicam.pylon_nodes import PylonNodes
from edge_inspector.sources.genicam.stream import Counts
from edge_inspector.sources.grabbing import Camera, IndustrialCamera


class KnownNodes(Nodes, Protocol):
    """Features of a camera that one knows."""

    found: FoundCamera


@runtime_checkable
class CountingCamera(IndustrialCamera, Protocol):
    """An industrial camera whose driver counts."""

    @property
    def nodes(self) -> KnownNodes:
        """Its features."""

    def counts(self) -> Counts:
        """Return what became of its frames so far."""


def camera_settings(settings: Settings | None, wanted: str | None) -> LiveSettings:
    """Return how to open a camera: as configured for what the line starts with, or with the camera's own settings.

    Args:
        settings: The configuration, if there is one.
        wanted: Serial, address or name; instead of the configured one.

    Raises:
        ConfigError: If the configuration has no camera, or none that can be another one.
    """
    if settings is None:
        driver = driver_of(wanted)
        kind = PylonSource if driver is Driver.PYLON else GenicamSource
        return kind.model_validate({"type": driver.value, "camera": wanted})
    source = with_product(settings, settings.station.product).source
    if not isinstance(source, LiveSettings):
        msg = f"source.type: expected a camera, found {source.type!r}"
        raise ConfigError(msg)
    if wanted is None:
        return source
    if not isinstance(source, IndustrialSettings):
        msg = f"CAMERA: expected none beside a source of type {source.type!r}, which names its own, found {wanted!r}"
        raise ConfigError(msg)
    return source.model_copy(update={"camera": wanted})


def industrial(settings: LiveSettings) -> IndustrialSettings:
    """Return the settings of a camera that has features; raises ConfigError for another."""
    if not isinstance(settings, IndustrialSettings):
        msg = f"source.type: expected 'genicam' or 'pylon', found {settings.type!r}: only these have features"
        raise ConfigError(msg)
    return settings


def open_live(settings: LiveSettings) -> Camera:
    """Open a camera, set it up and start it, as the daemon does.

    Raises:
        SourceError, ConfigError: If it cannot be opened, or not so.
    """
    _, open_camera, _ = camera_of(settings)
    return open_camera()


def open_features(settings: IndustrialSettings) -> BrowsableNodes:
    """Open a camera for its features alone; nothing is set and nothing started."""
    if isinstance(settings, GenicamSource):
        return BrowsableDevice(settings.camera)
    return PylonNodes(*open_by_pylon(settings.camera))
