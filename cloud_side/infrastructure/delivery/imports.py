"""Which files of the product a module needs: what it imports, also where it does so late, and what that imports."""

import ast
import re
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path
from typing import Final

from cloud_side.infrastructure.packages import ROOT
from edge_inspector.errors import ConfigError

_SOURCES: Final = {
    "cloud_side": ROOT / "cloud_side",
    "component": ROOT / "component",
    "edge_inspector": ROOT / "src" / "edge_inspector",
}
# Neither a function nor a container has these: see `packages`.
_ELSEWHERE: Final = ("cloud_side.infrastructure", "cloud_side.local", "cloud_side.loop")
_HANDLER: Final = re.compile(r"cloud_side(\.\w+){2,}")
_DOORS: Final = frozenset({"cloud_side.cli"})  # it imports all rooms, one a command


def needed(modules: Iterable[str], elsewhere: Collection[str] = _ELSEWHERE) -> frozenset[str]:
    """Return the files that modules need, themselves among them, as paths in the repository.

    Args:
        modules: By their names, `cloud_side.labeling.workflow`.
        elsewhere: Packages that are not looked into.

    Raises:
        ConfigError: If one of the modules is not there.
    """
    begun = sorted(modules)
    for name in begun:
        if _file(name) is None:
            msg = f"module {name}: expected a file of the product, found none"
            raise ConfigError(msg)
    found: dict[str, Path] = {}
    waiting = begun
    while waiting:
        name = waiting.pop()
        path = _file(name)
        if name in found or path is None or any(f"{name}.".startswith(f"{each}.") for each in elsewhere):
            continue
        found[name] = path
        waiting.extend(() if name in _DOORS else _imported(path))
        waiting.extend([name.rpartition(".")[0]] if "." in name else [])
    return frozenset(path.relative_to(ROOT).as_posix() for path in found.values())


@cache
def _file(module: str) -> Path | None:
    first, *rest = module.split(".")
    if first not in _SOURCES:
        return None
    path = _SOURCES[first].joinpath(*rest)
    return next((each for each in (path / "__init__.py", path.with_suffix(".py")) if each.is_file()), None)


@cache
def _imported(path: Path) -> frozenset[str]:
    """Return all that a file imports or names as a handler, and what may be modules: `from package import name`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                names.update(each.name for each in node.names)
            case ast.ImportFrom(module=str(package)):
                names.add(package)
                names.update(f"{package}.{each.name}" for each in node.names)
            case ast.Constant(value=str(text)) if _HANDLER.fullmatch(text):
                names.add(text.rpartition(".")[0])
            case _:
                pass
    return frozenset(names)
