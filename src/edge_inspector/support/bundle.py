"""What goes into the bundle, each piece on its own: what one cannot be had for does not keep the others out."""

import json
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import edge_inspector
from edge_inspector.redaction import redact
from edge_inspector.support.configured import Configured
from edge_inspector.support.journal import read_journal
from edge_inspector.support.redactor import Redactor
from edge_inspector.support.surroundings import describe_surroundings, list_samples

CONTENTS = "contents.json"
_SHIPPED_MODEL = Path(edge_inspector.__file__).parent / "shipped_model"  # `app` would load ONNX Runtime for it
_MODEL_FILES = ("model.json", "README.md")
_LOGS = ("edge-inspector.log", "edge-inspector.log.1")
_LARGEST_BYTES = 4 << 20  # of one file; of a larger one the end is taken
_ASK_S = 2.0


class Bundle:
    """Collects members, and the reasons for what is missing.

    Attributes:
        members: Content by name, without secrets.
    """

    def __init__(self, redactor: Redactor) -> None:
        """Start empty.

        Args:
            redactor: Knows the secrets.
        """
        self.members: dict[str, bytes] = {}
        self._redactor = redactor
        self._missing: dict[str, str] = {}

    def add(self, name: str, text: str) -> None:
        """Add a text; whatever it holds of secrets is taken out."""
        self.members[name] = self._redactor.text(text).encode("utf-8", "backslashreplace")

    def add_document(self, name: str, document: object) -> None:
        """Add what was parsed; taken out by key too, not by the look of the text alone."""
        text = json.dumps(redact(document), indent=2, ensure_ascii=False) + "\n"
        self.members[name] = self._redactor.known(text).encode("utf-8", "backslashreplace")

    @contextmanager
    def piece(self, name: str) -> Iterator[None]:
        """Note why a piece is missing instead of failing with it."""
        try:
            yield
        except (OSError, ValueError, RecursionError, sqlite3.Error) as error:
            self._missing[name] = self._redactor.text(f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """Add the list of what is in it and what is not."""
        contents: dict[str, object] = {
            "files": {name: len(content) for name, content in sorted(self.members.items())},
            "missing": dict(sorted(self._missing.items())),
        }
        self.add(CONTENTS, json.dumps(contents, indent=2, ensure_ascii=False) + "\n")


def collect(configuration: Path | None) -> Mapping[str, bytes]:
    """Return the members of a bundle, by name.

    Args:
        configuration: The daemon's configuration file; the defaults when None.
    """
    configured = Configured.read(configuration)
    last_good = Configured.read(configured.last_good)
    bundle = Bundle(Redactor([*configured.secrets(), *last_good.secrets()]))
    _add_configuration(bundle, configured, last_good)
    home = configured.home
    pieces: dict[str, Callable[[], None]] = {
        "environment.json": lambda: bundle.add_document("environment.json", describe_surroundings(home)),
        "exits.json": lambda: bundle.add("exits.json", _tail(home / "exits.json")),
        "samples.json": lambda: bundle.add_document("samples.json", _samples(home / "samples")),
        "journal": lambda: _add_journal(bundle, home / "journal.db"),
        "metrics": lambda: _add_metrics(bundle, configured.metrics_port),
    }
    if (models := home / "models").is_dir():  # of a station whose models are updated
        pieces["models.json"] = _adds(bundle, "models.json", models / "state.json")
    running = _running_package(models) if configured.has_updates else None
    model = running or configured.model or _SHIPPED_MODEL
    pieces |= {f"model/{name}": _adds(bundle, f"model/{name}", model / name) for name in _MODEL_FILES}
    pieces |= {f"log/{name}": _adds(bundle, f"log/{name}", home / "log" / name) for name in _LOGS}
    for name, add in pieces.items():
        with bundle.piece(name):
            add()
    bundle.close()
    return bundle.members


def _add_configuration(bundle: Bundle, configured: Configured, last_good: Configured) -> None:
    if configured.text is not None:
        name, text = configured.without_secrets()
        bundle.add(f"configuration/{name}", text)
    if configured.problems:
        bundle.add("configuration/problems.txt", "\n".join(configured.problem_lines()) + "\n")
    if last_good.text is not None:
        _, text = last_good.without_secrets()
        bundle.add("configuration/last-good.json", text)


def _running_package(store: Path) -> Path | None:
    """Return the package that an update has left to run, or None; `models.store` would load OpenCV for it."""
    try:
        running = json.loads(_tail(store / "state.json"))["running"]
        name = f"{running['name']}-{running['version']}-{running['sha256'][:12]}"
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return None if "/" in name else store / name


def _add_journal(bundle: Bundle, path: Path) -> None:
    for name, text in read_journal(path).items():
        bundle.add(f"journal/{name}", text)


def _add_metrics(bundle: Bundle, port: int | None) -> None:
    if port is None:
        msg = "health.metrics_port is not set"
        raise ValueError(msg)
    for name in ("metrics", "healthz"):
        bundle.add(f"metrics/{name}.txt", _ask(f"http://127.0.0.1:{port}/{name}"))


def _ask(address: str) -> str:
    try:
        with urllib.request.urlopen(address, timeout=_ASK_S) as answer:  # noqa: S310 - loopback
            content: bytes = answer.read(_LARGEST_BYTES)
    except urllib.error.HTTPError as error:  # a station that is not well says so
        content = error.read(_LARGEST_BYTES)
    return content.decode("utf-8", "replace")


def _samples(folder: Path) -> dict[str, object]:
    folder.stat()
    return list_samples(folder)


def _adds(bundle: Bundle, name: str, path: Path) -> Callable[[], None]:
    return lambda: bundle.add(name, _tail(path))


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _LARGEST_BYTES))
        return file.read(_LARGEST_BYTES).decode("utf-8", "replace")
