"""Features that can be looked through: which there are, in which category, and in which unit."""

import ctypes
from collections.abc import Iterator, Sequence
from ctypes import c_char_p, c_void_p
from typing import Protocol

from edge_inspector.sources.genicam.device import AravisDevice
from edge_inspector.sources.genicam.finding import FoundCamera
from edge_inspector.sources.genicam.nodes import Kind, Nodes


class BrowsableNodes(Nodes, Protocol):
    """Features that tell also which there are."""

    found: FoundCamera

    def unit(self, name: str) -> str:
        """Return the unit of a number, or nothing."""

    def categories(self) -> Sequence[tuple[str, Sequence[str]]]:
        """Return all features that are there now, by category, as the camera's maker orders them."""

    def close(self) -> None:
        """Let go of the camera."""


class BrowsableDevice(AravisDevice):
    """A camera of Aravis, for its features alone."""

    def unit(self, name: str) -> str:
        """Return the unit of a number, or nothing."""
        kind = self.kind(name)
        if kind not in {Kind.INTEGER, Kind.FLOAT}:
            return ""
        node = self._call("arv_device_get_feature", self._device, name.encode())
        return (self._call(f"arv_gc_{kind}_get_unit", node) or b"").decode(errors="replace")

    def categories(self) -> Sequence[tuple[str, Sequence[str]]]:
        """Return all features that are there now, by category, as the camera's maker orders them."""
        return list(self._below("Root"))

    def _below(self, category: str) -> Iterator[tuple[str, Sequence[str]]]:
        node = self._call("arv_device_get_feature", self._device, category.encode())
        if not node or not self._is_a(node, "category"):
            return
        names = [name for name in self._names_in(node) if name != category]
        yield category, [name for name in names if self.kind(name) is not None]
        for name in names:
            yield from self._below(name)

    def _names_in(self, node: int) -> Iterator[str]:
        item = self._call("arv_gc_category_get_features", node)  # a GSList of texts, which belongs to the node
        while item:
            text, item = (c_void_p * 2).from_address(item)
            if text:
                yield ctypes.cast(text, c_char_p).value.decode(errors="replace")  # type: ignore[union-attr]
