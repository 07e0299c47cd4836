"""What this room needs of those who know what is in a model package."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge_inspector.frame import Frame
from edge_inspector.inspection import ModelIdentity


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What a package's own test images say.

    Attributes:
        images: How many there are.
        problems: What differs from their promises.
    """

    images: int
    problems: tuple[str, ...]


class Opened(Protocol):
    """A model that is open, warm, and able to take over."""

    @property
    def identity(self) -> ModelIdentity:
        """Which one it is."""

    def self_test(self, *, go_on: Callable[[], None]) -> SelfTest:
        """Run the package's test images.

        Args:
            go_on: Called after each; an exception from it ends the test.

        Raises:
            ModelError: If the model fails, or an image cannot be used.
        """

    def judge(self, frame: Frame) -> str:
        """Return the verdict on a frame by the policy in force.

        Raises:
            ModelError: If the model fails.
        """

    def blank(self) -> Frame:
        """Return a frame with nothing on it, as large as the model's input."""

    def close(self) -> None:
        """Free it; no one judges with it any more."""


class Packages(Protocol):
    """Who knows what is in a package folder."""

    def identify(self, folder: Path) -> ModelIdentity:
        """Return which model a folder holds, by what is in it: a damaged one is another than the one it should be.

        Raises:
            OSError: If it cannot be read.
        """

    def open(self, folder: Path | None) -> Opened:
        """Open and warm up the model of a folder, or the one that the configuration names when None.

        Raises:
            ModelError: If the package is damaged or contradicts its contract.
            ConfigError: If the policy names what the model lacks.
        """
