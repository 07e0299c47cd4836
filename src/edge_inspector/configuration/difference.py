"""The difference of two configurations, key by key, and what each of its changes asks for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeAlias, TypeGuard

from edge_inspector.configuration.effects import ANY, Effect, effect_of
from edge_inspector.configuration.plain import plain
from edge_inspector.redaction import REDACTED, is_secret, redact
from edge_inspector.settings import Settings
from edge_inspector.settings.section import Section


class _Absent(Enum):
    ABSENT = "absent"


_Level: TypeAlias = Section | Mapping[str, Section]

ABSENT: Final = _Absent.ABSENT
"""In place of a value: the section, as of another kind of source, has no such key."""


@dataclass(frozen=True, slots=True)
class Change:
    """One key that differs; as text it hides secrets.

    Attributes:
        key: Its dotted path.
        old: Its value before, made of what a file holds; `ABSENT` where it had none.
        new: Its value after, likewise.
        effect: What it takes to bring it into force.
    """

    key: str
    old: object = field(repr=False)
    new: object = field(repr=False)
    effect: Effect

    def __str__(self) -> str:
        return f"{self.key}: {_shown(self.old, self.key)} -> {_shown(self.new, self.key)} ({self.effect})"


def difference(old: Settings, new: Settings) -> tuple[Change, ...]:
    """Return what changed from one configuration to another, in the order of the sections.

    A section, or a product, that one of them lacks as a whole is one change.
    """
    return tuple(_compare(old, new, "", ""))


def _compare(old: _Level, new: _Level, prefix: str, known_as: str) -> Iterator[Change]:
    """Yield what changed below a level; `known_as` is its prefix in the table of effects."""
    before, after = dict(old), dict(new)
    for name in {**before, **after}:
        key, entry = f"{prefix}{name}", f"{known_as}{name if isinstance(old, Section) else ANY}"
        was, is_now = before.get(name, ABSENT), after.get(name, ABSENT)
        if (isinstance(was, Section) and isinstance(is_now, Section)) or (_has_sections(was) and _has_sections(is_now)):
            yield from _compare(was, is_now, f"{key}.", f"{entry}.")
        elif was != is_now:
            yield Change(key, _plain(was), _plain(is_now), effect_of(entry))


def _has_sections(value: object) -> TypeGuard[Mapping[str, Section]]:
    """Return whether a value holds sections by name: the products."""
    return isinstance(value, Mapping) and bool(value) and all(isinstance(each, Section) for each in value.values())


def _plain(value: object) -> object:
    return value if value is ABSENT else plain(value)


def _shown(value: object, key: str) -> str:
    if value is ABSENT:
        return "absent"
    return REDACTED if is_secret(key, value) else repr(redact(value))
