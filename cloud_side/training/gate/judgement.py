"""What the gate says: the checks, each with its number, its limit and a sentence."""

import math
from dataclasses import dataclass
from typing import Any, Final

SCHEMA: Final = "edge-inspector/gate/1"


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        name: For programs.
        passed: Whether it lets the model pass.
        measured: What was found; None where there is no number, or it could not be found.
        limit: What it is held against; None where there is no number.
        text: For people.
    """

    name: str
    passed: bool
    measured: float | None
    limit: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """All checks, also those after the first that fails.

    Attributes:
        title: Name and version of the model.
        checks: In the order in which they are told.
        notes: What a person should know, and decides nothing.
    """

    title: str
    checks: tuple[Check, ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the model may be registered."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that keep it back."""
        return tuple(check for check in self.checks if not check.passed)

    @property
    def summary(self) -> str:
        """One sentence for people."""
        if self.passed:
            return f"{self.title} passed all {len(self.checks)} checks; a person may now approve it."
        first, *others = self.failed
        more = f" ({len(others)} more of {len(self.checks)} checks failed.)" if others else ""
        return f"{self.title} is held back: {first.text}{more}"

    def document(self) -> dict[str, Any]:
        """Return what gate.json says."""
        return {
            "schema": SCHEMA,
            "passed": self.passed,
            "model": self.title,
            "summary": self.summary,
            "checks": [
                {
                    "name": check.name,
                    "passed": check.passed,
                    "measured": check.measured,
                    "limit": check.limit,
                    "text": check.text,
                }
                for check in self.checks
            ],
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class Measure:
    """A kind of number, and how it is told.

    Attributes:
        name: Of the check, for programs.
        what: Begins the sentence.
        unit: `%` of a share, `#` of a count, `ms`, `px`, `x` of a ratio; nothing for a score.
    """

    name: str
    what: str
    unit: str = ""

    def told(self, value: float) -> str:
        """Return a value with its unit."""
        match self.unit:
            case "%":
                return f"{100 * value:.1f} %"
            case "":
                return f"{value:.3f}"
            case "#":
                return f"{value:,.0f}"
            case unit:
                return f"{value:.3g} {unit}".replace(" x", "x")


def at_least(measure: Measure, measured: float, limit: float) -> Check:
    """Return the check that a number reaches a limit."""
    return _held(measure, measured, limit, passed=measured >= limit, bound="at least")


def at_most(measure: Measure, measured: float, limit: float) -> Check:
    """Return the check that a number does not go beyond a limit."""
    return _held(measure, measured, limit, passed=measured <= limit, bound="at most")


def above(measure: Measure, measured: float, limit: float) -> Check:
    """Return the check that a number is greater than a limit."""
    return _held(measure, measured, limit, passed=measured > limit, bound="more than")


def stated(name: str, text: str, *, passed: bool) -> Check:
    """Return a check without numbers."""
    return Check(name, passed, None, None, text)


def _held(measure: Measure, measured: float, limit: float, *, passed: bool, bound: str) -> Check:
    asked = f"{bound} {measure.told(limit)}"
    if not math.isfinite(measured):
        text = f"{measure.what} could not be measured; {asked} is asked, so it counts as not reached."
        return Check(measure.name, passed=False, measured=None, limit=limit, text=text)
    text = f"{measure.what} is {measure.told(measured)}; {asked} is asked."
    return Check(measure.name, passed, float(measured), limit, text)
