"""Basler's pylon by pypylon: the library itself, and the cameras that it finds.

It is an extra, with Basler's closed runtime inside, and imported when it is first used.
"""

import importlib
import re
from collections.abc import Sequence
from importlib import util
from typing import Any, cast

from edge_inspector.errors import SourceError
from edge_inspector.sources.genicam.finding import FoundCamera, chosen

_HOW_TO_GET_IT = "pip install edge-inspector[pylon]"
_PROTOCOLS = {"BaslerGigE": "GigEVision", "BaslerUsb": "USB3Vision", "BaslerCamEmu": "emulated"}


def is_installed() -> bool:
    """Return whether the extra is there; nothing is imported."""
    return util.find_spec("pypylon") is not None


def library() -> Any:  # noqa: ANN401 - a module without types
    """Return pypylon's module `pylon`.

    Raises:
        SourceError: If it is not installed, or cannot be loaded.
    """
    try:
        return importlib.import_module("pypylon.pylon")
    except ImportError as error:
        msg = f"pypylon cannot be imported ({error}): {_HOW_TO_GET_IT}"
        raise SourceError(msg) from error


def exceptions() -> type[Exception]:
    """Return the base of all that pylon throws."""
    return cast("type[Exception]", importlib.import_module("pypylon.genicam").GenericException)


def find_cameras() -> Sequence[FoundCamera]:
    """Return the cameras that answer pylon now, by serial.

    Raises:
        SourceError: If pypylon is not installed, or its runtime does not start.
    """
    return [found for found, _ in _find(library())]


def open_camera(wanted: str | None) -> tuple[Any, FoundCamera]:
    """Return a new, open InstantCamera, and which one it is.

    Args:
        wanted: Serial, IP address or name; the only one when None.

    Raises:
        SourceError: If it is not there, several fit, or it cannot be opened.
    """
    pylon = library()
    found = _find(pylon)
    camera = chosen(wanted, [one for one, _ in found])
    if camera is None:
        listed = "; ".join(str(one) for one, _ in found)
        msg = f"camera {wanted!r} does not answer pylon; {f'these do: {listed}' if found else 'none does'}"
        raise SourceError(msg)
    device = next(device for one, device in found if one is camera)
    try:
        handle = pylon.InstantCamera(pylon.TlFactory.GetInstance().CreateDevice(device))
        handle.Open()
    except exceptions() as error:
        msg = f"{camera} cannot be opened: {words_of(error)}; check that no other program uses it"
        raise SourceError(msg) from error
    return handle, camera


def words_of(error: Exception) -> str:
    """Return what an exception of pylon says, without where in its code."""
    return re.split(r" : \w+ thrown", str(error))[0].strip() or type(error).__name__


def _find(pylon: Any) -> list[tuple[FoundCamera, Any]]:  # noqa: ANN401
    try:
        devices = pylon.TlFactory.GetInstance().EnumerateDevices()
    except exceptions() as error:
        msg = f"pylon cannot look for cameras: {words_of(error)}"
        raise SourceError(msg) from error
    return sorted(((_described(device), device) for device in devices), key=lambda pair: pair[0].serial)


def _described(device: Any) -> FoundCamera:  # noqa: ANN401
    known = set(device.GetPropertyNames()[1])

    def told(name: str) -> str:
        return str(device.GetPropertyValue(name)[1]) if name in known else ""

    kind = told("DeviceClass")
    return FoundCamera(
        told("UserDefinedName") or told("FriendlyName"),
        told("VendorName"),
        told("ModelName"),
        told("SerialNumber"),
        told("IpAddress") or told("FullName"),
        _PROTOCOLS.get(kind, kind),
    )
