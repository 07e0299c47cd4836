"""What is uploaded with the templates: the code of all functions, and the libraries that they import.

The libraries are installed once, from the lock file, into a cache; from then on nothing of this needs a network.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_inspector.durable import make_folders
from edge_inspector.errors import ConfigError

ROOT: Final = Path(__file__).resolve().parents[2]
_LOCK: Final = ROOT / "requirements" / "functions.txt"
_PARTS: Final = {"cloud_side": ROOT / "cloud_side", "edge_inspector": ROOT / "src" / "edge_inspector"}
_COMPONENT: Final = "component"  # the model's component is built by a function
_MOST_BYTES: Final = 250 * 1024**2  # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, unzipped
# What no function imports, or what nothing imports: it would only be uploaded, and change the code's hash.
_LEFT_OUT: Final = shutil.ignore_patterns(
    "__pycache__",
    "*.pyc",
    "infrastructure",
    "lifecycle",
    "local",
    "loop",
    "static",
    "shipped_model",
    "greengrass-build",
)
_UNUSED: Final = ("tests", "test", "*.pyi", "include")


@dataclass(frozen=True)
class Target:
    """On what functions run.

    Attributes:
        python: Its version.
        machine: `aarch64` or `x86_64`.
    """

    python: str
    machine: str

    def arguments(self) -> list[str]:
        """Return what pip is told."""
        platforms = (
            f"manylinux_2_28_{self.machine}",
            f"manylinux_2_17_{self.machine}",
            f"manylinux2014_{self.machine}",
        )
        platform = (argument for each in platforms for argument in ("--platform", each))
        return [*platform, "--python-version", self.python, "--implementation", "cp"]


FUNCTIONS: Final = Target("3.13", "aarch64")


@dataclass(frozen=True)
class Packages:
    """Folders as functions find them.

    Attributes:
        code: Unpacked at `/var/task`: `cloud_side`, `edge_inspector`, `component`.
        libraries: Unpacked at `/opt`: `python/` with what is installed for functions.
        libraries_hash: Of what they are installed by, which is all that they depend on.
    """

    code: Path
    libraries: Path
    libraries_hash: str


def make_packages(cache: Path, say: Callable[[str], None], target: Target = FUNCTIONS) -> Packages:
    """Return the packages, made in a cache; libraries that are there are not installed again.

    Args:
        cache: A folder of one's own; made where it is not there.
        say: Told what takes long.
        target: On what functions run.

    Raises:
        ConfigError: If this is no checkout of the product, the libraries cannot be installed, or they are larger than
            AWS Lambda takes.
    """
    if not _LOCK.is_file():
        msg = f"{_LOCK}: is not there; expected a checkout of the product, from which the infrastructure is deployed"
        raise ConfigError(msg)
    try:
        make_folders(cache)
        code = gather(cache / "code")
        libraries, libraries_hash = install(cache, say, target)
    except OSError as error:
        msg = f"{cache}: packages cannot be made: {error}"
        raise ConfigError(msg) from error
    size = sum(path.stat().st_size for folder in (code, libraries) for path in folder.rglob("*") if path.is_file())
    if size > _MOST_BYTES:
        msg = f"{cache}: code and libraries of functions have {size} bytes, expected at most {_MOST_BYTES}"
        raise ConfigError(msg)
    return Packages(code, libraries, libraries_hash)


def gather(folder: Path) -> Path:
    """Copy what functions run into a folder, which is made anew, and return it.

    Raises:
        OSError: If that failed.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for name, source in {**_PARTS, _COMPONENT: ROOT / _COMPONENT}.items():
        shutil.copytree(source, folder / name, ignore=_LEFT_OUT)
    return folder


def install(cache: Path, say: Callable[[str], None], target: Target) -> tuple[Path, str]:
    """Install what functions import into a cache, for another machine than this one, and return folder and hash.

    Pip takes built distributions alone, each by its hash.

    Raises:
        ConfigError: If it cannot be installed.
        OSError: If the disk does not take it.
    """
    described = [*target.arguments(), *_UNUSED]
    libraries_hash = hashlib.sha256(_LOCK.read_bytes() + " ".join(described).encode()).hexdigest()
    folder = cache / f"libraries-{libraries_hash[:16]}"
    if folder.is_dir():
        return folder, libraries_hash
    say(f"installing the libraries of functions for Python {target.python} on {target.machine}, once")
    begun = cache / f"{folder.name}.begun"
    shutil.rmtree(begun, ignore_errors=True)
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"),
        *("--require-hashes", "--only-binary", ":all:", "--no-compile", "--target", str(begun / "python")),
        *("-r", str(_LOCK), *target.arguments()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode != 0:
        told = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        msg = f"{_LOCK.name}: the libraries of functions cannot be installed: {told}"
        raise ConfigError(msg)
    for pattern in _UNUSED:
        for path in list((begun / "python").rglob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    begun.rename(folder)
    return folder, libraries_hash
