"""Images of a set, gathered while files are read: each once, and none that a link leads out of the folder for."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from cloud_side.catalog.formats.files import Problems
from cloud_side.catalog.interchange import FormatError, ImageLabels, Json, LabelSet, check_inside_folder
from cloud_side.catalog.labels import LabelError


class Gathered:
    """The images read so far.

    Args:
        folder: Where images lie.
        problems: Where it says what is wrong.
    """

    def __init__(self, folder: Path, problems: Problems) -> None:
        self._folder = folder
        self._problems = problems
        self._places: dict[str, str] = {}
        self.images: list[ImageLabels] = []

    def add(self, place: str, image: ImageLabels) -> None:
        """Add an image that was read at a place.

        Raises:
            LabelError: If it was there before, or lies outside.
        """
        check_inside_folder(self._folder, image.name)
        if (before := self._places.get(image.name)) is not None:
            msg = f"expected each image once, found {image.name!r} at {before} too"
            raise LabelError(msg)
        self._places[image.name] = place
        self.images.append(image)

    def end(self, source: Path, class_names: tuple[str, ...], extra: Mapping[str, Json]) -> LabelSet:
        """Return the set.

        Raises:
            FormatError: If anything was wrong, or there is no image.
        """
        self._problems.end()
        if not self.images:
            raise FormatError([f"{source}: expected at least one image, found none"])
        try:
            return LabelSet(class_names, tuple(self.images), extra)
        except LabelError as error:
            raise FormatError([f"{source}: {error}"]) from error


def inside(folder: Path, files: Iterable[Path], problems: Problems) -> Iterator[Path]:
    """Yield the files that lie in a folder; those that a link has elsewhere are problems."""
    for file in files:
        with problems.at(file):
            check_inside_folder(folder, str(file.relative_to(folder)))
            yield file


def check_writable(labels: LabelSet, files: Iterable[str] = ()) -> None:
    """Let a set pass that can be written.

    Args:
        labels: The set.
        files: The file of labels of each image, where a form has one an image.

    Raises:
        FormatError: If it has no image, or two images would share a file.
    """
    if not labels.images:
        raise FormatError(["expected at least one image to write, found none"])
    owners: dict[str, str] = {}
    problems = [
        f"{image.name}: expected a file of labels of its own, found that {owners[file]} has {file} too"
        for image, file in zip(labels.images, files, strict=False)
        if owners.setdefault(file, image.name) != image.name
    ]
    if problems:
        raise FormatError(problems)
