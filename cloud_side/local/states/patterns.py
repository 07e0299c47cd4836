"""The regular expressions of JSONata, which give up: those of Python hold all threads for as long as they look.

`/^(a+)+$/` may look for years; an engine with one of them in it would do nothing more, and would not even stop.
"""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import regex
from jsonata.regex_engine import RegexFlags

PatternError = regex.error
_LONGEST_S = 1.0  # of the processor; AWS gives as long to a whole expression
_GROUP = re.compile(r"\\g<(\d+)>")  # what the library makes of $1 in a replacement

Match: TypeAlias = Any  # the package has no types


@dataclass(frozen=True)
class Pattern:
    """A compiled regular expression, as the library wants it. All of it raise a TimeoutError rather than look on.

    Attributes:
        compiled: By the package `regex`, which lets other threads run meanwhile.
        most: How many finds `sub` replaces; 0 for all of them.
    """

    compiled: Any
    most: int = 0

    def up_to(self, limit: float) -> "Pattern":
        """Return the one that replaces the first finds only."""
        return replace(self, most=math.ceil(limit))

    def search(self, text: str) -> Match | None:
        """Return the first find."""
        return self.compiled.search(text, timeout=_LONGEST_S)

    def finditer(self, text: str) -> Iterator[Match]:
        """Return all finds, one by one."""
        return iter(self.compiled.finditer(text, timeout=_LONGEST_S))

    def split(self, text: str) -> list[str]:
        """Return what is between the finds."""
        return list(self.compiled.split(text, timeout=_LONGEST_S))

    def sub(self, replacement: str | Callable[[Match], str], text: str) -> str:
        """Replace the finds; in a replacement only groups mean more than what they are."""
        filled = replacement if callable(replacement) else lambda found: _filled(replacement, found)
        return str(self.compiled.sub(filled, text, count=self.most, timeout=_LONGEST_S))


def compiled(pattern: str, flags: RegexFlags) -> Pattern:
    """Return a regular expression.

    Raises:
        PatternError: If it is none.
    """
    insensitive, multiline = flags.case_insensitive * regex.IGNORECASE, flags.multiline * regex.MULTILINE
    return Pattern(regex.compile(pattern, insensitive | multiline))


def _filled(replacement: str, found: Match) -> str:
    def group(reference: re.Match[str]) -> str:
        digits, after = reference[1], ""
        while digits and int(digits) > len(found.groups()):  # $12 where there is one group is $1 and a 2
            digits, after = digits[:-1], digits[-1] + after if len(digits) > 1 else ""
        return (found[int(digits)] or "" if digits else "") + after

    return _GROUP.sub(group, replacement)
