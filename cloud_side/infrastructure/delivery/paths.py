"""Files as the patterns of paths by which a push starts a pipeline, within what CodePipeline takes.

Source:
    Patterns: https://docs.aws.amazon.com/codepipeline/latest/userguide/syntax-glob.html. Limits: GitConfiguration and
    GitFilePathFilterCriteria in https://docs.aws.amazon.com/codepipeline/latest/APIReference/.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from pathlib import PurePosixPath
from typing import Final

from edge_inspector.errors import ConfigError

_MOST_FILTERS: Final = 3
_MOST_PATTERNS: Final = 8
_MOST_CHARACTERS: Final = 255
_SHARED: Final = frozenset({"cloud_side", "src/edge_inspector"})  # many units' files lie there: each by its name
_TOKEN: Final = re.compile(r"(\*\*|\*|\?|\{|\}|,)")
_MEANS: Final = {"**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")", ",": "|"}


def starts(patterns: Iterable[str], path: str) -> bool:
    """Return whether a change of a file starts a pipeline that has these patterns."""
    return any(_expression(pattern).fullmatch(path) for pattern in patterns)


def patterns_for(files: Iterable[str], own: Sequence[str]) -> tuple[str, ...]:
    """Return patterns that cover files: a unit's own, and for the others their folders, without those below.

    Args:
        files: Paths in the repository.
        own: Patterns that the unit has in any case.
    """
    folders: dict[str, set[str]] = defaultdict(set)
    for path in map(PurePosixPath, files):
        if not starts(own, str(path)):
            folders[str(path.parent)].add(path.name)
    singles: dict[tuple[str, str], set[str]] = defaultdict(set)
    whole: dict[tuple[str, str], set[str]] = defaultdict(set)
    for folder, names in folders.items():
        if folder in _SHARED or names == {"__init__.py"}:
            for name in names:
                stem, dot, suffix = name.partition(".")
                singles[folder, dot + suffix].add(stem)
        else:
            parent, _, name = folder.rpartition("/")
            whole[parent, "/*"].add(name)
    others = [
        each
        for (folder, end), names in sorted([*singles.items(), *whole.items()])
        for each in _join(folder, names, end)
    ]
    return (*own, *others)


def filters(patterns: Sequence[str], name: str) -> tuple[tuple[str, ...], ...]:
    """Return patterns as the filters of a trigger, of which one that fits is enough.

    Args:
        patterns: Of paths.
        name: Of the pipeline, for the error.

    Raises:
        ConfigError: If they are more than a trigger takes.
    """
    most = _MOST_FILTERS * _MOST_PATTERNS
    if len(patterns) > most:
        msg = f"pipeline {name}: expected at most {most} patterns of paths, found {len(patterns)}"
        raise ConfigError(msg)
    if long := [pattern for pattern in patterns if len(pattern) > _MOST_CHARACTERS]:
        msg = f"pipeline {name}: expected patterns of at most {_MOST_CHARACTERS} characters, found {long[0]}"
        raise ConfigError(msg)
    return tuple(tuple(patterns[at : at + _MOST_PATTERNS]) for at in range(0, len(patterns), _MOST_PATTERNS))


def _join(folder: str, names: Collection[str], end: str) -> list[str]:
    """Return `folder/{a,b}END`, in as many patterns as it takes."""
    begin = f"{folder}/" if folder else ""
    lines: list[list[str]] = [[]]
    for name in sorted(names):
        if lines[-1] and len(_one(begin, [*lines[-1], name], end)) > _MOST_CHARACTERS:
            lines.append([])
        lines[-1].append(name)
    return [_one(begin, line, end) for line in lines]


def _one(begin: str, names: Sequence[str], end: str) -> str:
    return f"{begin}{names[0]}{end}" if len(names) == 1 else f"{begin}{{{','.join(names)}}}{end}"


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(_MEANS.get(each, re.escape(each)) for each in _TOKEN.split(pattern)))
