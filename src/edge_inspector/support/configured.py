"""What can be known of a configuration, however broken it is: where things are, and itself without secrets."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge_inspector.errors import ConfigError
from edge_inspector.redaction import redact, redact_lines, redact_text, secrets_in, secrets_in_text
from edge_inspector.settings import Settings, parse
from edge_inspector.support.redactor import password_files

_LAST_GOOD = Path("configuration/last-good.json")  # in the home folder
_DEFAULTS = Settings()
_PLAIN_FILES = re.compile(r"""([\w-]+_file)["']?\s*[=:]\s*["']([^"']+)["']""")
_PLAIN = re.compile(r"""^\s*["']?(dir|camera)["']?\s*[=:]\s*["']([^"']+)["']""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Configured:
    """A configuration file as far as it can be understood.

    Attributes:
        name: The file; empty where none was given.
        text: What is in it; None where it cannot be read.
        document: The same parsed; None where it cannot be.
        problems: What is wrong with it, in words.
    """

    name: str = ""
    text: str | None = None
    document: Mapping[str, object] | None = None
    problems: tuple[str, ...] = field(default=())

    @classmethod
    def read(cls, path: Path | None) -> "Configured":
        """Read a file, TOML or JSON by its suffix; nothing is raised."""
        if path is None:
            return cls(document={})
        try:
            text = path.read_bytes().decode("utf-8", "backslashreplace")
        except OSError as error:
            return cls(path.name, problems=(f"{path}: cannot be read: {error.strerror}",))
        try:
            document: object = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            return cls(path.name, text, problems=(f"{path}: cannot be parsed: {error}",))
        if not isinstance(document, dict):
            return cls(path.name, text, problems=(f"{path}: expected sections by name",))
        try:
            parse(document, name=str(path))
        except ConfigError as error:
            return cls(path.name, text, document, tuple(str(error).splitlines()))
        return cls(path.name, text, document)

    @property
    def home(self) -> Path:
        """The daemon's home, or where it would most likely be."""
        folder = self._value("state", "dir") or str(_DEFAULTS.state.dir)
        camera = self._value("station", "camera") or _DEFAULTS.station.camera
        return Path(folder) / camera

    @property
    def last_good(self) -> Path:
        """The configuration that worked last."""
        return self.home / _LAST_GOOD

    @property
    def model(self) -> Path | None:
        """The model package, where one is named."""
        found = self._value("model", "path")
        return None if found is None else Path(found)

    @property
    def has_updates(self) -> bool:
        """Whether models are updated."""
        updates = self._entry("model", "updates")
        return isinstance(updates, Mapping) and updates.get("folder") is not None

    @property
    def metrics_port(self) -> int | None:
        """Where a running daemon tells how it is; None where that is off or not known."""
        found = str(self._entry("health", "metrics_port"))
        return int(found) or None if found.isdecimal() else None

    def secrets(self) -> Iterator[str]:
        """Yield the secrets that it holds or points to."""
        if self.document is not None:
            yield from secrets_in(self.document)
            yield from password_files(self.document)
        elif self.text is not None:
            yield from secrets_in_text(self.text)
            yield from password_files(dict(_PLAIN_FILES.findall(self.text)))

    def without_secrets(self) -> tuple[str, str]:
        """Return a name and a text to show; comments are left out where it can be parsed."""
        stem = Path(self.name).stem or "none"
        if self.document is not None:
            return f"{stem}.json", json.dumps(redact(self.document), indent=2, ensure_ascii=False) + "\n"
        return f"{self.name}.txt", redact_lines(self.text or "")

    def problem_lines(self) -> list[str]:
        """Return what is wrong with it, without what it quotes of secrets."""
        return [redact_text(problem) for problem in self.problems]

    def _value(self, section: str, key: str) -> str | None:
        if self.document is None:
            return dict(_PLAIN.findall(self.text or "")).get(key)
        found = self._entry(section, key)
        return found if isinstance(found, str) and found and "\0" not in found else None

    def _entry(self, section: str, key: str) -> object:
        entries = (self.document or {}).get(section)
        return entries.get(key) if isinstance(entries, Mapping) else None
