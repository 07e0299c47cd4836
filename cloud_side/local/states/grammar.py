"""Which fields a definition has, with which values: the grammar of `statelint`, and what it does not know of AWS'."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from statelint.linter import Linter

from cloud_side.local.states.scopes import State, scopes
from cloud_side.local.states.syntax import expression_in

_LONGEST_WAIT_S = 99_999_999
_LONGEST_LABEL = 40
_ARN = re.compile(r"arn:aws[\w-]*:[a-z0-9-]+:[^:]*:\d*:.+")
_LABEL = re.compile(r"[^\s?*<>{}\[\]:;,\\|^~$#%&`\"\x00-\x1f\x7f-\x9f]+")

# Fields whose value may be an expression, which statelint does not know, with a value that it takes in its place.
_SAMPLES = {
    **dict.fromkeys(("TimeoutSeconds", "HeartbeatSeconds", "Seconds", "MaxConcurrency"), 1),
    **dict.fromkeys(("ToleratedFailureCount", "ToleratedFailurePercentage"), 1),
    **dict.fromkeys(("MaxItemsPerBatch", "MaxInputBytesPerBatch"), 1),
    "Timestamp": "2026-01-01T00:00:00Z",
    **dict.fromkeys(("Arguments", "Items"), "{% $x %}"),
}
_NUMBERS = _SAMPLES.keys() | {"IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds"}
# Fields that it lets through although they are JSONPath's, or AWS has none there; and those that it does not know.
_NOT_THERE = {
    "Pass": {"Result"},
    "Map": {"Parameters", "Iterator", "TimeoutSeconds"},
    "Parallel": {"TimeoutSeconds"},
}
_BATCHER_PATHS = ("MaxItemsPerBatchPath", "MaxInputBytesPerBatchPath")
_JUDGED_HERE = {"Label", "ReaderConfig", "WriterConfig"}
_CONFIGURATION = {
    "ReaderConfig": {"InputType", "CSVHeaderLocation", "CSVHeaders", "CSVDelimiter", "ManifestType", "MaxItems"},
    "WriterConfig": {"Transformation", "OutputType"},
    "ProcessorConfig": {"Mode", "ExecutionType"},
}
_CHOICE = {
    "Mode": {"INLINE", "DISTRIBUTED"},
    "ExecutionType": {"STANDARD", "EXPRESS"},
    "InputType": {"CSV", "JSON", "JSONL", "MANIFEST", "PARQUET"},
    "CSVHeaderLocation": {"FIRST_ROW", "GIVEN"},
    "CSVDelimiter": {"COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"},
    "ManifestType": {"ATHENA_DATA", "S3_INVENTORY"},
    "Transformation": {"NONE", "COMPACT", "FLATTEN"},
    "OutputType": {"JSON", "JSONL"},
}


def field_problems(machine: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the fields and transitions of a definition that can be walked through."""
    if machine.get("QueryLanguage") != "JSONata":
        yield f'QueryLanguage is {machine.get("QueryLanguage")!r}; expected "JSONata", the only one that is run here'
        return
    for text in Linter.validate(_as_statelint_reads(machine)):
        if " is also defined at " not in text:  # it finds some of the names that are there twice
            yield text.replace("State Machine.", "").replace("State Machine", "the definition")
    for path, _, state in (found for scope in scopes(machine) for found in scope.named()):
        for problem in _state_problems(state):
            yield f"{path}.{problem}"


def _as_statelint_reads(machine: Mapping[str, Any]) -> dict[str, Any]:
    read = dict(machine)
    if "States" in read:
        read["States"] = {name: _state_as_it_reads(state) for name, state in machine["States"].items()}
    return read


def _state_as_it_reads(state: State) -> dict[str, Any]:
    read = _fields_as_it_reads(state, without=_JUDGED_HERE | _NOT_THERE.get(state.get("Type", ""), set()))
    for key in ("ItemReader", "ItemBatcher", "ResultWriter"):
        if isinstance(read.get(key), dict):
            read[key] = _fields_as_it_reads(read[key], without=_JUDGED_HERE.union(_BATCHER_PATHS))
    if "Retry" in read:
        read["Retry"] = [_fields_as_it_reads(retrier) for retrier in read["Retry"]]
    if "Branches" in read:
        read["Branches"] = [_as_statelint_reads(branch) for branch in read["Branches"]]
    if "ItemProcessor" in read:
        read["ItemProcessor"] = _as_statelint_reads(read["ItemProcessor"])
    return read


def _fields_as_it_reads(fields: Mapping[str, Any], without: Collection[str] = ()) -> dict[str, Any]:
    return {key: _value_as_it_reads(key, value) for key, value in fields.items() if key not in without}


