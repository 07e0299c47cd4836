"""What becomes of a camera's pictures: the port between a live camera's thread and what makes frames of them."""

# ruff: noqa: B027 - what most takers have nothing to do for is empty here, once

import math
from abc import ABC, abstractmethod

from edge_inspector.frame import DropCause
from edge_inspector.sources.grabbing import Camera, Grabbed


class Taker(ABC):
    """Takes what a camera delivers; on the camera's thread, but for `away`, `expire` and when, `leave` and `close`."""

    def begun(self) -> None:
        """Begin: the camera is about to be opened for the first time."""

    def opened(self) -> None:
        """Begin with a camera that was opened just now."""

    def take(self, camera: Camera) -> bool:
        """Take what comes next, waiting at most as long as one `grab`; return False to have the camera opened again.

        Raises:
            SourceError: If the camera does not deliver.
        """
        return self.took(camera.grab())

    @abstractmethod
    def took(self, grabbed: Grabbed) -> bool:
        """Take what came, or came beside, as `take` does."""

    @property
    def is_between_parts(self) -> bool:
        """Whether no part would be torn by a change-over now."""
        return True

    def changed_over(self, *, sees_otherwise: bool) -> None:
        """Note that what comes from now on is of another product.

        Args:
            sees_otherwise: The camera's features have changed with it.
        """

    def away(self, reason: str) -> None:
        """Note that the camera is away: what is owed to parts is owed now. The reader calls it for a stuck driver."""

    def expire(self) -> None:
        """Pass on what can come no more; the reader calls it again and again while nothing comes."""

    def expires_in_s(self) -> float:
        """Return within how many seconds the reader should call `expire` again."""
        return math.inf

    def leave(self, cause: DropCause, problem: str) -> None:
        """Pass on what is owed to parts, with this cause where there is no picture: nothing is taken any more.

        The reader calls it, once the source is closing.
        """

    def close(self) -> None:
        """End what runs beside the camera; returns soon."""
