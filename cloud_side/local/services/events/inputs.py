"""What a target gets of an event: all of it, a part, a text of the rule's, or one made of parts."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_PATH = re.compile(r"\$((?:\.[^.\[\]*]+|\[\d+\]|\['[^']+'\])*)")
_STEP = re.compile(r"\.([^.\[\]*]+)|\[(\d+)\]|\['([^']+)'\]")
_TOKEN = re.compile(r"\\.|\"|<([\w.-]+)>|[^\\\"<]+|.", re.DOTALL)
_ABSENT = object()


class InputError(ValueError):
    """A target's input cannot be made."""


@dataclass(frozen=True)
class Occasion:
    """An event, and the rule that it goes by."""

    event: Mapping[str, Any]
    rule_arn: str
    taken_at: datetime

    def predefined(self) -> dict[str, object]:
        """Return the variables that every template may use."""
        return {
            "aws.events.rule-arn": self.rule_arn,
            "aws.events.rule-name": self.rule_arn.rpartition("/")[2],
            "aws.events.event.ingestion-time": self.taken_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "aws.events.event": {name: value for name, value in self.event.items() if name != "detail"},
            "aws.events.event.json": self.event,
        }


def require_input(target: Mapping[str, Any]) -> None:
    """Check what a target says of its input.

    Raises:
        InputError: If it cannot be used.
    """
    given = [name for name in ("Input", "InputPath", "InputTransformer") if name in target]
    if len(given) > 1:
        msg = f"found {' and '.join(given)}, expected one of them"
        raise InputError(msg)
    if "Input" in target:
        _require_json(target["Input"])
    for path in (target.get("InputPath", "$"), *target.get("InputTransformer", {}).get("InputPathsMap", {}).values()):
        if not _PATH.fullmatch(path):
            msg = f"found path {path!r}, expected one such as $.detail.name or $.resources[0]"
            raise InputError(msg)


def input_of(target: Mapping[str, Any], occasion: Occasion) -> str:
    """Return what a target gets, as JSON.

    Source:
        Amazon EventBridge User Guide, "Amazon EventBridge input transformation".
    """
    if "Input" in target:
        return str(target["Input"])
    if "InputTransformer" in target:
        paths: Mapping[str, str] = target["InputTransformer"].get("InputPathsMap", {})
        values = {name: _at(path, occasion.event) for name, path in paths.items()}
        return _filled(target["InputTransformer"]["InputTemplate"], {**values, **occasion.predefined()})
    found = _at(target.get("InputPath", "$"), occasion.event)
    return json.dumps(None if found is _ABSENT else found)


def pipeline_parameters(target: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """Return the parameters with which a target starts a pipeline, as JSON: of a path what is there in the event.

    Source:
        Amazon EventBridge User Guide, "Amazon EventBridge targets", dynamic path parameters.
    """
    given = target.get("SageMakerPipelineParameters", {}).get("PipelineParameterList", ())
    return json.dumps([{"Name": each["Name"], "Value": _text_at(each["Value"], event)} for each in given])


def _text_at(value: str, event: Mapping[str, Any]) -> str:
    found = _at(value, event) if value.startswith("$.") and _PATH.fullmatch(value) else value
    if found is _ABSENT:
        return ""
    return found if isinstance(found, str) else json.dumps(found)


def _filled(template: str, values: Mapping[str, object]) -> str:
    """Fill a template: a variable between quotes is a piece of that text, any other one a value."""
    parts = []
    is_text = False
    for token in _TOKEN.finditer(template):
        if token[0] == '"':
            is_text = not is_text
        if token[1] is None or token[1] not in values:
            parts.append(token[0])
            continue
        value = values[token[1]]
        value = "" if value is _ABSENT else value
        text = value if isinstance(value, str) else json.dumps(value)
        parts.append(json.dumps(text)[1:-1] if is_text else json.dumps(value))
    return "".join(parts)


def _at(path: str, event: object) -> object:
    found = event
    for name, index, quoted in _STEP.findall(path):
        match found:
            case dict():
                found = found.get(name or quoted, _ABSENT)
            case list() if index and int(index) < len(found):
                found = found[int(index)]
            case _:
                return _ABSENT
    return found


def _require_json(text: str) -> None:
    try:
        json.loads(text)
    except ValueError as error:
        msg = f"Input is not JSON: {error}"
        raise InputError(msg) from error
