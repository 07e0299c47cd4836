"""What a statement is, as far as it matters before it runs."""

import re
from collections.abc import Sequence

_LITERAL = re.compile(
    r"'(?P<text>(?:[^']|'')*)'|(?P<whole>[+-]?\d+)|(?P<number>[+-]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<word>null|true|false)",
    re.IGNORECASE,
)
_SKIPPED = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)+", re.DOTALL)
_WORD = re.compile(r"\w+")
_WORDS = {"null": None, "true": True, "false": False}


class StatementError(ValueError):
    """A statement, or a parameter of one, that cannot be run."""


def require_select(text: str) -> None:
    """Let a statement pass that reads.

    Raises:
        StatementError: If it is another one.
    """
    skipped = _SKIPPED.match(text)
    found = _WORD.match(text, skipped.end() if skipped else 0)
    if found is None or found[0].upper() not in {"SELECT", "WITH"}:
        begins = f"{text.strip()!r:.80}"
        msg = f"expected a statement that begins with SELECT or WITH, found {begins}: this engine only reads"
        raise StatementError(msg)


def values_of(parameters: Sequence[str]) -> list[object]:
    """Return the values of execution parameters, each a literal of SQL: a text has its own quotes.

    Raises:
        StatementError: If one is no literal.
    """
    return [_value(parameter) for parameter in parameters]


def _value(parameter: str) -> object:
    found = _LITERAL.fullmatch(parameter.strip())
    if found is None:
        msg = f"execution parameter {parameter!r:.80}: expected a number, or a text in single quotes"
        raise StatementError(msg)
    if (text := found["text"]) is not None:
        return text.replace("''", "'")
    if (word := found["word"]) is not None:
        return _WORDS[word.lower()]
    if (whole := found["whole"]) is None or not -(2**63) <= int(whole) < 2**63:
        return float(parameter)
    return int(whole)


def words_of(text: str) -> set[str]:
    """Return the words of a statement in lower case: names that are not among them are not in it."""
    return {word.lower() for word in re.findall(r"[\w-]+", text)} | {word.lower() for word in _WORD.findall(text)}
