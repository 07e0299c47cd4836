"""Whether a text is a definition that Step Functions would take, in JSONata mode: each problem in a line of its own.

Each says where, what was found, and what was expected. AWS takes more in a few places, which the interpreter does not
have: JSONPath, the deprecated `Iterator`, a loop without an end beside an end in a branch.

Source:
    Amazon States Language; ValidateStateMachineDefinition as measured by sfnx (docs/design.md) and by floci-io/floci.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from cloud_side.local.states.grammar import field_problems
from cloud_side.local.states.naming import name_problems, variable_problems
from cloud_side.local.states.scopes import misshapen, parts, type_of
from cloud_side.local.states.templates import expression_problems

_LARGEST_BYTES = 1_048_576
_DEEPEST = 300  # what is walked through recursively, here and later
_PLACEHOLDER = re.compile(r"\$\{[A-Za-z][\w.:-]*\}")


def problems_of(text: str) -> list[str]:
    """Return what is wrong with a definition, a line each; nothing for a valid one."""
    try:
        machine = _read(text)
    except _UnreadableError as error:
        return [str(error)]
    found = [*_repeated(machine), *misshapen(machine)]
    if not found:
        found += [*field_problems(machine), *_placeholders(machine), *name_problems(machine)]
        found += [*variable_problems(machine), *expression_problems(machine)]
    return [problem.replace("\n", "\\n") for problem in found]  # a name may have line breaks


class _UnreadableError(Exception):
    pass


def _read(text: str) -> dict[str, Any]:
    size = len(text.encode(errors="surrogatepass"))
    if size > _LARGEST_BYTES:
        message = f"the definition has {size} bytes; expected at most {_LARGEST_BYTES}"
        raise _UnreadableError(message)
    try:
        machine = json.loads(text, object_pairs_hook=_Object, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        message = f"line {error.lineno}, column {error.colno}: {error.msg}; expected JSON"
        raise _UnreadableError(message) from error
    except (ValueError, RecursionError) as error:
        message = f"{error}; expected JSON"
        raise _UnreadableError(message) from error
    if not isinstance(machine, dict):
        message = f"the definition is {type_of(machine)}; expected an object"
        raise _UnreadableError(message)
    if _depth(machine) > _DEEPEST:
        message = f"the definition nests deeper than {_DEEPEST}; expected less"
        raise _UnreadableError(message)
    return machine


class _Object(dict[str, Any]):
    """A JSON object that remembers which of its names came more than once."""

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]


def _no_constant(text: str) -> None:
    message = f"{text} is not a number"
    raise ValueError(message)


def _depth(value: Any) -> int:  # noqa: ANN401 - any JSON
    depth, level = 0, [value]
    while level:
        depth += 1
        members = [part.values() if isinstance(part, dict) else part for part in level if isinstance(part, dict | list)]
        level = [member for part in members for member in part]
    return depth


def _repeated(machine: object) -> Iterator[str]:
    for path, part in parts(machine):
        if isinstance(part, _Object):
            for name in part.repeated:
                yield f"{path or 'the definition'} has {name!r} more than once; expected once"


def _placeholders(machine: object) -> Iterator[str]:
    for path, part in parts(machine):
        if isinstance(part, str) and (left := _PLACEHOLDER.search(part)):
            yield f"{path} has {left[0]}; expected what it stands for"
