"""Evaluates the `{% … %}` of a definition: JSONata as Step Functions has it, on the library `jsonata-python`.

An expression that fails, gives nothing, or gives what is no JSON fails its state by `States.QueryEvaluationError`. So
does one beyond a limit: AWS nests 100 deep, holds values of 6,990,256 bytes, and takes a second at most, for which a
number of steps stands here, so that an expression ends the same way on every machine. Stricter than AWS: a number that
is not finite fails, where AWS makes a text like "Infinity" of it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.functions import functions, jsonata_error, string
from cloud_side.local.states.syntax import LIBRARY_ERRORS, STATES, Node, Reads, expression_in, parse, reads, words
from cloud_side.local.states.values import LARGEST_ARRAY, LARGEST_TEXT, Json, NotJson, plain, with_nulls

QUERY_EVALUATION = "States.QueryEvaluationError"
_EXPRESSIONS_IN_MEMORY = 2048
_DEEPEST = 100
_MOST_STEPS = 1_000_000  # about 4 s; a step is one node of the syntax tree, visited once, or so much of a value:
_LARGEST_AND_STEP = {
    str: (LARGEST_TEXT, 64),
    list: (LARGEST_ARRAY, 64),  # most often one that was there before
    Utils.JList: (LARGEST_ARRAY, 8),  # a new one
    Utils.RangeList: (LARGEST_ARRAY, 8),
}


def evaluate(template: Json, variables: Mapping[str, Json], states: Mapping[str, Json], *, field: str = "") -> Json:
    """Return a template with the value of each expression in its place.

    Args:
        template: Any JSON; each text of the form `{% … %}` in it is an expression.
        variables: What `$name` stands for.
        states: What `$states` stands for: `input`, `context`, and `result` or `errorOutput`.
        field: The state's field that it is, for the cause of a failure: `Arguments`, `Choices[1]/Condition`.

    Returns:
        JSON that shares nothing with the arguments; a whole number is an int.

    Raises:
        StateFailure: If an expression fails.
    """
    match template:
        case str() if (code := expression_in(template)) is not None:
            return _value(code, {**variables, STATES: states}, field)
        case dict():
            return {key: evaluate(value, variables, states, field=f"{field}/{key}") for key, value in template.items()}
        case list():
            return [evaluate(v, variables, states, field=f"{field}[{index}]") for index, v in enumerate(template)]
    return template


def _value(code: str, known: Mapping[str, Json], field: str) -> Json:
    where = f"The JSONata expression '{code}'" + (f" specified for the field '{field.lstrip('/')}'" if field else "")
    try:
        compiled = _compile(code)
        bindings = {name: with_nulls(known[name], below) for name, below in compiled.reads.items() if name in known}
        found = _Evaluation(compiled.tree).evaluate(None, {**bindings, **_Limits().callbacks})
        value = plain(found)
    except NotJson as failed:
        message = f"{where} returned an unsupported result type: {failed}."
        raise StateFailure(QUERY_EVALUATION, message) from failed
    except LIBRARY_ERRORS as failed:
        message = f"{where} threw an error during evaluation. {words(failed)}"
        raise StateFailure(QUERY_EVALUATION, message) from failed
    if found is None:
        message = f"{where} returned nothing (undefined)."
        raise StateFailure(QUERY_EVALUATION, message)
    return value


@dataclass(frozen=True)
class _Compiled:
    tree: Node
    reads: Reads


@lru_cache(maxsize=_EXPRESSIONS_IN_MEMORY)
def _compile(code: str) -> _Compiled:
    tree = parse(code)
    return _Compiled(tree, reads(tree))


class _Evaluation(Jsonata):  # type: ignore[misc] # the library has no types
    """One evaluation of a syntax tree; threads share the tree, and all that changes is in here or is the thread's own.

    The library keeps in each thread the expression that was parsed there last, evaluates all of them by its parser and
    tells the time by it, so that a `$now()` of an expression parsed earlier would stand still.
    """

    def __init__(self, tree: Node) -> None:
        self.ast = tree
        self.errors = None
        self.environment = functions()
        self.parser = Jsonata.get_parser()
        self.input = None
        self.validate_input = False
        self.output_convert_nulls = False
        Jsonata.CURRENT.jsonata = self

    def apply_inner(self, proc: Any, args: Any, input: Any, environment: Any) -> Any:  # noqa: A002, ANN401 - as it is there
        """Refuse what is no function before the library prints it to the standard output."""
        if not self.is_function_like(proc):
            raise JException("T1006", -1)
        return super().apply_inner(proc, args, input, environment)

    def evaluate_numeric_expression(self, lhs: Any, rhs: Any, op: str | None) -> Any:  # noqa: ANN401 - as it is there
        """Keep the fraction of a remainder, which the library cuts off."""
        if op == "%" and Utils.is_numeric(lhs) and Utils.is_numeric(rhs):
            return Utils.convert_number(math.fmod(lhs, rhs))
        return super().evaluate_numeric_expression(lhs, rhs, op)

    def evaluate_string_concat(self, lhs: Any, rhs: Any) -> str:  # noqa: ANN401 - as it is there
        """Write what is no text as `$string` does."""
        return (string(lhs) or "") + (string(rhs) or "")


class _Limits:
    """Counts how deep an evaluation is, and what it costs in time and memory."""

    def __init__(self) -> None:
        self._depth = 0
        self._steps = 0
        self.callbacks = {"__evaluate_entry": self._enter, "__evaluate_exit": self._leave}

    def _enter(self, *_: object) -> None:
        self._depth += 1
        self._steps += 1
        if self._depth > _DEEPEST:
            raise jsonata_error(
                "D1011", f"it nests deeper than {_DEEPEST}; a recursion may be endless, or not in the tail"
            )
        if self._steps > _MOST_STEPS:
            raise jsonata_error("D1012", f"it takes more than {_MOST_STEPS} steps; a loop may be endless")

    def _leave(self, _node: Node, _input: object, _scope: object, result: Any) -> None:  # noqa: ANN401 - any value
        self._depth -= 1
        if (limits := _LARGEST_AND_STEP.get(type(result))) is not None:
            most, step = limits
            self._steps += len(result) // step
            if len(result) > most:
                raise jsonata_error("D1012", f"a value has {len(result)} characters or items, expected at most {most}")
