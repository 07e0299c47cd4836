"""A plugin of pytest that writes down what functions are asked and what they ask of AWS while tests run them.

    pytest -m "not nightly" -p tests.cloud.infrastructure.recording tests/cloud/{labeling,deployment,training/triggers}

writes `recorded/calls.json` and `recorded/events.json` again. Functions that run in processes of their own are not
seen: each one is also called in the tests' own process.
"""

import concurrent.futures
import contextvars
import functools
import importlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.client import BaseClient

from cloud_side.all_workflows import WORKFLOWS

RECORDED = Path(__file__).parent / "recorded"
_NAMES = ("Key", "Prefix", "CopySource", "arn", "stateMachineArn", "executionArn", "FeatureGroupName", "TopicArn")
_PLAYED = re.compile(r"(^|/)(more|elsewhere)/|^gone$")
_MOST_BYTES = 4000  # of an event that is kept

_running: contextvars.ContextVar[str | None] = contextvars.ContextVar("running", default=None)
_calls: dict[str, dict[str, dict[str, str]]] = {}
_events: dict[str, Any] = {}


def pytest_configure() -> None:
    """Begin, before any test is imported."""
    real = BaseClient._make_api_call

    def call(self: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        if (handler := _running.get()) is not None:
            asked = _calls.setdefault(handler, {}).setdefault(f"{self.meta.service_model.service_name}:{operation}", {})
            for what in _what(operation, parameters):
                asked.setdefault(_shape(what), what)
        return real(self, operation, parameters)

    BaseClient._make_api_call = call
    submit = concurrent.futures.ThreadPoolExecutor.submit

    def submit_here(self: Any, function: Callable[..., Any], /, *values: Any, **named: Any) -> Any:
        return submit(self, contextvars.copy_context().run, function, *values, **named)

    concurrent.futures.ThreadPoolExecutor.submit = submit_here  # type: ignore[method-assign]
    for handler in {each.handler for workflow in WORKFLOWS for each in workflow.functions}:
        module_name, _, name = handler.rpartition(".")
        module = importlib.import_module(module_name)
        setattr(module, name, _recorded(handler, getattr(module, name)))


def pytest_sessionfinish() -> None:
    """Write what was seen."""
    RECORDED.mkdir(exist_ok=True)
    calls = {
        handler: {operation: sorted(found.values()) for operation, found in sorted(asked.items())}
        for handler, asked in sorted(_calls.items())
    }
    for name, found in (("calls", calls), ("events", dict(sorted(_events.items())))):
        (RECORDED / f"{name}.json").write_text(json.dumps(found, indent=1, sort_keys=True, default=str) + "\n")


def _recorded(handler: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def called(event: Any, context: Any) -> Any:
        text = json.dumps(event, default=str)
        if handler not in _events and len(text) < _MOST_BYTES:
            _events[handler] = json.loads(text)
        token = _running.set(handler)
        try:
            return function(event, context)
        finally:
            _running.reset(token)

    return called


def _what(operation: str, parameters: dict[str, Any]) -> list[str]:
    """Return what a call is about: keys and names; empty text where it names nothing.

    Within a call tests play stations, which write samples, and other products, whose samples lie elsewhere.
    """
    if operation == "DeleteObjects":
        found = [each["Key"] for each in parameters["Delete"]["Objects"]]
    else:
        found = [str(parameters[name]) for name in _NAMES if name in parameters] or [""]
    is_change = operation.startswith(("Put", "Delete"))
    return [each for each in found if not _PLAYED.search(each) and not (is_change and each.startswith("samples/"))]


def _shape(text: str) -> str:
    return re.sub(r"[0-9A-Fa-f]{8,}|[0-9A-HJKMNP-TV-Z]{26}|\d+", "#", text)
