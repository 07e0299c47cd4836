"""Reads the lock file: which version of what, with which hashes, on which Python.

pip evaluates the conditions of a requirement for the interpreter that it runs in, also when it downloads for another
one. So they are evaluated here, and pip gets a list without any.
"""

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from component.errors import BuildError
from component.targets import Target

_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)(?: ; (?P<marker>.+?))?(?P<hashes>(?: +--hash=\S+)+)")
_CLAUSE = re.compile(r"(?P<variable>\w+) (?P<operator>[<>=!]=?) '(?P<value>[^']*)'")
_VERSION = re.compile(r"3\.\d+")  # which patch release a device has is not known
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True)
class Pin:
    """One line of the lock file.

    Attributes:
        name, version: As on the index.
        hashes: sha256 of every file of it, in hexadecimal.
        marker: When it is wanted; empty for always.
    """

    name: str
    version: str
    hashes: frozenset[str]
    marker: str = ""

    def __str__(self) -> str:
        """As in a requirements file."""
        return " ".join([f"{self.name}=={self.version}", *(f"--hash=sha256:{each}" for each in sorted(self.hashes))])


def read_lock(text: str) -> list[Pin]:
    """Return the lines of a lock file as uv writes it.

    Raises:
        BuildError: If a line is no pinned version with its hashes.
    """
    lines = text.replace("\\\n", " ").splitlines()
    return [_pin(line) for line in lines if line.strip() and not line.startswith("#")]


def pins_for(pins: Iterable[Pin], target: Target) -> list[Pin]:
    """Return what is wanted on a target.

    Raises:
        BuildError: If a condition is of a kind that is not known here.
    """
    return [pin for pin in pins if not pin.marker or _holds(pin.marker, target)]


def _pin(line: str) -> Pin:
    match = _PIN.fullmatch(re.sub(r" +", " ", line).strip())
    if match is None:
        msg = f"lock file: expected 'name==version --hash=sha256:...', found {line[:80]!r}"
        raise BuildError(msg)
    hashes = frozenset(each.removeprefix("--hash=sha256:") for each in match["hashes"].split())
    return Pin(match["name"], match["version"], hashes, match["marker"] or "")


def _holds(marker: str, target: Target) -> bool:
    return any(all(_clause(clause, target) for clause in part.split(" and ")) for part in marker.split(" or "))


def _clause(text: str, target: Target) -> bool:
    environment: dict[str, object] = {
        "python_full_version": target.python,
        "python_version": target.python,
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": target.platform.machine,
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }
    match = _CLAUSE.fullmatch(text)
    found = None if match is None else environment.get(match["variable"])
    if match is None or found is None or isinstance(found, tuple) != bool(_VERSION.fullmatch(match["value"])):
        msg = f"lock file: expected a condition such as python_full_version < '3.12', found {text!r}"
        raise BuildError(msg)
    wanted = tuple(map(int, match["value"].split("."))) if isinstance(found, tuple) else match["value"]
    return _COMPARE[match["operator"]](found, wanted)
