"""The shared corpus: workflow definitions, and for each the cases in which it is run, with what its tasks answer.

`tests/cloud/corpus/NAME.asl.json` is a definition, `NAME.cases.json` beside it a list of cases:

- `name`: what is special about it. `input`: the execution's.
- `tasks`, `items`: for each state that calls, or that reads its items, what it gets. Either a list of answers, one a
  call and the last again and again; or, where a state runs in several iterations, a list for each value of one of its
  arguments: `{"by": "Payload.id", "answers": {"a": [...], "*": [...]}}`. So an answer does not depend on the order in
  which iterations run. An answer is `{"result": …}` or `{"error": …, "cause": …}`.
- `objects`: texts in S3 by `bucket/key`, from which a reader would read just those `items`.
- `ends`: `SUCCEEDED`, or the error; so that a broken case is noticed.
- `golden`: what AWS documents beyond what sfnx can tell, with its `source`; a field named there is compared too.
- `beyond_sfnx`: why sfnx cannot run the case at all, so that `golden` alone counts.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from statelint.linter import Linter

Json: TypeAlias = Any

# What AWS documents and statelint 3.1 does not know: these fields, and expressions where a number or a time may stand.
_UNKNOWN_TO_STATELINT = (
    'Field "Label" not allowed',
    'Field "InputType" not allowed',
    'Field "CSVHeaderLocation" not allowed',
    'Field "CSVHeaders" not allowed',
    ' is "{% ',
)
FOLDER = Path(__file__).parents[2] / "corpus"


class TaskFailed(Exception):  # noqa: N818 - an answer, which a machine may well expect
    """A task's answer that is an error."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


@dataclass(frozen=True)
class Case:
    """One run of a definition."""

    definition: str
    name: str
    input: Json
    ends: str
    tasks: Mapping[str, Json] = field(default_factory=dict)
    items: Mapping[str, Json] = field(default_factory=dict)
    objects: Mapping[str, str] = field(default_factory=dict)
    golden: Mapping[str, Json] | None = None
    beyond_sfnx: str | None = None

    @property
    def identity(self) -> str:
        """Return what the case is called among all."""
        return f"{self.definition}: {self.name}"

    @property
    def text(self) -> str:
        """Return the definition as it is written."""
        return (FOLDER / f"{self.definition}.asl.json").read_text(encoding="utf-8")

    @property
    def machine(self) -> Json:
        """Return the definition."""
        return json.loads(self.text)

    def answers(self) -> "Script":
        """Return what the tasks of one run answer."""
        return Script({**self.tasks, **self.items})


@dataclass
class Script:
    """Answers every call of one run, the n-th call of a state by its n-th answer."""

    scripts: Mapping[str, Json]
    _made: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __call__(self, state: str, resource: str, arguments: Json) -> Json:
        """Return the result of a task, or the items that a reader read.

        Raises:
            TaskFailed: Where the answer is an error.
            KeyError: If the case does not say what it is.
        """
        if state not in self.scripts:
            msg = f"{state} calls {resource} with {arguments}; the case answers {', '.join(self.scripts) or 'nothing'}"
            raise KeyError(msg)
        key, answers = _answers(self.scripts[state], arguments)
        made = self._made[state, key]
        self._made[state, key] += 1
        answer = answers[min(made, len(answers) - 1)]
        if "error" in answer:
            raise TaskFailed(answer["error"], answer.get("cause", ""))
        return answer["result"]


def _answers(script: Json, arguments: Json) -> tuple[str, Sequence[Mapping[str, Json]]]:
    if isinstance(script, list):
        return "", script
    value = arguments
    for name in script["by"].split("."):
        value = value[int(name) if isinstance(value, list) else name]
    key = value if isinstance(value, str) else json.dumps(value)
    answers: Mapping[str, Json] = script["answers"]
    return key, answers[key if key in answers else "*"]


def names() -> list[str]:
    """Return the names of all definitions."""
    return sorted(path.name.removesuffix(".asl.json") for path in FOLDER.glob("*.asl.json"))


def cases() -> list[Case]:
    """Return all cases of all definitions."""
    return [case for name in names() for case in cases_of(name)]


def cases_of(name: str) -> list[Case]:
    """Return the cases of a definition."""
    listed = json.loads((FOLDER / f"{name}.cases.json").read_text(encoding="utf-8"))
    return [Case(definition=name, **fields) for fields in listed]


def every_state(machine: Json, above: tuple[str, ...] = ()) -> Iterator[tuple[str, Json, tuple[str, ...]]]:
    """Yield name and fields of each state, with the names of the Parallels and Maps around it, outermost first."""
    for name, state in machine["States"].items():
        yield name, state, above
        for inner in [*state.get("Branches", []), state.get("ItemProcessor")]:
            if inner is not None:
                yield from every_state(inner, (*above, name))


def problems_by_statelint(machine: Json) -> list[str]:
    """Return what statelint finds wrong with a definition, as far as it knows the language."""
    return [
        problem
        for problem in Linter.validate(machine)
        if not any(unknown in problem for unknown in _UNKNOWN_TO_STATELINT)
    ]
