"""A device without network, on which a component is installed by a user without rights."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

import pytest

from component.targets import PLATFORMS, PYTHONS, Platform, Target, Version
from tests.requirements import require_program

_NOBODY = 65534
_SYSTEM_PATH = "/usr/bin:/bin"


@dataclass(frozen=True)
class Device:
    """A folder for the component's work, and how its user runs programs.

    Attributes:
        root: What the component's user sees of the device, with folders for work and artifacts.
        work: The component's work folder.
        python: The Python that it has.
        prefix: What makes a program run without rights and network.
    """

    root: Path
    work: Path
    python: Version
    prefix: tuple[str, ...]

    @property
    def target(self) -> Target:
        """What a component must be built for to run here."""
        return Target(this_platform(), self.python)

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program as the component's user, in the work folder, to its end."""
        return subprocess.run(
            [*self.prefix, *map(str, command)],
            cwd=self.work,
            env={"PATH": _SYSTEM_PATH},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def start(self, *command: str | Path, environment: Mapping[str, str], log: TextIO) -> subprocess.Popen[str]:
        """Start a program likewise."""
        return subprocess.Popen(
            [*self.prefix, *map(str, command)],
            cwd=self.work,
            env={"PATH": _SYSTEM_PATH, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def beside(self, component: str) -> "Device":
        """Return the same device for another component."""
        work = self.work.with_name(component)
        work.mkdir()
        self.own(work)
        return replace(self, work=work)

    def hand_over(self, folder: Path, name: str) -> Path:
        """Copy artifacts to the device, for its user; return where they are."""
        place = self.root / "artifacts" / name
        shutil.copytree(folder, place)
        self.own(place)
        return place

    def own(self, folder: Path) -> None:
        """Give a folder to the component's user."""
        for path in (folder, *folder.rglob("*")):
            os.chown(path, _NOBODY, _NOBODY, follow_symlinks=False)


@contextmanager
def empty_device(component: str = "com.edgeinspector.Inspector", *, name: str = "a device ") -> Iterator[Device]:
    """Yield a device; skip the test where this user cannot make one.

    Args:
        component: Whose work folder it has.
        name: What the path of the device begins with; it has spaces, which shell scripts do not get past by chance.
    """
    if os.geteuid() != 0:
        pytest.skip("only root can become a user without rights in a network of its own")
    unshare, setpriv = (require_program(name, package="util-linux") for name in ("unshare", "setpriv"))
    python = _system_python()
    without_rights = (setpriv, f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "--inh-caps=-all")
    with TemporaryDirectory(prefix=name) as folder:
        root = Path(folder)
        root.chmod(0o755)
        work = root / "work" / component
        work.mkdir(parents=True)
        device = Device(root, work, python, (unshare, "--net", *without_rights))
        device.own(root)
        yield device


def this_platform() -> Platform:
    """Return the platform of this machine."""
    return next(each for each in PLATFORMS if each.machine == platform.machine())


def _system_python() -> Version:
    """Return the version of the Python that `install.sh` finds in the system's folders."""
    for version in sorted(PYTHONS, reverse=True):
        if shutil.which(f"python{version[0]}.{version[1]}", path=_SYSTEM_PATH):
            return version
    pytest.skip(f"the system has no Python that the component is for, only {sys.executable} is")
