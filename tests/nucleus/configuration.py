"""A component's configuration: nested values, and when each leaf was written."""

import copy
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

KeyPath = tuple[str, ...]


class ConfigurationTree:
    """Values under key paths; each change says which leaves it changed."""

    def __init__(self, defaults: Mapping[str, Any]) -> None:
        self._defaults = copy.deepcopy(dict(defaults))
        self._values = copy.deepcopy(self._defaults)
        self._written_at_s = dict.fromkeys(dict(_leaves(self._values)), time.time())

    def get(self, path: Sequence[str] = ()) -> Any:
        """Return what is at the path; a KeyError if nothing is."""
        return _at(self._values, path)

    def copy(self) -> "ConfigurationTree":
        return copy.deepcopy(self)

    def has_newer(self, path: KeyPath, value: object, timestamp_s: float) -> bool:
        return any(self._written_at_s.get(leaf, 0) > timestamp_s for leaf, _ in _leaves(value, path))

    def merge(self, path: KeyPath, value: object, timestamp_s: float | None = None) -> list[KeyPath]:
        """Write the leaves that are not newer already, and return those that changed."""
        at_s = time.time() if timestamp_s is None else timestamp_s
        changed = []
        for leaf, new in _leaves(value, path):
            if self._written_at_s.get(leaf, 0) <= at_s:
                changed += [leaf] if self._set(leaf, new) else []
                self._written_at_s[leaf] = at_s
        return changed

    def change(self, merge: Mapping[str, Any], *, reset: Sequence[Sequence[str]], to_default: bool) -> list[KeyPath]:
        """Reset and then merge, as a deployment does, and return the leaves that changed."""
        before = dict(_leaves(self.copy().get()))
        for path in reset:
            self._reset(tuple(path), to_default=to_default)
        self.merge((), merge)
        after = dict(_leaves(self._values))
        return [leaf for leaf in before | after if before.get(leaf, KeyError) != after.get(leaf, KeyError)]

    def _reset(self, path: KeyPath, *, to_default: bool) -> None:
        for leaf in [leaf for leaf in self._written_at_s if leaf[: len(path)] == path]:
            del self._written_at_s[leaf]
        parent = _at(self._values, path[:-1])
        del parent[path[-1]]
        if to_default:
            with suppress(KeyError):
                parent[path[-1]] = copy.deepcopy(_at(self._defaults, path))

    def _set(self, leaf: KeyPath, new: object) -> bool:
        node = self._values
        for key in leaf[:-1]:
            if not isinstance(node.get(key), dict):
                node[key] = {}
            node = node[key]
        is_changed = leaf[-1] not in node or node[leaf[-1]] != new
        node[leaf[-1]] = copy.deepcopy(new)
        return is_changed


def as_yaml_gives_them(value: Any) -> Any:
    """Turn every scalar into text, as nucleus lite reads a recipe that is YAML."""
    if isinstance(value, Mapping):
        return {key: as_yaml_gives_them(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_yaml_gives_them(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def count_objects(value: Any) -> int:
    """Count what nucleus lite has to hold for a JSON value: two for each entry of an object, one for each of a list."""
    if isinstance(value, Mapping):
        return sum(2 + count_objects(item) for item in value.values())
    return sum(1 + count_objects(item) for item in value) if isinstance(value, list) else 0


def _at(values: Any, path: Sequence[str]) -> Any:
    for key in path:
        if not isinstance(values, dict):
            raise KeyError(key)
        values = values[key]
    return values


def _leaves(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    else:
        yield path, value
