"""A handler found by its name, and what is told of it when it fails: the same JSON as AWS Lambda's Python runtime."""

import importlib
import json
import traceback
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, TypeAlias

Handler: TypeAlias = Callable[[Any, Any], Any]

RESULT_BYTES = 6 * (1 << 20)
TOLD_CHARS = 1 << 16  # of a message, and of each line of a traceback

_RUNTIME = frozenset({"__main__", __name__, "importlib", "importlib._bootstrap", "importlib._bootstrap_external"})


class Fault(Exception):  # noqa: N818 - Lambda's word
    """What the runtime itself says of a function, and not the function.

    Attributes:
        kind: e.g. `Runtime.HandlerNotFound`.
        message: As AWS words it.
        trace: Lines of a traceback.
    """

    def __init__(self, kind: str, message: str, trace: Sequence[str] = ()) -> None:
        """Keep the parts."""
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.trace = trace


def load(name: str) -> Handler:
    """Return the function of a name such as `package.module.function`.

    Raises:
        Fault: If there is none.
        BaseException: Whatever its module raises while it is imported.
    """
    module_name, dot, function = name.rpartition(".")
    if not dot:
        kind = "Runtime.MalformedHandlerName"
        raise Fault(kind, f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        message = f"Syntax error in module '{module_name}': {error}"
        raise Fault("Runtime.UserCodeSyntaxError", message, trace) from error
    if not hasattr(module, function):
        raise Fault("Runtime.HandlerNotFound", f"Handler '{function}' missing on module '{module_name}'")
    handler: Handler = getattr(module, function)
    return handler


def marshaled(result: object) -> str:
    """Return a handler's result as JSON.

    Raises:
        Fault: If it is none, or more than AWS takes.
    """
    try:
        text = json.dumps(result, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from error
    if size > RESULT_BYTES:
        message = f"Response payload size exceeded maximum allowed payload size ({RESULT_BYTES} bytes)."
        raise Fault("Function.ResponseSizeTooLarge", message)
    return text


def told(error: Exception, request_id: str = "") -> dict[str, object]:
    """Return what the caller of a function is told of its failure; longer texts one character beyond what is told."""
    match error:
        case Fault():
            kind, message, trace = error.kind, error.message, list(error.trace)
        case _:
            kind, message = type(error).__name__, str(error)
            trace = traceback.format_list(traceback.extract_tb(_own_part(error.__traceback__)))
    message, *trace = (text[: TOLD_CHARS + 1] for text in (message, *trace))
    return {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": trace}


def _own_part(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the runtime's own frames at its beginning."""
    while trace is not None and trace.tb_frame.f_globals.get("__name__") in _RUNTIME:
        trace = trace.tb_next
    return trace
