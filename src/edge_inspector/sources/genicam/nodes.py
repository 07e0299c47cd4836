"""The features of a GenICam camera, whoever's driver reaches them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

from edge_inspector.errors import SourceError

Value: TypeAlias = bool | int | float | str


class Kind(StrEnum):
    """What a feature is."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    FLOAT = "float"
    ENUMERATION = "enumeration"
    STRING = "string"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a number may be.

    Attributes:
        low, high: Both are allowed.
        step: Between two values, counted from `low`; 0 where any will do.
    """

    low: float
    high: float
    step: float = 0

    def __str__(self) -> str:
        steps = f" in steps of {self.step:.10g}" if self.step not in {0, 1} else ""
        return f"{self.low:.10g} to {self.high:.10g}{steps}"


class RefusedByCameraError(SourceError):
    """The camera answers and says no: to a feature or a value that it does not know, or not now."""


class Nodes(Protocol):
    """The features of an open camera; each method raises SourceError if it does not answer."""

    def kind(self, name: str) -> Kind | None:
        """Return what a feature is; None where the camera has none of that name, or not now."""

    def read(self, name: str) -> Value:
        """Return its value: of an enumeration the name of the entry; raises RefusedByCameraError if it has none."""

    def write(self, name: str, value: Value) -> None:
        """Set it; raises RefusedByCameraError if the camera will not have it."""

    def execute(self, name: str) -> None:
        """Carry out a command; raises RefusedByCameraError if the camera will not."""

    def bounds(self, name: str) -> Bounds | None:
        """Return what a number may be now; None if anything."""

    def entries(self, name: str) -> Sequence[str]:
        """Return the entries of an enumeration that may be chosen now."""
