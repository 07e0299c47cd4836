"""Files of labels: their text, their JSON, the sizes of their images, and what is wrong with them."""

import json
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from PIL import ExifTags, Image
from pydantic import BaseModel, ValidationError

from cloud_side.catalog.interchange import FormatError, check_inside_folder
from cloud_side.catalog.labels import LabelError, strict_json

_Model = TypeVar("_Model", bound=BaseModel)

_ON_ITS_SIDE = frozenset({5, 6, 7, 8})  # values of EXIF's orientation: viewers and trainers turn the image


class Problems:
    """What is wrong with files of labels, gathered until all are read."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def add(self, where: object, problem: object) -> None:
        """Remember one."""
        self._found += [f"{where}: {line}" for line in str(problem).splitlines()]

    @contextmanager
    def at(self, where: object) -> Iterator[None]:
        """Remember what is wrong in the block, and go on after it."""
        try:
            yield
        except LabelError as error:
            self.add(where, error)
        except FormatError as error:
            self._found += error.problems

    def end(self) -> None:
        """Raise them.

        Raises:
            FormatError: If there were any.
        """
        if self._found:
            raise FormatError(self._found)


def read_text(path: Path) -> str:
    """Return the text of a file, without the mark that some editors put at its beginning.

    Raises:
        FormatError: If it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise FormatError([f"{path}: expected a readable file, found: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise FormatError([f"{path}: expected UTF-8, found byte {error.object[error.start]:#x}"]) from error


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object that a file is.

    Raises:
        FormatError: If it is none, or has numbers that are not finite.
    """
    try:
        return _object(read_text(path))
    except json.JSONDecodeError as error:
        raise FormatError([f"{path}:{error.lineno}: expected JSON, found: {error.msg}"]) from error
    except (ValueError, RecursionError) as error:
        raise FormatError([f"{path}: {error}"]) from error


def read_json_lines(path: Path, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number and the object of each line that is not blank; lines that are no objects are problems."""
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield number, _object(line)
        except json.JSONDecodeError as error:
            problems.add(f"{path}:{number}", f"expected JSON, found: {error.msg} at column {error.colno}")
        except (ValueError, RecursionError) as error:
            problems.add(f"{path}:{number}", error)


def parse(model: type[_Model], document: object) -> _Model:
    """Return a document as the model says it must be.

    Raises:
        LabelError: If it is not; a line a problem, as `field: expected: ..., found ...`.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        lines = [
            f"{'.'.join(map(str, each['loc'])) or 'row'}: expected: {each['msg']}, found {each['input']!r:.80}"
            for each in error.errors()
        ]
        raise LabelError("\n".join(lines)) from error


def write_text(path: Path, text: str) -> None:
    """Write a file, and the folders it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def json_text(document: object) -> str:
    """Return strict JSON that UTF-8 can hold, whatever texts are in it."""
    text = strict_json(document)
    if text.isascii() or not any("\ud800" <= each <= "\udfff" for each in text):
        return text
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)


def image_wh(folder: Path, name: str) -> tuple[int, int]:
    """Return width and height of an image as a viewer shows it; only the head of the file is read.

    Raises:
        LabelError: If there is no such image in the folder.
    """
    path = check_inside_folder(folder, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # nothing is decompressed here
            with Image.open(path) as image:
                width, height = image.size
                turned = image.getexif().get(ExifTags.Base.Orientation) in _ON_ITS_SIDE
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        msg = f"expected an image at {path}, whose size is needed, found: {error}"
        raise LabelError(msg) from error
    return (height, width) if turned else (width, height)


def _object(text: str) -> dict[str, Any]:
    document = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    if not isinstance(document, dict):
        msg = f"expected a JSON object, found {document!r:.80}"
        raise ValueError(msg)  # noqa: TRY004 - of the same kind as text that is no JSON
    return document


def _refuse(constant: str) -> NoReturn:
    msg = f"expected finite numbers, found {constant}"
    raise ValueError(msg)


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text)
