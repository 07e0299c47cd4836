"""Every kind of source there is."""

from typing import Annotated, TypeAlias

from pydantic import Field

from edge_inspector.settings.cameras import GenicamSource, IndustrialSettings, PylonSource
from edge_inspector.settings.sources import (
    DirectorySource,
    NetworkSource,
    PiCameraSource,
    SimulatedSource,
    UsbSource,
    VideoSource,
)
from edge_inspector.settings.web import SimulatedWebSource

LiveSettings: TypeAlias = UsbSource | NetworkSource | PiCameraSource | IndustrialSettings

SOURCE_TYPES = "'simulated', 'simulated_web', 'directory', 'video', 'usb', 'network', 'picamera', 'genicam' or 'pylon'"
SourceSettings: TypeAlias = Annotated[
    SimulatedSource
    | SimulatedWebSource
    | DirectorySource
    | VideoSource
    | UsbSource
    | NetworkSource
    | PiCameraSource
    | GenicamSource
    | PylonSource,
    Field(discriminator="type"),
]
