"""Finds cameras by Aravis, and opens the one that is meant."""

import ipaddress
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from edge_inspector.errors import SourceError
from edge_inspector.sources.genicam.aravis import Library, library

# One list of cameras for the whole process: it is made and read by one thread at a time.
_discovering = threading.Lock()


@dataclass(frozen=True, slots=True)
class FoundCamera:
    """A camera that answered.

    Attributes:
        name: What Aravis calls it: vendor, model and serial.
        vendor, model, serial: Its own words.
        address: IP address of a GigE Vision camera; for others where they are plugged in.
        protocol: `GigEVision` or `USB3Vision`.
    """

    name: str
    vendor: str
    model: str
    serial: str
    address: str
    protocol: str

    def __str__(self) -> str:
        return f"{self.vendor} {self.model}, serial {self.serial}, {self.address}"


def find_cameras() -> Sequence[FoundCamera]:
    """Return the cameras that answer now, by serial; takes about a second."""
    call = library()
    with _discovering:
        return _find(call)


def open_camera(wanted: str | None) -> tuple[int, FoundCamera]:
    """Return a new ArvCamera, which the caller must unref, and which one it is.

    Args:
        wanted: Serial, IP address or name; the only one when None.

    Raises:
        SourceError: If it is not there, or several fit.
    """
    call = library()
    with _discovering:  # the list must still be there when Aravis looks up what it calls the camera
        is_address = wanted is not None and _is_address(wanted)
        if is_address:
            with suppress(SourceError):  # who is there instead is found out below
                return _named(call, call("arv_camera_new", str(wanted).encode()), str(wanted))
        found = _find(call)
        camera = chosen(wanted, found)
        if camera is None and is_address:
            raise SourceError(_absent(wanted, found))
        name = str(wanted) if camera is None else camera.name
        try:
            handle = call("arv_camera_new", name.encode())
        except SourceError as error:
            if camera is None:
                raise SourceError(_absent(wanted, found)) from error
            msg = f"{camera} cannot be opened: {error}"
            raise SourceError(msg) from error
    return _named(call, handle, name) if camera is None else (handle, camera)


def _named(call: Library, handle: int, name: str) -> tuple[int, FoundCamera]:
    """Return a camera that was opened without looking for it, and what it says of itself."""
    vendor, model, serial = (
        _word(call, what, handle) for what in ("vendor_name", "model_name", "device_serial_number")
    )
    protocol = "GigEVision" if call("arv_camera_is_gv_device", handle) else "USB3Vision"
    return handle, FoundCamera(name, vendor, model, serial, name, protocol)


def _word(call: Library, what: str, handle: int) -> str:
    try:
        return str((call(f"arv_camera_get_{what}", handle) or b"").decode(errors="replace"))
    except SourceError:
        return "unknown"  # not every camera tells


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def chosen(wanted: str | None, found: Sequence[FoundCamera]) -> FoundCamera | None:
    """Return the one that is meant; None where only Aravis can know: an address beyond routers, a user's name.

    Raises:
        SourceError: If none or several fit.
    """
    if wanted is None:
        if len(found) == 1:
            return found[0]
        raise SourceError(_absent(wanted, found))
    fitting = [camera for camera in found if wanted in {camera.serial, camera.address, camera.name}]
    if len(fitting) > 1:
        msg = f"camera {wanted!r}: expected one, found {len(fitting)}: {_listed(fitting)}"
        raise SourceError(msg)
    return fitting[0] if fitting else None


def _find(call: Library) -> list[FoundCamera]:
    call("arv_update_device_list")
    asked = ("id", "vendor", "model", "serial_nbr", "address", "protocol")
    return sorted(
        (
            FoundCamera(*((call(f"arv_get_device_{what}", number) or b"").decode(errors="replace") for what in asked))
            for number in range(call("arv_get_n_devices"))
        ),
        key=lambda camera: camera.serial,
    )


def _absent(wanted: str | None, found: Sequence[FoundCamera]) -> str:
    if wanted is None and found:
        return f"source.camera: expected which of {len(found)} cameras: {_listed(found)}"
    who = "no camera answers" if wanted is None else f"camera {wanted!r} does not answer"
    return f"{who}; {'these do: ' + _listed(found) if found else 'none does: check its power, cable and network'}"


def _listed(cameras: Sequence[FoundCamera]) -> str:
    return "; ".join(map(str, cameras))
