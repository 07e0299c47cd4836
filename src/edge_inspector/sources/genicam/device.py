"""An open camera of Aravis: its features, and what belongs to GigE Vision alone."""

import ctypes
from collections.abc import Sequence
from ctypes import c_double, c_int64, c_uint, c_void_p
from typing import Any, Self, cast

from edge_inspector.errors import SourceError
from edge_inspector.sources.genicam.aravis import Library, library
from edge_inspector.sources.genicam.finding import open_camera
from edge_inspector.sources.genicam.nodes import Bounds, Kind, RefusedByCameraError, Value

_CHECK_RANGES = 1  # ARV_RANGE_CHECK_POLICY_ENABLE: Aravis refuses what is out of range instead of asking the camera
_SMALLEST_STEP, _UNBOUNDED = 1e-12, 1e300  # Aravis tells of none by the largest and the smallest numbers
_KINDS = (
    # An enumeration is an integer too, and so on: the narrowest first.
    ("enumeration", Kind.ENUMERATION), ("boolean", Kind.BOOLEAN), ("command", Kind.COMMAND),
    ("float", Kind.FLOAT), ("integer", Kind.INTEGER), ("string", Kind.STRING),
)  # fmt: skip


class AravisDevice:
    """An open camera; `Nodes`. Used and closed by one thread alone."""

    def __init__(self, wanted: str | None) -> None:
        """Open it.

        Args:
            wanted: Serial, IP address or name; the only one when None.

        Raises:
            SourceError: If Aravis is not installed, no or several cameras fit, or another program holds it.
        """
        self._call: Library = library()
        self._handle, self.found = open_camera(wanted)
        self._device: int = self._call("arv_camera_get_device", self._handle)
        self._call("arv_device_set_range_check_policy", self._device, _CHECK_RANGES)
        self.is_gige: bool = self._call("arv_camera_is_gv_device", self._handle)
        if self.is_gige and not self._call("arv_gv_device_is_controller", self._device):
            self.close()
            msg = f"{self.found} is held by another program; one alone may control a camera"
            raise SourceError(msg)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def handle(self) -> int:
        """Aravis's ArvCamera."""
        return self._handle

    def close(self) -> None:
        """Let go of it; again does nothing."""
        if self._handle:
            handle, self._handle, self._device = self._handle, 0, 0
            self._call("g_object_unref", handle)

    def is_controlled(self) -> bool:
        """Return whether it is still known to be ours; returns at once. USB cameras are, until one asks them."""
        return not self.is_gige or bool(self._call("arv_gv_device_is_controller", self._device))

    def ask(self) -> None:
        """Ask it for something; raises SourceError if it does not answer, which may take some seconds to find out."""
        if not self.is_controlled():
            msg = f"{self.found} does not answer any more: its power, its cable, or another program took it over"
            raise SourceError(msg)
        try:
            self._call("arv_device_get_integer_feature_value", self._device, b"Width")
        except RefusedByCameraError:
            return
        except SourceError as error:
            msg = f"{self.found} does not answer any more: {error}"
            raise SourceError(msg) from error

    def kind(self, name: str) -> Kind | None:
        """Return what a feature is; None where the camera has none of that name, or not now."""
        node = self._call("arv_device_get_feature", self._device, name.encode())
        if not node or not self._call("arv_gc_feature_node_is_implemented", node) or not self._is_available(node):
            return None
        return self._kind_of(node)

    def read(self, name: str) -> Value:
        """Return the value of a feature."""
        kind = self.kind(name)
        if kind in {None, Kind.COMMAND}:
            msg = f"{name}: the camera has no such value"
            raise RefusedByCameraError(msg)
        found = self._feature("get", kind, name)
        return found.decode(errors="replace") if isinstance(found, bytes) else cast("Value", found)

    def write(self, name: str, value: Value) -> None:
        """Set a feature."""
        kind = self.kind(name)
        match kind:
            case Kind.BOOLEAN:
                argument: Any = bool(value)
            case Kind.INTEGER:
                argument = int(value)
            case Kind.FLOAT:
                argument = float(value)
            case _:
                argument = str(value).encode()
        self._feature("set", kind, name, argument)

    def execute(self, name: str) -> None:
        """Carry out a command."""
        self._call("arv_device_execute_command", self._device, name.encode())

    def bounds(self, name: str) -> Bounds | None:
        """Return what a number may be now; None if anything."""
        kind = self.kind(name)
        if kind not in {Kind.INTEGER, Kind.FLOAT}:
            return None
        low, high = (c_int64(), c_int64()) if kind is Kind.INTEGER else (c_double(), c_double())
        try:
            self._feature("get", kind, name, ctypes.byref(low), ctypes.byref(high), what="bounds")
            step = float(self._feature("get", kind, name, what="increment"))
        except RefusedByCameraError:
            return None
        if kind is Kind.FLOAT and (low.value < -_UNBOUNDED or high.value > _UNBOUNDED):
            return None
        return Bounds(low.value, high.value, step if _SMALLEST_STEP < step < _UNBOUNDED else 0.0)

    def entries(self, name: str) -> Sequence[str]:
        """Return the entries of an enumeration that may be chosen now."""
        count = c_uint()
        function = "arv_device_dup_available_enumeration_feature_values_as_strings"
        texts = self._call(function, self._device, name.encode(), ctypes.byref(count))
        try:
            # The camera's file lists them in any order.
            return sorted((texts[number] or b"").decode(errors="replace") for number in range(count.value))
        finally:
            self._call("g_free", ctypes.cast(texts, c_void_p))  # the texts belong to the nodes

    def pixel_format_code(self) -> int:
        """Return the PFNC code of the pixels that it sends."""
        return int(self._call("arv_device_get_integer_feature_value", self._device, b"PixelFormat"))

    def set_packet_size(self, size: int | None) -> None:
        """Set the size of GigE Vision's packets in bytes, to the largest that arrives when None."""
        if size is None:
            self._call("arv_camera_gv_auto_packet_size", self._handle)
        else:
            self._call("arv_camera_gv_set_packet_size", self._handle, size)

    def packet_size(self) -> int:
        """Return the size of GigE Vision's packets in bytes."""
        return int(self._call("arv_camera_gv_get_packet_size", self._handle))

    def set_packet_delay(self, delay_ns: int) -> int:
        """Set the pause between two packets; return what the camera made of it, in nanoseconds."""
        self._call("arv_camera_gv_set_packet_delay", self._handle, delay_ns)
        return int(self._call("arv_camera_gv_get_packet_delay", self._handle))

    def start_acquisition(self) -> None:
        """Have it take frames."""
        self._call("arv_camera_start_acquisition", self._handle)

    def stop_acquisition(self) -> None:
        """Have it take none any more."""
        self._call("arv_camera_stop_acquisition", self._handle)

    def payload_bytes(self) -> int:
        """Return the bytes of a frame as it is set up now."""
        return int(self._call("arv_camera_get_payload", self._handle))

    def _feature(self, verb: str, kind: Kind | None, name: str, *arguments: Any, what: str = "value") -> Any:  # noqa: ANN401 - as the library
        if kind is None:
            msg = f"{name}: the camera has no such feature, or not now"
            raise RefusedByCameraError(msg)
        type_name = "string" if kind is Kind.ENUMERATION else kind.value
        return self._call(f"arv_device_{verb}_{type_name}_feature_{what}", self._device, name.encode(), *arguments)

    def _is_available(self, node: int) -> bool:
        return bool(self._call("arv_gc_feature_node_is_available", node))

    def _kind_of(self, node: int) -> Kind | None:
        return next((kind for name, kind in _KINDS if self._is_a(node, name)), None)

    def _is_a(self, node: int, name: str) -> bool:
        return bool(self._call("g_type_check_instance_is_a", node, self._call(f"arv_gc_{name}_get_type")))
