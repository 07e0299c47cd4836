"""Which industrial cameras answer, by whatever driver is installed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from edge_inspector.errors import SourceError
from edge_inspector.sources.genicam import pylon_driver as pylon
from edge_inspector.sources.genicam.finding import FoundCamera, find_cameras

_UDEV_RULE = 'SUBSYSTEM=="usb", ATTRS{idVendor}=="2676", MODE="0660", GROUP="video"'
WHAT_TO_CHECK = (
    "power and cable: the camera's light, and that of the network socket",
    "GigE Vision: the addresses of camera and this computer are in one subnet (ip addr), or both are 169.254.x.x",
    "firewall: UDP port 3956 and the answers to it",
    "two interfaces in one subnet: net.ipv4.conf.*.rp_filter must not be 1",
    "USB3 Vision: this user may open it, by a udev rule with the vendor's id; for Basler: " + _UDEV_RULE,
    "that no other program holds the camera",
)


class Driver(StrEnum):
    """What talks with a camera: the type of its source."""

    GENICAM = "genicam"
    PYLON = "pylon"


@dataclass(frozen=True, slots=True)
class Listing:
    """What answered.

    Attributes:
        cameras: Each with the driver that found it; a Basler camera may be there twice.
        problems: Drivers that could not be asked, and why.
    """

    cameras: tuple[tuple[Driver, FoundCamera], ...]
    problems: tuple[str, ...] = ()

    def documents(self) -> list[dict[str, str]]:
        """Return the cameras for JSON."""
        return [{"driver": driver.value, **asdict(camera)} for driver, camera in self.cameras]

    def lines(self) -> list[str]:
        """Return a table for people, with what to check where it is empty."""
        if not self.cameras:
            return ["no camera answers; check:", *(f"  {check}" for check in WHAT_TO_CHECK)]
        head = ("source.type", "serial", "address", "vendor", "model", "protocol", "name")
        rows = [
            (driver.value, camera.serial, camera.address, camera.vendor, camera.model, camera.protocol, camera.name)
            for driver, camera in self.cameras
        ]
        return table([head, *rows])


def list_cameras() -> Listing:
    """Ask every driver that is installed; takes one to two seconds."""
    asked: list[tuple[Driver, Callable[[], Sequence[FoundCamera]]]] = [(Driver.GENICAM, find_cameras)]
    if pylon.is_installed():
        asked.append((Driver.PYLON, pylon.find_cameras))
    cameras: list[tuple[Driver, FoundCamera]] = []
    problems: list[str] = []
    for driver, find in asked:
        try:
            cameras += [(driver, camera) for camera in find()]
        except SourceError as error:
            problems.append(str(error))
    return Listing(tuple(cameras), tuple(problems))


def driver_of(wanted: str | None) -> Driver:
    """Return who talks with a camera that is given by serial, address or name: Aravis, where both can.

    With only one driver installed it is that one, so that it says itself why it does not find the camera.
    """
    if not pylon.is_installed():
        return Driver.GENICAM
    listing = list_cameras()
    fitting = [
        driver
        for driver, camera in listing.cameras
        if wanted is None or wanted in {camera.serial, camera.address, camera.name}
    ]
    if not fitting and listing.problems:
        return Driver.PYLON  # Aravis is missing
    return Driver.PYLON if fitting and Driver.GENICAM not in fitting else Driver.GENICAM


def table(rows: Sequence[Iterable[str]]) -> list[str]:
    """Return rows of texts with their columns under each other."""
    cells = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in cells]