def _value_as_it_reads(key: str, value: Any) -> Any:  # noqa: ANN401 - any part of a definition
    if key in _SAMPLES and isinstance(value, str) and expression_in(value) is not None:
        return _SAMPLES[key]
    if isinstance(value, bool) and key in _NUMBERS:
        return str(value).lower()  # to Python, and so to statelint, a boolean is a number
    return float(value) if key == "BackoffRate" and isinstance(value, int) else value


def _state_problems(state: State) -> Iterator[str]:
    kind = state.get("Type", "")
    if state.get("QueryLanguage", "JSONata") != "JSONata":
        yield f'QueryLanguage is {state["QueryLanguage"]!r}; expected "JSONata", as the machine has it'
    for key in sorted(_NOT_THERE.get(kind, set()) & state.keys()):
        yield f"{key} is there; expected none in a {kind} state in JSONata mode"
    if state.get("End", True) is not True:
        yield f"End is {state['End']!r}; expected true, or Next in its place"
    yield from _retry_problems(state)
    match kind:
        case "Task":
            yield from _task_problems(state)
        case "Map":
            yield from _map_problems(state)
        case "Choice":
            yield from _choice_problems(state)
        case "Parallel" if state.get("Branches") == []:
            yield "Branches is empty; expected at least one"
        case "Wait" if isinstance(seconds := state.get("Seconds"), int) and seconds > _LONGEST_WAIT_S:
            yield f"Seconds is {seconds}; expected at most {_LONGEST_WAIT_S}"


def _choice_problems(state: State) -> Iterator[str]:
    for index, rule in enumerate(state.get("Choices", [])):
        if isinstance(condition := rule.get("Condition"), str) and expression_in(condition) is None:
            yield f"Choices[{index}].Condition is {condition!r}; expected an expression, {{% … %}}"


def _task_problems(state: State) -> Iterator[str]:
    resource = state.get("Resource")
    if not isinstance(resource, str) or not _ARN.fullmatch(resource):
        yield f"Resource is {resource!r}; expected the ARN of what the task calls, arn:aws:states:::…"
    timeout, heartbeat = state.get("TimeoutSeconds"), state.get("HeartbeatSeconds")
    if isinstance(timeout, int) and isinstance(heartbeat, int) and heartbeat >= timeout:
        yield f"HeartbeatSeconds is {heartbeat}; expected less than TimeoutSeconds, {timeout}"


def _map_problems(state: State) -> Iterator[str]:
    if "Label" in state:
        label = state["Label"]
        if not isinstance(label, str) or not _LABEL.fullmatch(label) or len(label) > _LONGEST_LABEL:
            yield f"Label is {label!r}; expected up to {_LONGEST_LABEL} characters, none of them blank or special"
    for key in _BATCHER_PATHS:
        if isinstance(state.get("ItemBatcher"), dict) and key in state["ItemBatcher"]:
            yield f"ItemBatcher.{key} is there; expected none in JSONata mode"
    for owner, key in (("ItemReader", "ReaderConfig"), ("ResultWriter", "WriterConfig")):
        if isinstance(state.get(owner), dict) and key in state[owner]:
            yield from _configuration_problems(f"{owner}.{key}", key, state[owner][key])
    configuration = state.get("ItemProcessor", {}).get("ProcessorConfig", {})
    yield from _configuration_problems("ItemProcessor.ProcessorConfig", "ProcessorConfig", configuration)
    distributed = isinstance(configuration, dict) and configuration.get("Mode") == "DISTRIBUTED"
    if distributed and "ExecutionType" not in configuration:
        yield "ItemProcessor.ProcessorConfig.ExecutionType is not there; expected STANDARD or EXPRESS"


def _configuration_problems(path: str, name: str, configuration: object) -> Iterator[str]:
    if not isinstance(configuration, dict):
        yield f"{path} is {configuration!r}; expected an object"
        return
    for key, value in configuration.items():
        if key not in _CONFIGURATION[name]:
            yield f"{path}.{key} is there; expected only {', '.join(sorted(_CONFIGURATION[name]))}"
        elif key in _CHOICE and not (isinstance(value, str) and value in _CHOICE[key]):
            yield f"{path}.{key} is {value!r}; expected one of {', '.join(sorted(_CHOICE[key]))}"
        elif key == "MaxItems" and not _is_positive(value):
            yield f"{path}.{key} is {value!r}; expected a whole number from 1, or an expression"


def _is_positive(value: object) -> bool:
    return (type(value) is int and value > 0) or (isinstance(value, str) and expression_in(value) is not None)


def _retry_problems(state: State) -> Iterator[str]:
    retriers = state.get("Retry", [])
    for index, retrier in enumerate(retriers):
        errors = retrier.get("ErrorEquals", [])
        if "States.ALL" in errors and (len(errors) > 1 or index < len(retriers) - 1):
            yield f"Retry[{index}].ErrorEquals has States.ALL; expected it alone, and in the last retrier"
