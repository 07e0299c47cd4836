"""Secrets: where a configuration, a log line or an address may hold one, and what is written in its place."""

import re
from collections.abc import Iterator, Mapping, Sequence

REDACTED = "[redacted]"

_WORDS = (
    r"pas+w|(?<![a-z])pass(?![a-z])|passphrase|kennwort|pwd|\bpw\b|secret|token|credential|api[_-]?key|access[_-]?key"
    r"|private[_-]?key|authorization|bearer|signature"
)
_SECRET = re.compile(_WORDS, re.IGNORECASE)
_PATHS = ("/", "./", "../", "~/")
# Greedy, to the last @ of the word: a password may hold a slash or an @.
_USER_AND_PASSWORD = re.compile(r"([a-z][a-z0-9+.-]{0,20}://)[^\s\"'<>]*@", re.IGNORECASE)
_WORD = re.compile(r"[^\s\"'<>]+")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]{0,20}://[^\s\"'<>]+", re.IGNORECASE)
_PARAMETER = re.compile(r"([?&;])([^=&;\s]+)=([^&;\s]*)")
_HARMLESS_PARAMETERS = frozenset(
    {"camera", "channel", "codec", "fps", "height", "profile", "resolution", "stream", "subtype", "unicast", "width"}
)
_PAIR = re.compile(
    rf"((?:{_WORDS})(?![\w-]{{0,60}}_file)[\w-]{{0,60}}\\*[\"']?\s*[=:]\s*(?:(?:basic|bearer|digest)\s+)?)"
    r"(?:\[redacted\]|(?P<escaped>\\+\").*?(?P=escaped)|(?P<double>\")(?:[^\"\\\n]|\\.)*\"|(?P<single>')[^'\n]*'|[^\s,;&\"'}\])]+)",
    re.IGNORECASE,
)
_KEY = re.compile(rf"(?:{_WORDS})(?P<rest>[\w-]*)", re.IGNORECASE)
_STARTS_SOMETHING = re.compile(r"\s*($|#|\[|[}\]]|[\"']?[\w.-]+[\"']?\s*[=:])")
_FILE_OF_A_SECRET = re.compile(r"^\s*[\"']?[\w.-]*_file[\"']?\s*[=:]\s*([\"'])(?:\.{0,2}|~)/[^\"']*\1")
_COMMENT = re.compile(r"(^|\s)#.*")
_TRIPLE = re.compile("\"\"\"|'''")


def is_secret(key: str, value: object) -> bool:
    """Return whether the value under a key must not be shown; a file that holds a secret is none."""
    if value is None or not _SECRET.search(key):
        return False
    return not (key.endswith("_file") and isinstance(value, str) and value.startswith(_PATHS))


def redact(document: object) -> object:
    """Return a parsed configuration without its secrets, made of what JSON knows."""
    match document:
        case Mapping():
            return {
                str(key): REDACTED if is_secret(str(key), value) else redact(value) for key, value in document.items()
            }
        case str():
            return redact_text(document)
        case bool() | int() | float() | None:
            return document
        case Sequence():
            return [redact(value) for value in document]
        case _:
            return str(document)  # a date of TOML's


def redact_text(text: str) -> str:
    """Return text of any kind without passwords in addresses, and without the values of what is named like a secret."""
    text = _WORD.sub(_without_password, text)
    text = _ADDRESS.sub(lambda address: _PARAMETER.sub(_without_value, address[0]), text)
    return _PAIR.sub(_without_pair, text)


def redact_lines(text: str) -> str:
    """Return a configuration that cannot be parsed without what may be a secret in it; rather too much than too little.

    From a key that is named like a secret on, the rest of its line goes, and the lines below it that begin nothing of
    their own. A section that is named like a secret goes as a whole, and so does every comment.
    """
    return "\n".join(_without_secrets(text.splitlines())) + ("\n" if text.endswith("\n") else "")


def secrets_in(document: object) -> Iterator[str]:
    """Yield the texts in a parsed configuration that `redact` takes out."""
    match document:
        case Mapping():
            for key, value in document.items():
                yield from _texts(value) if is_secret(str(key), value) else secrets_in(value)
        case str():
            for address in _ADDRESS.findall(document):
                _, found, rest = address.rpartition("@")
                if found:
                    yield address.rpartition("@")[0].partition("://")[2].partition(":")[2]
                for _, name, value in _PARAMETER.findall(rest):
                    if name.lower() not in _HARMLESS_PARAMETERS:
                        yield value
        case Sequence():
            for value in document:
                yield from secrets_in(value)


def secrets_in_text(text: str) -> Iterator[str]:
    """Yield what in a configuration that cannot be parsed is certainly a secret."""
    yield from secrets_in(text)
    for pair in _PAIR.finditer(text):
        yield pair[0][len(pair[1]) :].strip("\"'")


def _texts(value: object) -> Iterator[str]:
    match value:
        case Mapping():
            for inner in value.values():
                yield from _texts(inner)
        case str():
            yield value
        case Sequence():
            for inner in value:
                yield from _texts(inner)
        case _:
            yield str(value)


def _without_password(word: re.Match[str]) -> str:
    """A word is looked at closely only where it may hold a password: the pattern is slow on many `://` without an @."""
    found = word[0].find("://")
    return _USER_AND_PASSWORD.sub(rf"\1{REDACTED}@", word[0]) if 0 <= found < word[0].rfind("@") else word[0]


def _without_value(parameter: re.Match[str]) -> str:
    start, name, value = parameter.groups()
    return f"{start}{name}={value if name.lower() in _HARMLESS_PARAMETERS else REDACTED}"


def _without_pair(pair: re.Match[str]) -> str:
    quote = pair["escaped"] or pair["double"] or pair["single"] or ""
    return f"{pair[1]}{quote}{REDACTED}{quote}"


def _without_secrets(lines: Sequence[str]) -> Iterator[str]:
    goes_on, in_section, until = False, False, ""
    for line in (_COMMENT.sub(r"\1#", line) for line in lines):
        if until:  # inside a text of several lines
            yield REDACTED
            until = "" if until in line else until
            continue
        if line.lstrip().startswith("["):
            in_section = _key(line) is not None
        elif in_section or (goes_on and not _STARTS_SOMETHING.match(line)):
            yield REDACTED
            continue
        found = _key(line)
        goes_on = found is not None
        if found is None:
            yield redact_text(line)
            continue
        yield f"{redact_text(line[: found.end()])} {REDACTED}"
        quotes = _TRIPLE.findall(line, found.end())
        until = quotes[0] if len(quotes) % 2 else ""


def _key(line: str) -> re.Match[str] | None:
    """Return where something in a line is named like a secret, and no file."""
    file = _FILE_OF_A_SECRET.match(line)
    named = _KEY.finditer(line, 0 if file is None else file.end())
    return next((found for found in named if not found["rest"].endswith("_file")), None)
