"""What a result depends on beside frames, model and configuration: the processor and the versions of the libraries."""

import platform
import re
from importlib import metadata
from pathlib import Path

from edge_inspector import __version__

_ROOT = Path("/")
_OPENCV = ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python")
_LIBRARIES = ("numpy", "onnxruntime")


def versions() -> dict[str, str]:
    """Return the versions of this program, of Python and of the libraries that compute, by name."""
    found = {"edge-inspector": __version__, "python": platform.python_version()}
    found |= {name: installed for name in _LIBRARIES if (installed := installed_version(name)) is not None}
    opencv = next((installed for name in _OPENCV if (installed := installed_version(name)) is not None), None)
    return found if opencv is None else {**found, "opencv": opencv}


def installed_version(distribution: str) -> str | None:
    """Return the version of an installed distribution, or None; nothing is imported."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def processor(root: Path = _ROOT) -> str:
    """Return the name of the board or the processor.

    Args:
        root: Where `/proc` is.
    """
    board = read_text(root / "proc/device-tree/model").rstrip("\0").strip()
    model = re.search(r"^model name\s*:\s*(.+)$", read_text(root / "proc/cpuinfo"), re.MULTILINE)
    return board or (model[1].strip() if model else platform.machine())


def read_text(path: Path) -> str:
    """Return the text of a file that may be missing: kernels differ in what they tell."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
