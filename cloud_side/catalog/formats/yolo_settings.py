"""The `data.yaml` of a YOLO set: its classes, and where the images of its splits are."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import yaml

from cloud_side.catalog.formats.files import Problems, read_text
from cloud_side.catalog.interchange import SPLIT_WORDS, FormatError, Json, check_word
from cloud_side.catalog.labels import LabelError

OWN: Final = "yolo"

_FILE: Final = "data.yaml"
_READ: Final = frozenset({"names", "nc", "path", *SPLIT_WORDS})
_MOST_CHARACTERS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class YoloSettings:
    """What the file says.

    Attributes:
        path: The file.
        class_names: In the order of their numbers.
        splits: Folders or lists of images, from the folder of the file.
        kept: What else it says.
    """

    path: Path
    class_names: tuple[str, ...]
    splits: Mapping[str, Sequence[str]]
    kept: Mapping[str, Json]

    @property
    def folder(self) -> Path:
        """Where names of images begin."""
        return self.path.parent

    @classmethod
    def read(cls, file: Path) -> "YoloSettings":
        """Read it.

        Raises:
            FormatError: With all problems.
        """
        texts, values = _load(file)
        problems = Problems()
        names: tuple[str, ...] = ()
        splits: dict[str, list[str]] = {}
        with problems.at(f"{file}: names"):
            names = _class_names(texts.get("names"))
        if names and texts.get("nc") not in (None, str(len(names))):
            problems.add(file, f"nc: expected {len(names)}, the number of names, found {texts['nc']!r}")
        for key in (key for key in texts if key in SPLIT_WORDS):
            with problems.at(f"{file}: {key}"):
                entries = _entries(file.parent, texts.get("path"), texts[key])
                splits.setdefault(SPLIT_WORDS[key], []).extend(entries)
        kept: dict[str, Json] = {}
        with problems.at(file):
            kept = _plain({key: value for key, value in values.items() if key not in _READ})
        problems.end()
        return cls(file, names, splits, kept)


def settings_file(folder: Path) -> Path | None:
    """Return the file of a folder: `data.yaml`, or another YAML if it is the only one that has names."""
    if (folder / _FILE).is_file():
        return folder / _FILE
    found = [file for file in folder.glob("*.y*ml") if _has_names(file)]
    return found[0] if len(found) == 1 else None


def settings_text(class_names: Sequence[str], splits: Sequence[str], kept: Mapping[str, Json]) -> str:
    """Return the text of the file for a set whose images are listed in `train.txt` and so on."""
    # No `path`: where it is missing, trainers begin at the file itself.
    document = {
        **{split: f"{split}.txt" for split in splits},
        "nc": len(class_names),
        "names": list(class_names),
        **{key: value for key, value in kept.items() if key not in _READ},
    }
    text: str = yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=1_000)
    return text


def _load(file: Path) -> tuple[dict[str, Any], dict[Any, Any]]:
    """Return what the file says, once with all values as they are written: a class may be called `no`, or `1e3`."""
    text = read_text(file)
    if len(text) > _MOST_CHARACTERS:
        raise FormatError([f"{file}: expected {_MOST_CHARACTERS} characters at most, found {len(text)}"])
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):
            raise FormatError([f"{file}: expected YAML without aliases, found one"])
        texts = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - safer than SafeLoader: knows nothing but text
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise FormatError([f"{file}: expected YAML, found: {' '.join(str(error).split())}"]) from error
    if not isinstance(texts, dict) or not isinstance(values, dict):
        raise FormatError([f"{file}: expected keys with values, found {texts!r:.80}"])
    return texts, values


def _has_names(file: Path) -> bool:
    try:
        return any(line.startswith("names:") for line in read_text(file).splitlines())
    except FormatError:
        return False


def _class_names(names: object) -> tuple[str, ...]:
    if isinstance(names, Mapping):
        numbers = {str(number) for number in range(len(names))}
        if set(names) != numbers:
            msg = f"expected numbers from 0 to {len(names) - 1}, found {', '.join(map(str, names))}"
            raise LabelError(msg)
        names = [names[number] for number in sorted(numbers, key=int)]
    if not isinstance(names, list):
        msg = f"expected a list of classes, or a mapping from their numbers, found {names!r:.80}"
        raise LabelError(msg)
    words = tuple(check_word(name.strip() if isinstance(name, str) else name, "class") for name in names)
    if len(set(words)) < len(words):
        msg = f"expected each class once, found {', '.join(words)}"
        raise LabelError(msg)
    return words


def _entries(folder: Path, base: object, value: object) -> list[str]:
    """Return where the images of a split are, from the folder; none where it is empty."""
    if value in ("", "null", "~"):
        return []
    entries = value if isinstance(value, list) else [value]
    start = base if isinstance(base, str) and _is_inside(base) and (folder / base).is_dir() else ""
    return [_entry(folder, start, entry) for entry in entries]


def _entry(folder: Path, start: str, entry: object) -> str:
    if not isinstance(entry, str):
        msg = f"expected a folder or a list of images, found {entry!r:.80}"
        raise LabelError(msg)
    if (path := Path(entry)).is_absolute() and path.is_relative_to(folder.absolute()):
        start, entry = "", path.relative_to(folder.absolute()).as_posix()
    inner = entry.removeprefix("../")  # as sets are written that are meant for a folder beside them
    if not _is_inside(inner):
        msg = f"expected a path inside the folder, found {entry!r:.200}"
        raise LabelError(msg)
    return (PurePosixPath(start) / inner).as_posix()


def _is_inside(path: str) -> bool:
    return not path.startswith("/") and ".." not in path.split("/") and "\\" not in path and ":" not in path


def _plain(kept: Mapping[Any, Any]) -> dict[str, Json]:
    try:
        plain: dict[str, Json] = json.loads(json.dumps(kept, default=str, allow_nan=False))
    except (ValueError, TypeError) as error:
        msg = f"expected plain values, found: {error}"
        raise LabelError(msg) from error
    return plain
