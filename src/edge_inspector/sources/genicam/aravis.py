"""Aravis 0.8 by ctypes: the library itself, and its errors.

Debian's package libaravis-0.8-0 is all it takes: no compiler and no bindings. It is loaded when it is first used. Other
threads run during every call.

Source: the headers of libaravis-dev 0.8.26; GObject's and GLib's reference.
"""

import ctypes
import functools
from ctypes import POINTER, c_bool, c_char_p, c_double, c_int, c_int64, c_size_t, c_uint, c_uint32, c_uint64, c_void_p
from typing import Any

from edge_inspector.errors import SourceError
from edge_inspector.sources.genicam.nodes import RefusedByCameraError

_HOW_TO_GET_IT = "apt install libaravis-0.8-0, which must be 0.8.23 or later"


class _GError(ctypes.Structure):
    _fields_ = (("domain", c_uint32), ("code", c_int), ("message", c_char_p))


# What each function returns and takes; a last argument None is the error that it may give.
_int64, _double = POINTER(c_int64), POINTER(c_double)
_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "arv_update_device_list": (None,),
    "arv_get_n_devices": (c_uint,),
    "arv_get_device_id": (c_char_p, c_uint),
    "arv_get_device_address": (c_char_p, c_uint),
    "arv_get_device_vendor": (c_char_p, c_uint),
    "arv_get_device_model": (c_char_p, c_uint),
    "arv_get_device_serial_nbr": (c_char_p, c_uint),
    "arv_get_device_protocol": (c_char_p, c_uint),
    "arv_camera_new": (c_void_p, c_char_p, None),
    "arv_camera_get_device": (c_void_p, c_void_p),
    "arv_camera_get_vendor_name": (c_char_p, c_void_p, None),
    "arv_camera_get_model_name": (c_char_p, c_void_p, None),
    "arv_camera_get_device_serial_number": (c_char_p, c_void_p, None),
    "arv_camera_create_stream": (c_void_p, c_void_p, c_void_p, c_void_p, None),
    "arv_camera_start_acquisition": (None, c_void_p, None),
    "arv_camera_stop_acquisition": (None, c_void_p, None),
    "arv_camera_get_payload": (c_uint, c_void_p, None),
    "arv_camera_is_gv_device": (c_bool, c_void_p),
    "arv_camera_gv_auto_packet_size": (c_uint, c_void_p, None),
    "arv_camera_gv_set_packet_size": (None, c_void_p, c_int, None),
    "arv_camera_gv_get_packet_size": (c_uint, c_void_p, None),
    "arv_camera_gv_set_packet_delay": (None, c_void_p, c_int64, None),
    "arv_camera_gv_get_packet_delay": (c_int64, c_void_p, None),
    "arv_gv_device_is_controller": (c_bool, c_void_p),
    "arv_device_get_feature": (c_void_p, c_void_p, c_char_p),
    "arv_device_set_range_check_policy": (None, c_void_p, c_int),
    "arv_device_execute_command": (None, c_void_p, c_char_p, None),
    "arv_device_get_boolean_feature_value": (c_bool, c_void_p, c_char_p, None),
    "arv_device_set_boolean_feature_value": (None, c_void_p, c_char_p, c_int, None),
    "arv_device_get_string_feature_value": (c_char_p, c_void_p, c_char_p, None),
    "arv_device_set_string_feature_value": (None, c_void_p, c_char_p, c_char_p, None),
    "arv_device_get_integer_feature_value": (c_int64, c_void_p, c_char_p, None),
    "arv_device_set_integer_feature_value": (None, c_void_p, c_char_p, c_int64, None),
    "arv_device_get_integer_feature_bounds": (None, c_void_p, c_char_p, _int64, _int64, None),
    "arv_device_get_integer_feature_increment": (c_int64, c_void_p, c_char_p, None),
    "arv_device_get_float_feature_value": (c_double, c_void_p, c_char_p, None),
    "arv_device_set_float_feature_value": (None, c_void_p, c_char_p, c_double, None),
    "arv_device_get_float_feature_bounds": (None, c_void_p, c_char_p, _double, _double, None),
    "arv_device_get_float_feature_increment": (c_double, c_void_p, c_char_p, None),
    "arv_device_dup_available_enumeration_feature_values_as_strings": (
        POINTER(c_char_p), c_void_p, c_char_p, POINTER(c_uint), None,
    ),
    "arv_gc_feature_node_is_available": (c_bool, c_void_p, None),
    "arv_gc_feature_node_is_implemented": (c_bool, c_void_p, None),
    "arv_gc_category_get_features": (c_void_p, c_void_p),
    "arv_gc_float_get_unit": (c_char_p, c_void_p),
    "arv_gc_integer_get_unit": (c_char_p, c_void_p),
    "arv_gc_category_get_type": (c_size_t,),
    "arv_gc_boolean_get_type": (c_size_t,),
    "arv_gc_command_get_type": (c_size_t,),
    "arv_gc_enumeration_get_type": (c_size_t,),
    "arv_gc_float_get_type": (c_size_t,),
    "arv_gc_integer_get_type": (c_size_t,),
    "arv_gc_string_get_type": (c_size_t,),
    "arv_buffer_new_allocate": (c_void_p, c_size_t),
    "arv_buffer_get_status": (c_int, c_void_p),
    "arv_buffer_get_timestamp": (c_uint64, c_void_p),
    "arv_buffer_get_system_timestamp": (c_uint64, c_void_p),
    "arv_buffer_get_frame_id": (c_uint64, c_void_p),
    "arv_buffer_get_image_data": (c_void_p, c_void_p, POINTER(c_size_t)),
    "arv_buffer_get_image_pixel_format": (c_uint32, c_void_p),
    "arv_buffer_get_image_width": (c_int, c_void_p),
    "arv_buffer_get_image_height": (c_int, c_void_p),
    "arv_buffer_get_image_padding": (None, c_void_p, POINTER(c_int), POINTER(c_int)),  # since 0.8.23
    "arv_stream_push_buffer": (None, c_void_p, c_void_p),
    "arv_stream_timeout_pop_buffer": (c_void_p, c_void_p, c_uint64),
    "arv_stream_get_statistics": (None, c_void_p, POINTER(c_uint64), POINTER(c_uint64), POINTER(c_uint64)),
    "arv_gv_stream_get_statistics": (None, c_void_p, POINTER(c_uint64), POINTER(c_uint64)),
}  # fmt: skip
_GOBJECT: dict[str, tuple[Any, ...]] = {
    "g_object_unref": (None, c_void_p),
    "g_object_set": (None, c_void_p, c_char_p, c_int, c_char_p, c_int, c_void_p),  # two properties at once, and the end
    "g_type_check_instance_is_a": (c_bool, c_void_p, c_size_t),
}
_GLIB: dict[str, tuple[Any, ...]] = {
    "g_error_free": (None, c_void_p),
    "g_free": (None, c_void_p),
    "g_quark_to_string": (c_char_p, c_uint32),
}


