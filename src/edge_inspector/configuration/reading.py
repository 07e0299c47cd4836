"""Reads a configuration file: TOML, or JSON by its suffix."""

import json
import tomllib
from pathlib import Path

from edge_inspector.errors import ConfigError
from edge_inspector.settings import Settings, parse


def read_settings(path: Path) -> Settings:
    """Read a configuration file, TOML or JSON by its suffix.

    Raises:
        ConfigError: If it cannot be read, or with every problem in it.
    """
    return settings_in(read_content(path), path)


def read_content(path: Path) -> bytes:
    """Return what a file holds.

    Raises:
        ConfigError: If it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        msg = f"{path}: cannot be read: {error}"
        raise ConfigError(msg) from error


def settings_in(content: bytes, path: Path) -> Settings:
    """Return the settings that a file's content stands for; `path` gives the format and the name in errors.

    Raises:
        ConfigError: With every problem.
    """
    return parse(document_in(content, path), name=str(path))


def document_in(content: bytes, path: Path) -> dict[str, object]:
    """Return the sections by name, unchecked.

    Raises:
        ConfigError: If the content is not what the suffix of `path` promises.
    """
    is_json = path.suffix == ".json"
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        msg = f"{path}: cannot be read: {error}"
        raise ConfigError(msg) from error
    try:
        document: object = json.loads(text) if is_json else tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # beside the parsers' own: thousands of digits, or of brackets
        msg = f"{path}: expected {'JSON' if is_json else 'TOML'}, found: {error}"
        raise ConfigError(msg) from error
    if not isinstance(document, dict):
        msg = f"{path}: expected sections by name, found {type(document).__name__}"
        raise ConfigError(msg)
    return document
