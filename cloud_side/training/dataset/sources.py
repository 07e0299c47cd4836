"""Where labeled images come from: a version on the shelf, or any other place that gives the same of each."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from cloud_side.catalog.candidates import Reason
from cloud_side.catalog.exporting import image_of
from cloud_side.catalog.leaks import Treatment
from cloud_side.catalog.shelf import Manifest, Shelf
from cloud_side.catalog.versions import Entry

Pair: TypeAlias = tuple[str, str]  # hashes of two images, sorted


class Source(Protocol):
    """Labeled images, in the order of their hashes, each content once."""

    @property
    def name(self) -> str:
        """Of the dataset."""

    @property
    def version(self) -> str:
        """Hash of what training sees."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Sorted."""

    @property
    def entries(self) -> Sequence[Entry]:
        """The images, each with its split."""

    @property
    def unlabeled(self) -> int:
        """How many more there are that nobody labeled."""

    @property
    def copies(self) -> int:
        """How many more labeled files there are with the content of another."""

    @property
    def told_apart(self) -> Collection[Pair]:
        """Images that look the same and show different parts, as somebody said who looked at them."""

    def read(self, entry: Entry) -> bytes:
        """Return an image, which is the one of its hash; several threads may ask."""


@dataclass(frozen=True)
class VersionSource:
    """A version of a dataset.

    Attributes:
        shelf: Where it is kept.
        name: Of the dataset.
        version: Hash of what training sees.
        class_names: Sorted.
        entries: Its images.
        unlabeled: How many it left out because nobody had labeled them.
        copies: None: the catalog keeps each content once.
        told_apart: What it was made with `--near-duplicates report` for.
    """

    shelf: Shelf
    name: str
    version: str
    class_names: tuple[str, ...]
    entries: tuple[Entry, ...]
    unlabeled: int
    told_apart: frozenset[Pair]
    copies: int = field(default=0, init=False)

    def read(self, entry: Entry) -> bytes:
        """Return an image.

        Raises:
            DatasetError: If it is gone, or was changed.
        """
        return image_of(self.shelf, entry)


def version_source(shelf: Shelf, name: str, said: str) -> VersionSource:
    """Return a version of a dataset as a source.

    Args:
        shelf: Where it is kept.
        name: Of the dataset.
        said: Hash of the version, how that begins, or `latest`.

    Raises:
        ConfigError: If that is no name of a dataset.
        DatasetError: If there is no such version, or it was changed.
    """
    header = shelf.find(name, said)
    with shelf.open(header) as manifest:
        return VersionSource(
            shelf,
            header.name,
            header.version,
            header.class_names,
            tuple(manifest.entries()),
            unlabeled=header.document.get("excluded", {}).get(Reason.UNLABELED.value, 0),
            told_apart=frozenset(_told_apart(manifest)),
        )


def _told_apart(manifest: Manifest) -> Iterator[Pair]:
    if manifest.header.document.get("near_duplicates") == Treatment.REPORT.value:
        for note in manifest.notes("near_duplicate"):
            first, second = sorted(note["images"])
            yield first, second