def _is_true(result: int, *_: object) -> bool:
    return result != 0


class Library:
    """The functions of Aravis, GObject and GLib by name; those that may fail raise instead."""

    def __init__(self) -> None:
        """Load it.

        Raises:
            SourceError: If it is not installed, or too old.
        """
        self._calls: dict[str, Any] = {}
        self._fallible: set[str] = set()
        for file, functions in (
            ("libaravis-0.8.so.0", _FUNCTIONS), ("libgobject-2.0.so.0", _GOBJECT), ("libglib-2.0.so.0", _GLIB),
        ):  # fmt: skip
            try:
                self._declare(ctypes.CDLL(file), functions)
            except (OSError, AttributeError) as error:
                msg = f"Aravis cannot be loaded ({error}): {_HOW_TO_GET_IT}"
                raise SourceError(msg) from error

    def __call__(self, name: str, *arguments: Any) -> Any:  # noqa: ANN401 - C's own types, named in the tables above
        """Call the function `name`.

        Raises:
            SourceError: If it fails: RefusedByCameraError where the camera answers and says no.
        """
        if name not in self._fallible:
            return self._calls[name](*arguments)
        problem = POINTER(_GError)()
        result = self._calls[name](*arguments, ctypes.byref(problem))
        if problem:
            raise self._taken(problem)
        return result

    def _declare(self, library: ctypes.CDLL, functions: dict[str, tuple[Any, ...]]) -> None:
        for name, (result, *arguments) in functions.items():
            function = getattr(library, name)
            function.restype = result
            if result is c_bool:  # GLib's are whole numbers, of which any but 0 is true
                function.restype, function.errcheck = c_int, _is_true
            function.argtypes = [POINTER(POINTER(_GError)) if kind is None else kind for kind in arguments]
            self._calls[name] = function
            if arguments and arguments[-1] is None:
                self._fallible.add(name)

    def _taken(self, problem: "ctypes._Pointer[_GError]") -> SourceError:
        domain = self("g_quark_to_string", problem.contents.domain) or b""
        words, code = (problem.contents.message or b"").decode(errors="replace"), problem.contents.code
        self("g_error_free", problem)
        is_answer = domain == b"arv-gc-error-quark" or (domain == b"arv-device-error-quark" and code in _ANSWERS)
        return (RefusedByCameraError if is_answer else SourceError)(words or "Aravis failed without a word")


# Of ArvDeviceError: a feature of another kind, one that is not there, and what the camera's protocol refuses.
_ANSWERS = {0, 1, 3, *range(12, 19)}


@functools.cache
def library() -> Library:
    """Return Aravis; raises SourceError if it is not installed."""
    return Library()
