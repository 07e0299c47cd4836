"""What the inspector is built for: two kinds of machine, three Pythons, and no newer C library than it says."""

from dataclasses import dataclass

from component.errors import BuildError
from component.installer import OLDEST_GLIBC

Version = tuple[int, int]

_BEFORE_PEP_600 = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}


@dataclass(frozen=True)
class Platform:
    """A kind of machine.

    Attributes:
        architecture: Greengrass's word for it, as in a recipe.
        machine: The wheels' and the kernel's word.
    """

    architecture: str
    machine: str

    @property
    def name(self) -> str:
        """As in the names of artifacts."""
        return f"linux-{self.architecture}"

    @property
    def archive(self) -> str:
        """The file name of the artifact."""
        return f"edge-inspector-{self.name}.zip"


@dataclass(frozen=True)
class Target:
    """One Python on one kind of machine."""

    platform: Platform
    python: Version

    def __str__(self) -> str:
        """As in messages."""
        return f"CPython {self.version} on {self.platform.name}"

    @property
    def version(self) -> str:
        """The Python in words, for example `3.11`."""
        return ".".join(map(str, self.python))

    @property
    def tag(self) -> str:
        """The interpreter in the words of wheels, for example `cp311`."""
        return f"cp{self.python[0]}{self.python[1]}"

    @property
    def platform_tags(self) -> list[str]:
        """Every platform tag that a wheel may have, newest first."""
        machine = self.platform.machine
        newest = [f"manylinux_2_{minor}_{machine}" for minor in range(OLDEST_GLIBC[1], 4, -1)]
        return newest + [f"{name}_{machine}" for name in _BEFORE_PEP_600]

    @property
    def pip_options(self) -> list[str]:
        """What makes pip take wheels for this target, whichever Python it runs in."""
        tags = [f"--platform={tag}" for tag in self.platform_tags]
        return [*tags, f"--python-version={self.version}", "--implementation=cp", f"--abi={self.tag}"]


PLATFORMS = (Platform("amd64", "x86_64"), Platform("aarch64", "aarch64"))
PYTHONS: tuple[Version, ...] = ((3, 11), (3, 12), (3, 13))


def check_wheel(name: str, target: Target) -> Version | None:
    """Return the oldest glibc that a wheel runs with; None where it does not matter.

    Args:
        name: File name of the wheel.
        target: What it must run on.

    Raises:
        BuildError: If it does not run there, or asks for a newer glibc than OLDEST_GLIBC.
    """
    *_, pythons, abis, platforms = name.removesuffix(".whl").split("-")
    if not any(_fits(python, abi, target) for python in pythons.split(".") for abi in abis.split(".")):
        msg = f"{name}: expected a wheel for {target}, found one for {pythons}-{abis}"
        raise BuildError(msg)
    if platforms == "any":
        return None
    suffix = f"_{target.platform.machine}"
    floors = [_glibc(tag.removesuffix(suffix)) for tag in platforms.split(".") if tag.endswith(suffix)]
    known = [floor for floor in floors if floor is not None]
    if not known or min(known) > OLDEST_GLIBC:
        oldest = ".".join(map(str, OLDEST_GLIBC))
        msg = f"{name}: expected a wheel for {target} with glibc {oldest}, found one for {platforms}"
        raise BuildError(msg)
    return min(known)


def _fits(python: str, abi: str, target: Target) -> bool:
    if python == "py3":
        return abi == "none"
    if python == target.tag:
        return abi in {target.tag, "abi3", "none"}
    return abi == "abi3" and python.startswith("cp3") and int(python[3:]) <= target.python[1]


def _glibc(tag: str) -> Version | None:
    if tag in _BEFORE_PEP_600:
        return _BEFORE_PEP_600[tag]
    name, *version = tag.split("_")
    return (int(version[0]), int(version[1])) if name == "manylinux" and len(version) == 2 else None
