"""Files that a step reads and writes: JSON, and folders that begin empty."""

import json
import shutil
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from edge_inspector.detectors.model_file import Thresholds, explain
from edge_inspector.errors import ConfigError

Value = TypeVar("Value", bound=BaseModel)
_THRESHOLDS = TypeAdapter(dict[str, Thresholds])


def emptied(folder: Path) -> Path:
    """Return a folder with nothing in it; the folder itself stays, for it may be where another disk begins."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return folder


def write_json(path: Path, document: Any) -> None:  # noqa: ANN401 - any JSON
    """Write JSON for people and programs; the same document gives the same bytes."""
    path.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path, kind: type[Value]) -> Value:
    """Return what a file of JSON says.

    Raises:
        ConfigError: If it is not there, or is something else; names the field.
    """
    try:
        return kind.model_validate_json(_content(path))
    except ValidationError as error:
        raise ConfigError(explain(error, path)) from error


def read_thresholds(path: Path, class_names: tuple[str, ...]) -> dict[str, Thresholds]:
    """Return the thresholds by class, in the order of the classes.

    Raises:
        ConfigError: If the file is not there, is something else, or has other classes.
    """
    try:
        found = _THRESHOLDS.validate_json(_content(path))
    except ValidationError as error:
        raise ConfigError(explain(error, path)) from error
    if set(found) != set(class_names):
        msg = f"{path}: expected thresholds of {', '.join(class_names)}, found {', '.join(sorted(found)) or 'none'}"
        raise ConfigError(msg)
    return {name: found[name] for name in class_names}


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        msg = f"{path}: expected a file of an earlier step, found: {error.strerror}"
        raise ConfigError(msg) from error
