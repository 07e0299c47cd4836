"""Random workflow definitions, valid by construction, with inputs and with what their tasks answer.

A scope is a chain of steps, each with the name of the next one known: a Pass, a Task with retriers and catchers, a Choice
whose rules lead on by different ways, a Wait, a loop, a Parallel or a Map of further scopes. Expressions read the input,
variables of this scope and of those around it, and the context object; some of them fail.

Two kinds are drawn. *Wild* ones are for interpreters that run branches in the order of the definition: anything may fail
anywhere. *Calm* ones come to the same in any order: of the branches of a Parallel one may fail, of the iterations of an
inline Map none, and nothing that holds branches is done twice. Neither lets a cause into its data, which every
interpreter words in its own way, or runs a distributed Map twice, which may stop early.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count, pairwise

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.cloud.local.states.corpus import Json, Script

_CALL = "arn:aws:states:::lambda:invoke"
_ERRORS = ("Busy", "Broken", "Lambda.ServiceException", "States.Timeout", "States.TaskFailed")
_HANDLED = (["Busy"], ["Broken", "States.Timeout"], ["States.TaskFailed"], ["States.QueryEvaluationError"])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 99) | st.sampled_from(["", "t", "ü 'q'"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["k", "flag", "n"]), inner, max_size=2),
    max_leaves=4,
)


@dataclass(frozen=True)
class Run:
    """A definition with an input, and what its tasks answer."""

    definition: Json
    input: Json
    scripts: Mapping[str, Json]

    def answers(self) -> Script:
        """Return what the tasks of one run answer."""
        return Script(self.scripts)


@dataclass(frozen=True)
class _Place:
    """Where in a definition something is drawn.

    Attributes:
        depth: Scopes around it.
        set: Variables that are assigned wherever one comes from.
        perhaps: Variables that may be.
        path: Which iteration this is, as an expression; None outside of Maps.
        sure: Nothing here may fail the scope.
        again: This may run a second time.
    """

    depth: int = 0
    set: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    path: str | None = None
    sure: bool = False
    again: bool = False


def _reading(variable: str) -> str:
    return f"($exists(${variable}) ? ${variable} : 'unset')"


def _seen(place: _Place) -> Json:
    """Return JSON that tells all variables, and the input."""
    seen = {name: f"{{% {_reading(name)} %}}" for name in (*place.set, *place.perhaps)}
    return {**seen, "input": "{% $states.input %}"}


@dataclass
class _Builder:
    draw: DrawFn
    calm: bool
    scripts: dict[str, Json] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=count)

    def name(self, kind: str) -> str:
        return f"{kind} {next(self._numbers)}"

    def odds(self, of: int) -> bool:
        """Return True once in so many times; the simplest example has False."""
        return self.draw(st.integers(0, of - 1)) == of - 1

    # --- expressions

    def expression(self, place: _Place, *more: str) -> str:
        return f"{{% {self.code(place, *more)} %}}"

    def code(self, place: _Place, *more: str) -> str:
        variables = [_reading(name) for name in (*place.set, *place.perhaps)]
        literals = ["1", "'t'", "null", "[]"]
        sources = ["$states.input", *literals, "$states.context.State.Name", *variables, *variables, *more, *more]
        x, y = self.draw(st.sampled_from(sources)), self.draw(st.sampled_from(sources))
        shapes = [
            *(x, f"[{x}, {y}]", f"{{'k': {x}}}", f"$string({x})", f"$type({x})", f"$count({x})", f"{x} = {y}"),
            *(f"$append({x}, {y})", f"$type({x}) = 'number' ? {x} + 1 : {x}", f"$exists(({x}).k) ? ({x}).k : 'no k'"),
        ]
        if not place.sure and self.odds(16):
            shapes = [f"{x} + 1", f"({x}).k", "$states.input.flag", "$error('drawn')", f"$uppercase({x})"]
        return self.draw(st.sampled_from(shapes))

    def condition(self, place: _Place) -> str:
        if not place.sure and self.odds(6):
            return self.expression(place)
        x = self.code(replace(place, sure=True))
        kind = self.draw(st.sampled_from(["number", "string", "array", "object", "null"]))
        return self.draw(st.sampled_from([f"{{% $type({x}) = '{kind}' %}}", f"{{% $count({x}) > 1 %}}", "{% true %}"]))

    def template(self, place: _Place, *more: str) -> Json:
        """Return JSON with expressions in it."""
        kind = self.draw(st.sampled_from(["expression", "object", "list", "literal"]))
        match kind:
            case "object":
                return {"k": self.expression(place, *more), "literal": self.draw(_VALUES)}
            case "list":
                return [self.expression(place, *more), {"n": [self.expression(place)]}]
            case "literal":
                return self.draw(_VALUES)
        return self.expression(place, *more)

    # --- scopes

    def scope(self, place: _Place) -> Json:
        """Return `StartAt` and `States` of a chain of steps."""
        return self.chain(place, self.draw(st.integers(0, 3 if place.depth < 2 else 1)))

    def chain(self, place: _Place, steps: int) -> Json:
        names = [*(self.name("S") for _ in range(steps)), self.name("End")]
        states: dict[str, Json] = {}
        for name, following in pairwise(names):
            step, place = self.step(place, name, following)
            states |= step
        states[names[-1]] = self.last(place)
        return {"StartAt": names[0], "States": states}

    def last(self, place: _Place) -> Json:
        if not place.sure and self.odds(5):
            cause = f"{{% 'because ' & $string({self.code(replace(place, sure=True))}) %}}"
            return {"Type": "Fail", "Error": self.draw(st.sampled_from(["Broken", "GaveUp"])), "Cause": cause}
        output = {"Output": {"x": self.template(place), "seen": _seen(place)}} if self.draw(st.booleans()) else {}
        return {"Type": "Succeed", **output} if self.draw(st.booleans()) else {"Type": "Pass", **output, "End": True}

    def step(self, place: _Place, name: str, following: str) -> tuple[dict[str, Json], _Place]:
        kinds = [self.passing, self.calling, self.choosing, self.waiting]
        if place.depth < 3:
            kinds += [self.looping, self.side_by_side, self.each]
        return self.draw(st.sampled_from(kinds))(place, name, following)

    # --- steps: each returns its states, the first of them with the step's name, and where one is after them

    def passing(self, place: _Place, name: str, following: str) -> tuple[dict[str, Json], _Place]:
        state: dict[str, Json] = {"Type": "Pass", "Next": following}
        if self.draw(st.booleans()):
            state["Output"] = self.template(place)
        if self.draw(st.booleans()):
            variable = self.variable(place)
            state["Assign"] = {variable: self.template(place)}
            place = replace(place, set=tuple({*place.set, variable}))
        return {name: state}, place

    def variable(self, place: _Place) -> str:
        """Return a variable for this depth: a scope never assigns those of the scopes around it."""
        return f"{self.draw(st.sampled_from('vwx'))}{place.depth}"

    def calling(self, place: _Place, name: str, following: str) -> tuple[dict[str, Json], _Place]:
        resource = _CALL + self.draw(st.sampled_from(["", "", ".waitForTaskToken"]))
        tried = "{% $states.context.State.RetryCount %}"
        payload = {"path": f"{{% {place.path or repr('')} %}}", "x": self.expression(place), "tried": tried, **_seen(place)}
        state = {"Type": "Task", "Resource": resource, "Arguments": {"FunctionName": "f", "Payload": payload}}
        if self.odds(4):
            state["TimeoutSeconds"] = self.draw(st.integers(1, 1000))
        self.scripts[name] = self.script(place)
        return self.recovering(place, name, following, state, self.draw(st.booleans()))

    def script(self, place: _Place) -> Json:
        result = st.fixed_dictionaries({"result": _VALUES})
        failure = st.fixed_dictionaries({"error": st.sampled_from(_ERRORS), "cause": st.sampled_from(["", "why"])})
        answers = st.lists(st.one_of(result, result, failure), min_size=1, max_size=3)
        if place.path is None:
            return self.draw(answers)
        one = self.draw(st.text("abc", min_size=1, max_size=2))
        return {"by": "Payload.path", "answers": {one: self.draw(answers), "*": self.draw(answers)}}

    def recovering(
        self, place: _Place, name: str, following: str, state: dict[str, Json], may_retry: bool
    ) -> tuple[dict[str, Json], _Place]:
        """Add retriers, catchers, Assign and Output to a state that may fail."""
        more = ["$states.result"]
        if may_retry:
            handled = self.draw(st.lists(st.sampled_from(_HANDLED), max_size=2))
            retriers = [*handled, *([["States.ALL"]] if self.draw(st.booleans()) else [])]
            state["Retry"] = [{"ErrorEquals": errors, "MaxAttempts": self.draw(st.integers(0, 2))} for errors in retriers]
        after = place
        states: dict[str, Json] = {}
        if place.sure or self.draw(st.booleans()):
            handled = [] if place.sure else self.draw(st.lists(st.sampled_from(_HANDLED), max_size=2))
            ends = [["States.ALL"]] if place.sure or self.draw(st.booleans()) else []
            handler, caught = self.name("Caught"), self.variable(place)
            state["Catch"] = [self.catcher(place, errors, handler, caught) for errors in [*handled, *ends]]
            if state["Catch"]:
                states[handler] = {"Type": "Pass", "Next": following}
                after = replace(after, perhaps=tuple({*after.perhaps, caught}))
        if self.draw(st.booleans()):
            variable = self.variable(place)
            state["Assign"] = {variable: self.template(place, *more)}
            after = replace(after, perhaps=tuple({*after.perhaps, variable}))
        if "Output" not in state and self.draw(st.booleans()):
            state["Output"] = self.template(place, *more)
        return {name: {**state, "Next": following}, **states}, after

    def catcher(self, place: _Place, errors: list[str], handler: str, caught: str) -> Json:
        told = f"{{'error': $states.errorOutput.Error, 'for': '{errors[0]}', 'x': {self.code(replace(place, sure=True))}}}"
        assign = {"Assign": {caught: self.template(place, "$states.errorOutput.Error")}} if self.draw(st.booleans()) else {}
        return {"ErrorEquals": errors, "Output": f"{{% {told} %}}", **assign, "Next": handler}

    def choosing(self, place: _Place, name: str, following: str) -> tuple[dict[str, Json], _Place]:
        rules: list[Json] = []
        states: dict[str, Json] = {}
        perhaps = set(place.perhaps)
        for _ in range(self.draw(st.integers(1, 3))):
            target = following
            if self.draw(st.booleans()):
                target = self.name("Way")
                states[target] = {"Type": "Pass", "Output": self.template(place), "Next": following}
            rule: dict[str, Json] = {"Condition": self.condition(place), "Next": target}
            if self.draw(st.booleans()):
                variable = self.variable(place)
                rule["Assign"] = {variable: self.template(place)}
                perhaps.add(variable)
            if self.draw(st.booleans()):
                rule["Output"] = self.template(place)
            rules.append(rule)
        state: dict[str, Json] = {"Type": "Choice", "Choices": rules}
        if place.sure or not self.odds(5):
            state["Default"] = following
        if self.draw(st.booleans()):
            state["Output"] = self.template(place)
        return {name: state, **states}, replace(place, perhaps=tuple(perhaps))

    def waiting(self, place: _Place, name: str, following: str) -> tuple[dict[str, Json], _Place]:
        seconds = st.integers(0, 5000) | st.sampled_from(["{% $count([1, 2, 3]) %}"])
        invalid = st.sampled_from(["{% -1 %}", "{% 1.5 %}", "{% 'soon' %}"])
        state: dict[str, Json] = {"Type": "Wait", "Next": following}
        if self.draw(st.booleans()):
            state["Seconds"] = self.draw(seconds if place.sure or not self.odds(6) else invalid)
        else:
            state["Timestamp"] = f"2026-03-{self.draw(st.integers(1, 9)):02}T10:00:00Z"
        return {name: state}, place

    def looping(self, place: _Place, name: str, following: str) -> tuple[dict[str, Json], _Place]:
        """Return a few rounds of something, counted in a variable."""
        rounds, body, test = f"rounds{next(self._numbers)}", self.name("Body"), self.name("More")
        inside = replace(place, set=(*place.set, rounds), again=True)
        inner, after = self.draw(st.sampled_from([self.passing, self.calling]))(inside, body, test)
        again = {"Condition": f"{{% ${rounds} < 2 %}}", "Assign": {rounds: f"{{% ${rounds} + 1 %}}"}, "Next": body}
        begin = {"Type": "Pass", "Assign": {rounds: 0}, "Next": body}
        states = {name: begin, **inner, test: {"Type": "Choice", "Choices": [again], "Default": following}}
        return states, replace(place, set=after.set, perhaps=after.perhaps)

    def inside(self, place: _Place, **changes: Json) -> _Place:
        return replace(place, depth=place.depth + 1, **changes)

    def side_by_side(self, place: _Place, name: str, following: str) -> tuple[dict[str, Json], _Place]:
        may_retry = not self.calm and self.draw(st.booleans())
        branches = self.draw(st.integers(1, 3))
        bold = self.draw(st.integers(0, branches - 1))  # in calm machines the one that may fail
        places = [
            self.inside(place, sure=self.calm and (number != bold or place.sure), again=place.again or may_retry)
            for number in range(branches)
        ]
        state: dict[str, Json] = {"Type": "Parallel", "Branches": [self.scope(inside) for inside in places]}
        if self.draw(st.booleans()):
            state["Arguments"] = {"given": self.template(place)}
        return self.recovering(place, name, following, state, may_retry)

    def each(self, place: _Place, name: str, following: str) -> tuple[dict[str, Json], _Place]:
        distributed = not place.again and self.draw(st.booleans())
        may_retry = not self.calm and not distributed and self.draw(st.booleans())
        begin, path = self.name("Item"), f"path{next(self._numbers)}"
        outer = () if distributed else place.set
        inside = self.inside(
            replace(place, set=(*outer, path), perhaps=() if distributed else place.perhaps),
            path=f"${path}",
            sure=self.calm and not distributed,
            again=place.again or may_retry,
        )
        state: dict[str, Json] = {"Type": "Map", "Items": [{"id": id_, "n": n} for n, id_ in enumerate(self.items())]}
        above = "" if place.path is None else f"{place.path} & "
        state["ItemSelector"] = {
            "path": f"{{% {above}$states.context.Map.Item.Value.id %}}",
            "n": "{% $states.context.Map.Item.Index %}",
            "x": self.expression(replace(place, sure=place.sure or self.calm)),
        }
        given = "$states.input"
        if distributed:
            given = self.distribute(place, state)
        item = {"Type": "Pass", "Assign": {path: f"{{% {given}.path %}}"}}
        chain = self.chain(inside, self.draw(st.integers(0, 2)))
        scope = {"StartAt": begin, "States": {begin: {**item, "Next": chain["StartAt"]}, **chain["States"]}}
        mode = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}} if distributed else {}
        state["ItemProcessor"] = {**mode, **scope}
        return self.recovering(place, name, following, state, may_retry)

    def items(self) -> list[str]:
        return self.draw(st.lists(st.sampled_from("abc"), max_size=3, unique=True))

    def distribute(self, place: _Place, state: dict[str, Json]) -> str:
        """Add to a Map what distributed ones have, and return where a child finds an item."""
        if self.draw(st.booleans()):
            state["ToleratedFailureCount"] = self.draw(st.integers(0, 2))
        if self.draw(st.booleans()):
            state["ToleratedFailurePercentage"] = self.draw(st.sampled_from([0, 33, 34, 50, 100]))
        if place.sure:
            state |= {"ToleratedFailurePercentage": 100, "ToleratedFailureCount": 0}
        told = "$type($r) = 'object' and $exists($r.Status) ? $r.Error : $r"
        state["Output"] = f"{{% [$map($states.result, function($r) {{ {told} }})] %}}"
        if self.draw(st.booleans()):
            state["ItemBatcher"] = {"MaxItemsPerBatch": self.draw(st.integers(1, 3))}
            return "$states.input.Items[0]"
        return "$states.input"


@st.composite
def runs(draw: DrawFn, *, calm: bool) -> Run:
    """Draw a definition with all that a run needs.

    Args:
        calm: What it comes to does not depend on the order in which branches and iterations run.
    """
    builder = _Builder(draw, calm)
    definition = {"QueryLanguage": "JSONata", **builder.chain(_Place(), draw(st.integers(2, 5)))}
    return Run(definition, draw(_VALUES), builder.scripts)
