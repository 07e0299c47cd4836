"""Values and expressions by chance, for random workflow definitions."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from tests.cloud.local.states.corpus import Json

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """Where in a definition something is drawn.

    Attributes:
        depth: Scopes around it.
        variables: That are assigned wherever one comes from, or may be.
        path: Which iteration this is, as an expression; None outside of Maps.
        sure: Nothing here may fail the scope.
        again: This may run a second time.
    """

    depth: int = 0
    variables: tuple[str, ...] = ()
    path: str | None = None
    sure: bool = False
    again: bool = False

    def having(self, *variables: str) -> "Place":
        """Return the place at which these were assigned too."""
        return replace(self, variables=tuple(sorted({*self.variables, *variables})))

    def seen(self) -> dict[str, Json]:
        """Return JSON that tells all variables, and the input."""
        return {**{name: f"{{% {_reading(name)} %}}" for name in self.variables}, "input": "{% $states.input %}"}


def _reading(variable: str) -> str:
    return f"($exists(${variable}) ? ${variable} : 'unset')"


@dataclass
class Dice:
    """Draws what a definition is made of.

    Attributes:
        random: Where chance comes from.
    """

    random: random.Random

    def odds(self, of: int) -> bool:
        return self.random.randrange(of) == 0

    def some(self, choices: Iterable[T], most: int) -> list[T]:
        listed = list(choices)
        return self.random.sample(listed, self.random.randint(0, min(most, len(listed))))

    def value(self, depth: int = 0) -> Json:
        simple = [None, True, False, self.random.randint(-3, 99), "", "t", "ü 'q'"]
        match self.random.randrange(6 if depth < 2 else 4):
            case 4:
                return [self.value(depth + 1) for _ in range(self.random.randint(0, 3))]
            case 5:
                return {key: self.value(depth + 1) for key in self.some(["k", "flag", "n"], 2)}
        return self.random.choice(simple)

    def expression(self, place: Place, *more: str) -> str:
        return f"{{% {self.code(place, *more)} %}}"

    def sure_code(self, place: Place, *more: str) -> str:
        return self.code(replace(place, sure=True), *more)

    def code(self, place: Place, *more: str) -> str:
        variables = [_reading(name) for name in place.variables]
        context = ["Execution.Input", "State.Name"]
        simple = ["$states.input", "1", "'t'", "null", "[]", *(f"$states.context.{name}" for name in context)]
        sources = [*simple, "$exists($states.context.State.RetryCount)", *variables, *variables, *more, *more]
        x, y = self.random.choice(sources), self.random.choice(sources)
        if not place.sure and self.odds(16):
            return self.random.choice([f"{x} + 1", f"({x}).k", "$states.input.flag", "$error('x')", f"$uppercase({x})"])
        return self.random.choice(
            [
                *(x, f"[{x}, {y}]", f"{{'k': {x}}}", f"$string({x})", f"$type({x})", f"$count({x})", f"{x} = {y}"),
                *(f"$append({x}, {y})", f"$type({x}) = 'number' ? {x} + 1 : {x}", f"$exists(({x}).k) ? ({x}).k : 0"),
            ]
        )

    def condition(self, place: Place) -> str:
        if not place.sure and self.odds(10):
            return self.expression(place)
        x = self.sure_code(place)
        kind = self.random.choice(["number", "string", "array", "object", "null"])
        return self.random.choice([f"{{% $type({x}) = '{kind}' %}}", f"{{% $count({x}) > 1 %}}", "{% true %}"])

    def template(self, place: Place, *more: str) -> Json:
        """Return JSON with expressions in it."""
        match self.random.randrange(4):
            case 0:
                return {"k": self.expression(place, *more), "literal": self.value()}
            case 1:
                return [self.expression(place, *more), {"n": [self.expression(place)]}]
            case 2:
                return self.value()
        return self.expression(place, *more)
