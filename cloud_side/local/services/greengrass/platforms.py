"""What kind of device this machine is, and which manifest of a recipe is for it."""

import platform
import re
from collections.abc import Mapping

from cloud_side import __version__
from cloud_side.local.services.greengrass.recipe import Manifest, Recipe

RUNTIME = "aws_nucleus_classic"  # what is done here is what the Java nucleus does
CORE_VERSION = f"local-{__version__}"
_ARCHITECTURES = {"x86_64": "amd64", "arm64": "aarch64"}
_ANY = frozenset({"*", "all"})


def this_platform() -> dict[str, str]:
    """Return the attributes of this machine by which manifests choose."""
    machine = platform.machine().lower()
    return {
        "os": platform.system().lower(),
        "architecture": _ARCHITECTURES.get(machine, machine),
        "runtime": RUNTIME,
    }


def manifest_for(recipe: Recipe, device: Mapping[str, str]) -> Manifest | None:
    """Return the first manifest of a recipe that fits a device; None where none does."""
    return next((manifest for manifest in recipe.manifests if _fits(manifest.platform, device)), None)


def _fits(wanted: Mapping[str, str], device: Mapping[str, str]) -> bool:
    return all(_is_one_of(value, device.get(name)) for name, value in wanted.items())


def _is_one_of(wanted: str, found: str | None) -> bool:
    if wanted in _ANY:
        return True
    if found is None:
        return False
    if len(wanted) > 2 and wanted.startswith("/") and wanted.endswith("/"):
        return re.fullmatch(wanted[1:-1], found) is not None
    return wanted == found
