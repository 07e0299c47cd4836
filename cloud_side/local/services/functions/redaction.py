"""What a function must not tell: the values of its secret variables, and what is named like a secret in a text."""

import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from edge_inspector.redaction import REDACTED, redact_text

_SHORTEST = 4  # what is shorter stands in every other word
_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)?(?![a-z])|pwd|secret|token|credential|key|authorization", re.IGNORECASE
)


class Redactor:
    """Takes secrets out of texts."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Learn the secrets of a function.

        Args:
            environment: The variables of the function; those with a name like a secret's have one as their value.
        """
        found = {form for name, value in environment.items() if _SECRET_NAME.search(name) for form in _forms(value)}
        longest_first = sorted(found, key=len, reverse=True)
        self._longest = max(map(len, longest_first), default=0)
        self._values = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def redact(self, text: str, *, is_cut: bool = False) -> str:
        """Return a text without its secrets; of one that was cut not its end either, which may be a part of one."""
        if self._values is not None:
            text = self._values.sub(REDACTED, text)
        if "=" in text or ":" in text:  # looking closer takes its time
            text = redact_text(text)
        return f"{text[: len(text) - self._longest].rpartition(' ')[0]} … the rest is left out" if is_cut else text


def _forms(value: str) -> Iterator[str]:
    """Yield the ways in which a value is written; one of several lines is written line by line too."""
    for part in (value, *value.splitlines()):
        for form in (part, json.dumps(part)[1:-1], repr(part)[1:-1], quote(part, safe="")):
            if len(form) >= _SHORTEST:
                yield form
