"""The two engines by name: `aws`, and `local:FOLDER`, as `EDGE_INSPECTOR_ENGINE` says it."""

import os
from pathlib import Path

from edge_inspector.errors import ConfigError

ENGINE_VARIABLE = "EDGE_INSPECTOR_ENGINE"
AWS = "aws"
_LOCAL = "local:"


def local_engine(folder: Path) -> str:
    """Return the name of the engine in a folder."""
    return f"{_LOCAL}{folder.absolute()}"


def engine_folder() -> Path | None:
    """Return the folder of the local engine that `EDGE_INSPECTOR_ENGINE` names now; None for AWS.

    Raises:
        ConfigError: If it names no engine.
    """
    return folder_of(os.environ.get(ENGINE_VARIABLE, AWS))


def folder_of(engine: str) -> Path | None:
    """Return the folder of a local engine; None for AWS.

    Raises:
        ConfigError: If it names no engine.
    """
    if engine == AWS:
        return None
    if engine.startswith(_LOCAL) and engine != _LOCAL:
        return Path(os.path.expanduser(engine.removeprefix(_LOCAL)))  # noqa: PTH111 - Path's raises for unknown users
    msg = f"{ENGINE_VARIABLE}: found {engine!r}, expected `{AWS}` or `{_LOCAL}FOLDER`"
    raise ConfigError(msg)
