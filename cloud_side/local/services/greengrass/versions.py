"""Semantic versions in their order, and the requirements that a dependency puts to them.

Source:
    semver.org 2.0.0, "Precedence"; Greengrass recipe reference, VersionRequirement: npm-style constraints.
"""

import operator
import re
from dataclasses import dataclass
from typing import Self

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")
_COMPARATOR = re.compile(r"(>=|<=|>|<|=|\^|~)?(\d+)(?:\.(\d+|[x*]))?(?:\.(\d+|[x*]))?(?:-([0-9A-Za-z.-]+))?")
_BOUNDS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


@dataclass(frozen=True, order=True)
class Version:
    """A version, ordered as its fields are.

    Attributes:
        numbers: Major, minor, patch.
        is_release: False with a suffix: such a version comes before the one without.
        suffix: Its parts; those that are numbers come first, in the order of numbers.
    """

    numbers: tuple[int, int, int]
    is_release: bool = True
    suffix: tuple[tuple[bool, int, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the version that a text is.

        Raises:
            ValueError: If it is none.
        """
        match = _VERSION.fullmatch(text)
        if match is None:
            msg = f"found {text!r}, expected a semantic version such as 1.2.3"
            raise ValueError(msg)
        major, minor, patch, suffix = match.groups()
        parts = suffix.split(".") if suffix else []
        ordered = tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts)
        return cls((int(major), int(minor), int(patch)), not parts, ordered)


def is_met(requirement: str, version: Version) -> bool:
    """Return whether a version is one that a requirement allows.

    Args:
        requirement: Comparators with spaces between them, all of which must hold; alternatives between `||`. A
            comparator is `>=1.2.3`, `^1.2.3` (the same major), `~1.2.3` (the same minor), `1.2.3`, `1.x` or `*`.
        version: Any.

    Raises:
        ValueError: If the requirement is none.
    """
    alternatives = [alternative.split() for alternative in requirement.split("||")]
    if not all(alternatives):
        msg = f"found {requirement!r}, expected comparators such as '>=1.0.0 <2.0.0'"
        raise ValueError(msg)
    verdicts = [[_holds(comparator, version) for comparator in alternative] for alternative in alternatives]
    return any(all(verdict) for verdict in verdicts)


def _holds(comparator: str, version: Version) -> bool:
    if comparator in {"*", "x"}:
        return True
    match = _COMPARATOR.fullmatch(comparator)
    if match is None:
        msg = f"found {comparator!r}, expected a comparator such as '>=1.0.0', '^1.2.0', '~1.2.0' or '1.x'"
        raise ValueError(msg)
    sign, *texts, suffix = match.groups()
    known = [int(text) for text in texts if text is not None and text.isdigit()]
    if len(known) < len(texts) and sign in {None, "="}:
        return version.numbers[: len(known)] == tuple(known)
    numbers = [*known, 0, 0][: len(texts)]
    return _is_within(
        sign or "=", version, Version.parse(".".join(map(str, numbers)) + (f"-{suffix}" if suffix else ""))
    )


def _is_within(sign: str, version: Version, bound: Version) -> bool:
    if sign in _BOUNDS:
        return bool(_BOUNDS[sign](version, bound))
    if sign == "=":
        return version == bound
    significant = 2 if sign == "~" else next((place for place, number in enumerate(bound.numbers) if number), 2) + 1
    return version >= bound and version.numbers[:significant] == bound.numbers[:significant]
