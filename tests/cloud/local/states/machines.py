"""Random workflow definitions, valid by construction, with inputs and with what their tasks answer.

A scope is a chain of steps, each with the name of the next one known: a Pass, a Task with retriers and catchers, a
Choice whose rules lead on by different ways, a Wait, a loop, a Parallel or a Map of further scopes. Expressions read
the input, variables of this scope and of those around it, and the context object; some of them fail.

Two kinds are drawn. *Wild* ones are for interpreters that run branches in the order of the definition: anything may
fail anywhere. *Calm* ones come to the same in any order: of the branches of a Parallel one may fail, of the iterations
of an inline Map none, and nothing that holds branches is done twice. Neither lets a cause into its data, which every
interpreter words in its own way, or runs a distributed Map twice, which may stop early.

A machine is drawn from a seed and a size, so that hypothesis finds small ones that go wrong by trying small sizes.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count, pairwise

from hypothesis import strategies as st

from tests.cloud.local.states.corpus import Json, Script
from tests.cloud.local.states.dice import Dice, Place

Steps = tuple[dict[str, Json], Place]

_CALL = "arn:aws:states:::lambda:invoke"
_DISTRIBUTED = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
_ERRORS = ("Busy", "Broken", "Lambda.ServiceException", "States.Timeout", "States.TaskFailed")
_HANDLED = (["Busy"], ["Broken", "States.Timeout"], ["States.TaskFailed"], ["States.QueryEvaluationError"])


@dataclass(frozen=True)
class Run:
    """A definition with an input, and what its tasks answer."""

    definition: Json
    input: Json
    scripts: Mapping[str, Json]

    def answers(self) -> Script:
        """Return what the tasks of one run answer."""
        return Script(self.scripts)


def runs(*, calm: bool) -> st.SearchStrategy[Run]:
    """Draw definitions with all that a run needs.

    Args:
        calm: What they come to does not depend on the order in which branches and iterations run.
    """
    return st.builds(drawn, st.integers(0, 2**32), size=st.integers(1, 5), calm=st.just(calm))


def drawn(seed: int, *, size: int, calm: bool) -> Run:
    """Return the machine of a seed.

    Args:
        size: 1 for a few states; with each more the machine is longer, to 3 also deeper.
        calm: As in `runs`.
    """
    builder = _Builder(random.Random(seed), calm=calm, deepest=min(size - 1, 3))
    definition = {"QueryLanguage": "JSONata", **builder.chain(Place(), builder.random.randint(1, size + 1))}
    return Run(definition, builder.value(), builder.scripts)


@dataclass
class _Builder(Dice):
    calm: bool
    deepest: int
    scripts: dict[str, Json] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=count)

    def name(self, kind: str) -> str:
        return f"{kind} {next(self._numbers)}"

    # --- scopes

    def chain(self, place: Place, steps: int) -> Json:
        """Return `StartAt` and `States` of a chain of steps."""
        names = [*(self.name("S") for _ in range(steps)), self.name("End")]
        states: dict[str, Json] = {}
        for name, following in pairwise(names):
            step, place = self.step(place, name, following)
            states |= step
        states[names[-1]] = self.last(place)
        return {"StartAt": names[0], "States": states}

    def last(self, place: Place) -> Json:
        if not place.sure and self.odds(6):
            cause = f"{{% 'because ' & $string({self.sure_code(place)}) %}}"
            return {"Type": "Fail", "Error": self.random.choice(["Broken", "GaveUp"]), "Cause": cause}
        output = {} if self.odds(3) else {"Output": {"x": self.template(place), "seen": place.seen()}}
        return {"Type": "Succeed", **output} if self.odds(2) else {"Type": "Pass", **output, "End": True}

    def step(self, place: Place, name: str, following: str) -> Steps:
        kinds = [self.passing, self.calling, self.calling, self.choosing, self.waiting, self.looping]
        if place.depth < self.deepest:
            kinds += [self.side_by_side, self.each, self.each]
        return self.random.choice(kinds)(place, name, following)

    # --- steps: each returns its states, the first of them with the step's name, and where one is after them

    def passing(self, place: Place, name: str, following: str) -> Steps:
        state: dict[str, Json] = {"Type": "Pass", "Next": following}
        if self.odds(2):
            state["Output"] = self.template(place)
        if self.odds(3):
            return {name: state}, place
        assigned = {self.variable(place): self.template(place) for _ in range(2)}
        return {name: {**state, "Assign": assigned}}, place.having(*assigned)

    def variable(self, place: Place) -> str:
        """Return a variable for this depth: a scope never assigns those of the scopes around it."""
        return f"{self.random.choice('vwx')}{place.depth}"

    def calling(self, place: Place, name: str, following: str) -> Steps:
        resource = _CALL if self.random.random() < 0.7 else f"{_CALL}.waitForTaskToken"
        path = "" if place.path is None else f"{{% {place.path} %}}"
        told = {"tried": "{% $states.context.State.RetryCount %}", "token": "{% $exists($states.context.Task.Token) %}"}
        payload = {"path": path, "x": self.expression(place), **told, **place.seen()}
        state: dict[str, Json] = {
            "Type": "Task",
            "Resource": resource,
            "Arguments": {"FunctionName": "f", "Payload": payload},
        }
        if self.odds(4):
            state["TimeoutSeconds"] = self.random.randint(1, 1000)
        self.scripts[name] = self.script(place)
        return self.recovering(place, name, following, state, may_retry=True)

    def script(self, place: Place) -> Json:
        def failure() -> Json:
            return {"error": self.random.choice(_ERRORS), "cause": self.random.choice(["", "why"])}

        def answers() -> list[Json]:
            failures = [failure() for _ in range(self.random.choice([0, 0, 1, 2, 3]))]
            return [*failures, failure() if self.odds(5) else {"result": self.value()}]

        if place.path is None:
            return answers()
        one = self.random.choice(["a", "b", "c", "aa", "ab"])
        return {"by": "Payload.path", "answers": {one: answers(), "*": answers()}}

    def recovering(self, place: Place, name: str, following: str, state: dict[str, Json], *, may_retry: bool) -> Steps:
        """Add retriers, catchers, Assign and Output to a state that may fail."""
        after = place
        states: dict[str, Json] = {}
        if may_retry and self.odds(2):
            handled = [*self.some(_HANDLED, 2), *([["States.ALL"]] if self.odds(2) else [])]
            limits = [{}, {"MaxAttempts": 0}, {"MaxAttempts": 1}, {"MaxAttempts": 2}]
            if handled:
                state["Retry"] = [{"ErrorEquals": errors, **self.random.choice(limits)} for errors in handled]
        if place.sure or self.odds(2):
            handler, caught = self.name("Caught"), self.variable(place)
            handled = [*self.some(_HANDLED, 2), *([["States.ALL"]] if place.sure or self.odds(2) else [])]
            if handled:
                state["Catch"] = [self.catcher(place, errors, handler, caught) for errors in handled]
                states[handler] = {"Type": "Pass", "Next": following}
                after = after.having(caught)
        if self.odds(2):
            assigned = {self.variable(place): self.template(place, "$states.result")}
            state["Assign"] = assigned
            after = after.having(*assigned)
        if "Output" not in state and self.odds(2):
            state["Output"] = self.template(place, "$states.result")
        return {name: {**state, "Next": following}, **states}, after

    def catcher(self, place: Place, errors: list[str], handler: str, caught: str) -> Json:
        tried = f"'for': '{errors[0]}', 'tried': $states.context.State.RetryCount"
        told = f"{{'error': $states.errorOutput.Error, {tried}, 'x': {self.sure_code(place)}}}"
        assign = {"Assign": {caught: self.template(place, "$states.errorOutput.Error")}} if self.odds(2) else {}
        return {"ErrorEquals": errors, "Output": f"{{% {told} %}}", **assign, "Next": handler}

    def choosing(self, place: Place, name: str, following: str) -> Steps:
        rules, states, assigned = [], {}, set()
        for _ in range(self.random.randint(1, 3)):
            rule: dict[str, Json] = {"Condition": self.condition(place), "Next": following}
            if self.odds(2):
                rule["Next"] = self.name("Way")
                states[rule["Next"]] = {"Type": "Pass", "Output": self.template(place), "Next": following}
            if self.odds(2):
                rule["Assign"] = {self.variable(place): self.template(place)}
                assigned |= rule["Assign"].keys()
            if self.odds(2):
                rule["Output"] = self.template(place)
            rules.append(rule)
        state: dict[str, Json] = {"Type": "Choice", "Choices": rules}
        if place.sure or not self.odds(5):
            own = {self.variable(place): self.template(place)}
            state |= {"Default": following, "Assign": own, "Output": self.template(place)}
            assigned |= own.keys()
        return {name: state, **states}, place.having(*assigned)

    def waiting(self, place: Place, name: str, following: str) -> Steps:
        state: dict[str, Json] = {"Type": "Wait", "Next": following}
        invalid = not place.sure and self.odds(10)
        match self.random.randrange(3):
            case 0:
                state["Seconds"] = self.random.randint(0, 5000)
            case 1:
                state["Seconds"] = self.random.choice(["{% -1 %}", "{% 'x' %}"]) if invalid else "{% $count([1, 2]) %}"
            case _:
                state["Timestamp"] = (
                    f"2026-03-{self.random.randint(1, 9):02}T10:00:00{'Z' if not self.odds(2) else '+01:00'}"
                )
        if self.odds(2):
            state["Output"] = self.template(place)
        return {name: state}, place

    def looping(self, place: Place, name: str, following: str) -> Steps:
        """Return a few rounds of something, counted in a variable."""
        rounds, body, test = f"rounds{next(self._numbers)}", self.name("Body"), self.name("More")
        inside = replace(place.having(rounds), again=True)
        inner, after = self.random.choice([self.passing, self.calling])(inside, body, test)
        again = {"Condition": f"{{% ${rounds} < 2 %}}", "Assign": {rounds: f"{{% ${rounds} + 1 %}}"}, "Next": body}
        begin = {"Type": "Pass", "Assign": {rounds: 0}, "Next": body}
        states = {name: begin, **inner, test: {"Type": "Choice", "Choices": [again], "Default": following}}
        return states, replace(after, again=place.again)

    def side_by_side(self, place: Place, name: str, following: str) -> Steps:
        may_retry = not self.calm and self.odds(2)
        branches = self.random.randint(1, 3)
        bold = self.random.randrange(branches)  # in calm machines the one that may fail
        inside = replace(place, depth=place.depth + 1, again=place.again or may_retry)
        scopes = [
            self.chain(replace(inside, sure=place.sure or (self.calm and number != bold)), self.random.randint(0, 2))
            for number in range(branches)
        ]
        state: dict[str, Json] = {"Type": "Parallel", "Branches": scopes}
        if self.odds(2):
            state["Arguments"] = {"given": self.template(place)}
        return self.recovering(place, name, following, state, may_retry=may_retry)

    def each(self, place: Place, name: str, following: str) -> Steps:
        distributed = not place.again and self.odds(2)
        may_retry = not self.calm and not distributed and self.odds(2)
        state = {"Type": "Map", **self.items(place)}
        given = self.distribute(place, state) if distributed else "$states.input"
        begin, path = self.name("Item"), f"path{next(self._numbers)}"
        inside = Place(
            depth=place.depth + 1,
            variables=place.having(path).variables,
            path=f"${path}",
            sure=self.calm and not distributed,
            again=place.again or may_retry,
        )
        chain = self.chain(inside, self.random.randint(0, 2))
        item = {"Type": "Pass", "Assign": {path: f"{{% {given}.path %}}"}, "Next": chain["StartAt"]}
        state["ItemProcessor"] = {
            **({"ProcessorConfig": _DISTRIBUTED} if distributed else {}),
            "StartAt": begin,
            "States": {begin: item, **chain["States"]},
        }
        return self.recovering(place, name, following, state, may_retry=may_retry)

    def items(self, place: Place) -> dict[str, Json]:
        """Return the items of a Map, each with a path of its own."""
        listed = [{"id": identity, "n": number} for number, identity in enumerate(self.some("abc", 3))]
        above = "" if place.path is None else f"{place.path} & "
        selector = {
            "path": f"{{% {above}$states.context.Map.Item.Value.id %}}",
            "n": "{% $states.context.Map.Item.Index %}",
            "x": f"{{% {self.sure_code(place) if self.calm else self.code(place)} %}}",
        }
        limit = {"MaxConcurrency": self.random.randint(0, 2)} if self.odds(2) else {}
        return {"Items": listed, "ItemSelector": selector, **limit}

    def distribute(self, place: Place, state: dict[str, Json]) -> str:
        """Add to a Map what distributed ones have, and return where a child finds an item."""
        if self.odds(2):
            state["ToleratedFailureCount"] = self.random.randint(0, 2)
        if self.odds(2):
            state["ToleratedFailurePercentage"] = self.random.choice([0, 33, 34, 50, 100])
        if place.sure:
            state |= {"ToleratedFailurePercentage": 100, "ToleratedFailureCount": 0}
        told = "$type($r) = 'object' and $exists($r.Status) ? $r.Error : $r"
        state["Output"] = f"{{% [$map($states.result, function($r) {{ {told} }})] %}}"
        if self.odds(2):
            return "$states.input"
        state["ItemBatcher"] = {"MaxItemsPerBatch": self.random.randint(1, 3)}
        return "$states.input.Items[0]"
