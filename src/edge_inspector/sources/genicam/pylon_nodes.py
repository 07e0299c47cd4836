"""The features of a camera that pylon has open."""

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from edge_inspector.errors import SourceError
from edge_inspector.sources.genicam.finding import FoundCamera
from edge_inspector.sources.genicam.nodes import Bounds, Kind, RefusedByCameraError, Value
from edge_inspector.sources.genicam.pylon_driver import exceptions, words_of

# GenApi's EInterfaceType, the order of which is part of its standard.
_KINDS = {2: Kind.INTEGER, 3: Kind.BOOLEAN, 4: Kind.COMMAND, 5: Kind.FLOAT, 6: Kind.STRING, 9: Kind.ENUMERATION}
# What GenApi throws where the camera answers; a TimeoutException or RuntimeException says that it does not.
_ANSWERS = (
    "AccessException", "BadAllocException", "InvalidArgumentException", "LogicalErrorException", "OutOfRangeException",
    "PropertyException",
)  # fmt: skip


class PylonNodes:
    """GenApi's node map as `Nodes`."""

    def __init__(self, camera: Any, found: FoundCamera) -> None:  # noqa: ANN401
        """Remember the camera.

        Args:
            camera: pylon's InstantCamera, open.
            found: Which one it is.
        """
        self.found = found
        self._camera = camera
        self._map = camera.GetNodeMap()
        self._genicam = importlib.import_module("pypylon.genicam")
        self._answers = tuple(getattr(self._genicam, name) for name in _ANSWERS)

    def close(self) -> None:
        """Let go of the camera."""
        with self._said():
            self._camera.Close()

    def kind(self, name: str) -> Kind | None:
        """Return what a feature is; None where the camera has none of that name, or not now."""
        with self._said():
            node = self._map.GetNode(name)
            if not (node.IsValid() and self._genicam.IsAvailable(node.GetNode())):
                return None
            return _KINDS.get(node.GetNode().GetPrincipalInterfaceType())

    def read(self, name: str) -> Value:
        """Return its value: of an enumeration the name of the entry."""
        with self._said():
            return cast("Value", self._node(name).GetValue())

    def write(self, name: str, value: Value) -> None:
        """Set it."""
        with self._said():
            # An integer may be asked for as 20.0, and a float as 20.
            node, kind = self._node(name), self.kind(name)
            node.SetValue(int(value) if kind is Kind.INTEGER else float(value) if kind is Kind.FLOAT else value)

    def execute(self, name: str) -> None:
        """Carry out a command."""
        with self._said():
            self._node(name).Execute()

    def bounds(self, name: str) -> Bounds | None:
        """Return what a number may be now."""
        kind = self.kind(name)
        if kind not in {Kind.INTEGER, Kind.FLOAT}:
            return None
        with self._said():
            node = self._node(name)
            has_step = kind is Kind.INTEGER or node.HasInc()
            return Bounds(node.GetMin(), node.GetMax(), node.GetInc() if has_step else 0)

    def entries(self, name: str) -> Sequence[str]:
        """Return the entries of an enumeration that may be chosen now."""
        with self._said():
            return [
                entry.GetSymbolic()
                for entry in self._node(name).GetEntries()
                if self._genicam.IsAvailable(entry.GetNode())
            ]

    def pixel_format_code(self) -> int:
        """Return the PFNC code of the pixels that it sends."""
        with self._said():
            return int(self._node("PixelFormat").GetIntValue())

    def unit(self, name: str) -> str:
        """Return the unit of a number, or nothing."""
        with self._said():
            return str(self._node(name).GetUnit()) if self.kind(name) in {Kind.INTEGER, Kind.FLOAT} else ""

    def categories(self) -> Sequence[tuple[str, Sequence[str]]]:
        """Return all features that are there now, by category, as the camera's maker orders them."""
        with self._said():
            root = self._map.GetNode("Root")
            return list(self._walk(root)) if root.IsValid() else []

    def _walk(self, category: Any) -> Iterator[tuple[str, Sequence[str]]]:  # noqa: ANN401
        inside = category.GetFeatures()
        names = [node.GetNode().GetName() for node in inside]
        yield category.GetNode().GetName(), [name for name in names if self.kind(name) is not None]
        for node in inside:
            if node.GetNode().GetPrincipalInterfaceType() == self._genicam.intfICategory:
                yield from self._walk(node)

    def _node(self, name: str) -> Any:  # noqa: ANN401
        node = self._map.GetNode(name)
        if not node.IsValid():
            msg = f"the camera has no feature {name}"
            raise RefusedByCameraError(msg)
        return node

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except self._answers as error:
            raise RefusedByCameraError(words_of(error)) from error
        except exceptions() as error:
            msg = f"the camera does not answer: {words_of(error)}"
            raise SourceError(msg) from error
