"""The last line of defense: known secrets are taken out of everything, wherever they turn up."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

from edge_inspector.redaction import REDACTED, redact_text

_SHORTEST = 4  # a shorter one would take out parts of words; where it stands in the configuration it goes anyway
_LARGEST_FILE_BYTES = 4096


class Redactor:
    """Takes secrets out of text."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Learn the secrets, and how they are written in JSON and in addresses."""
        spelled = {
            spelling
            for secret in secrets
            if len(secret) >= _SHORTEST
            for spelling in (
                secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1],
                repr(secret)[1:-1], quote(secret), quote(secret, safe=""), quote_plus(secret),
            )
        }  # fmt: skip
        self._spelled = sorted(spelled, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return text without known secrets, and without what looks like one."""
        return self.known(redact_text(text))

    def known(self, text: str) -> str:
        """Return text without known secrets."""
        for secret in self._spelled:
            text = text.replace(secret, REDACTED)
        return text


def password_files(document: object) -> Iterator[str]:
    """Yield what is in the password files that a configuration names."""
    match document:
        case Mapping():
            for key, value in document.items():
                if str(key).endswith("_file") and isinstance(value, str):
                    yield from _content(value)
                else:
                    yield from password_files(value)
        case list() | tuple():
            for value in document:
                yield from password_files(value)


def _content(name: str) -> Iterator[str]:
    try:
        with Path(name).open("rb") as file:
            content = file.read(_LARGEST_FILE_BYTES)
    except (OSError, ValueError):
        return
    text = content.decode("utf-8", "replace")
    yield text.strip()
    yield from (line.strip() for line in text.splitlines())
