"""The expressions of a definition: whether each is one, and reads only what there is where it stands."""

from collections.abc import Iterator, Mapping
from typing import Any

from cloud_side.local.states.scopes import parts, rules, scopes
from cloud_side.local.states.syntax import (
    LIBRARY_ERRORS,
    expression_in,
    fields_of_states,
    parse,
    references_to_nothing,
    words,
)

_EVERYWHERE = {"input", "context"}  # fields of $states
_WITH_A_RESULT = {"Task", "Parallel", "Map"}
_AFTER = {"Assign", "Output"}
_NO_TEMPLATE = {
    *("Type", "Comment", "QueryLanguage", "Next", "Default", "End", "Resource", "Retry", "ErrorEquals"),
    *("Choices", "Catch", "Branches", "ItemProcessor"),  # which hold what is looked at by itself
}


def expression_problems(machine: Mapping[str, Any]) -> Iterator[str]:
    """Yield expressions that do not parse, and what they read where it is not."""
    for above, _, state in (found for scope in scopes(machine) for found in scope.named()):
        with_result = _EVERYWHERE | ({"result"} if state.get("Type") in _WITH_A_RESULT else set())
        for key, template in state.items():
            if key not in _NO_TEMPLATE:
                yield from _template(template, f"{above}.{key}", with_result if key in _AFTER else _EVERYWHERE)
        for below, kind, rule in rules(state):
            with_error = _EVERYWHERE | ({"errorOutput"} if kind == "Catch" else set())
            for key, template in rule.items():
                if key not in _NO_TEMPLATE:
                    yield from _template(template, f"{above}.{below}.{key}", with_error)


def _template(template: object, where: str, seen: set[str]) -> Iterator[str]:
    for path, part in parts(template, where):
        if not isinstance(part, str) or not (part.startswith("{%") or part.endswith("%}")):
            continue
        code = expression_in(part)
        if code is None:
            yield f"{path} is {part!r}; expected {{% and %}} together, or neither"
            continue
        try:
            tree = parse(code)
        except LIBRARY_ERRORS as error:
            at = getattr(error, "location", -1)
            place = f" at character {at}" if at >= 0 else ""
            yield f"{path}: {code!r} is not JSONata{place}: {words(error)}"
            continue
        for field in sorted(fields_of_states(tree) - seen):
            yield f"{path} reads $states.{field}; there are only {', '.join(sorted(seen))}"
        for name in sorted(references_to_nothing(tree)):
            yield f"{path} reads {name} of nothing; expected it of $states or of a variable"
