"""Gets the wheels of the lock file for a target, and builds the one of the package."""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from component.errors import BuildError
from component.lock import Pin, pins_for
from component.targets import Target, Version, check_wheel

_PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
_SOURCE_DATE_EPOCH = "1577836800"  # 2020-01-01: the same sources give the same wheel


@dataclass(frozen=True)
class Wheel:
    """A wheel on disk."""

    path: Path
    sha256: str

    @property
    def project(self) -> str:
        """The name that an index has it under, for example `fast-part`."""
        return re.sub(r"[-_.]+", "-", self.path.name.partition("-")[0]).lower()

    @property
    def requirement(self) -> str:
        """Its line in a requirements file: this file and no other."""
        return f"{self.project}=={self.path.name.split('-')[1]} --hash=sha256:{self.sha256}"


def wheel_at(path: Path) -> Wheel:
    """Return a wheel with its sha256."""
    return Wheel(path, hashlib.sha256(path.read_bytes()).hexdigest())


def download(pins: Sequence[Pin], target: Target, folder: Path) -> list[Wheel]:
    """Download the wheels that a target wants into an empty folder; return them by name.

    Raises:
        BuildError: If the index has no wheel that runs there and has a hash of the lock file.
    """
    wanted = pins_for(pins, target)
    _download(wanted, folder, *target.pip_options)
    wheels = [wheel_at(path) for path in sorted(folder.iterdir())]
    known = frozenset[str]().union(*(pin.hashes for pin in wanted))
    if len(wheels) != len(wanted) or not all(wheel.sha256 in known for wheel in wheels):
        msg = f"{target}: expected the {len(wanted)} wheels of the lock file, found {[w.path.name for w in wheels]}"
        raise BuildError(msg)
    return wheels


def oldest_glibc(wheels: Mapping[Target, Sequence[Wheel]]) -> Version | None:
    """Return the glibc that all these wheels run with; None where none of them minds.

    Raises:
        BuildError: If a wheel does not run on its target.
    """
    floors = [check_wheel(wheel.path.name, target) for target, each in wheels.items() for wheel in each]
    return max((floor for floor in floors if floor is not None), default=None)


def build_own(source: Path, tools: Sequence[Pin], folder: Path) -> tuple[Wheel, Wheel]:
    """Build the package's wheel with the locked build tools; return it and pip's own wheel, which is one of them.

    Raises:
        BuildError: If the build fails.
    """
    with tempfile.TemporaryDirectory() as temporary:
        downloaded, installed = Path(temporary, "downloaded"), Path(temporary, "installed")
        _download(tools, downloaded)
        wheels = [str(path) for path in downloaded.iterdir()]
        _run([*_PIP, "install", "--no-index", "--no-deps", f"--target={installed}", *wheels])
        environment = {**os.environ, "PYTHONPATH": str(installed), "SOURCE_DATE_EPOCH": _SOURCE_DATE_EPOCH}
        command = [sys.executable, "-m", "hatchling", "build", "--target=wheel", f"--directory={folder}"]
        _run(command, cwd=source, env=environment)
        (own,) = folder.iterdir()
        (pip,) = downloaded.glob("pip-*.whl")
        return wheel_at(own), wheel_at(pip.rename(folder / pip.name))


def _download(pins: Sequence[Pin], folder: Path, *options: str) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as requirements:
        requirements.write("".join(f"{pin}\n" for pin in pins))
        requirements.flush()
        always = ["--only-binary=:all:", "--no-deps", "--require-hashes"]
        _run([*_PIP, "download", *always, *options, f"--dest={folder}", f"--requirement={requirements.name}"])


def _run(command: Sequence[str], cwd: Path | None = None, env: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        msg = f"{' '.join(command[1:4])} ...: {' '.join((done.stderr or done.stdout).split())}"
        raise BuildError(msg)
