"""Where versions are kept: `datasets/{name}/{version}.jsonl`, and beside each a seal that makes it one.

The seal `{version}.json` is the header once more, with the hash of the manifest's bytes. It is written last: a manifest
without a seal is a creation that was cut, and the next one seals it.
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cloud_side.catalog.labels import strict_json
from cloud_side.catalog.versions import DatasetError, Entry, Header, Identity, parse_entry, parse_header
from cloud_side.objects import LINES, Bucket
from edge_inspector.errors import ConfigError

ROOT: Final = "datasets/"
LATEST: Final = "latest"
_TAKEN: Final = "images"  # a prefix of another kind
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_CHUNK_BYTES: Final = 1 << 20
_SHORTEST: Final = 4  # digits of a version that a person may type


def check_name(name: str) -> str:
    """Return the name of a dataset.

    Raises:
        ConfigError: If it cannot be one.
    """
    if not _NAME.fullmatch(name) or name == _TAKEN:
        msg = f"dataset: expected a name of a-z, 0-9, '.', '_' and '-', 63 at most and not {_TAKEN!r}, found {name!r}"
        raise ConfigError(msg)
    return name


@dataclass(frozen=True)
class Manifest:
    """A version that is open: its file lies here, and is the one that was sealed."""

    header: Header
    path: Path

    def entries(self) -> Iterator[Entry]:
        """Yield the images in the order of their hashes.

        Raises:
            DatasetError: If they are not those of the version; after the last one.
        """
        identity = Identity(self.header.class_names)
        for line in self._lines():
            if "sha256" in line:
                entry = parse_entry(line, self.header.class_names)
                identity.add(entry)
                yield entry
        if identity.version() != self.header.version:
            msg = f"expected images whose hash is {self.header.version}, found {identity.version()}"
            raise DatasetError(msg)

    def notes(self, kind: str) -> Iterator[dict[str, Any]]:
        """Yield what the version says of one kind: `excluded`, `overruled` or `near_duplicate`."""
        for line in self._lines():
            if kind in line:
                yield line[kind]

    def _lines(self) -> Iterator[dict[str, Any]]:
        with self.path.open(encoding="utf-8") as file:
            next(file)
            yield from map(json.loads, file)


class Shelf:
    """The versions in a bucket.

    Args:
        bucket: Of the product.
    """

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket

    def names(self) -> list[str]:
        """Return the datasets that there are."""
        found = (each.removeprefix(ROOT) for each in self.bucket.names(ROOT))
        return sorted(name.strip("/") for name in found if name.endswith("/") and name != f"{_TAKEN}/")

    def versions(self, name: str, beginning: str = "") -> list[Header]:
        """Return the versions of a dataset whose hash begins so, the newest first; none where there are none."""
        keys = [each.key for each in self.bucket.listed(f"{ROOT}{name}/{beginning}") if each.key.endswith(".json")]
        return sorted(map(self._seal, keys), key=lambda header: header.age, reverse=True)

    def find(self, name: str, said: str) -> Header:
        """Return the version that is meant by `latest`, by its hash or by how that begins.

        Raises:
            DatasetError: If none is meant, or more than one.
        """
        check_name(name)
        if said != LATEST and len(said) < _SHORTEST:
            msg = f"{said}: expected {LATEST!r} or the first {_SHORTEST} digits of a version, at least"
            raise DatasetError(msg)
        meant = self.versions(name)[:1] if said == LATEST else self.versions(name, said)
        if len(meant) != 1:
            known = meant or self.versions(name)
            shown = ", ".join(each.version[:12] for each in known[:5]) or f"none of a dataset {name!r}"
            msg = f"{name}: expected one version that is or begins with {said!r}, found {len(meant)} among {shown}"
            raise DatasetError(msg)
        return meant[0]

    @contextmanager
    def open(self, header: Header) -> Iterator[Manifest]:
        """Have the manifest of a version as a file during the block.

        Raises:
            DatasetError: If it is not there, or was changed after it was sealed.
        """
        key = manifest_key(header.name, header.version)
        with tempfile.TemporaryDirectory(prefix="dataset-") as folder:
            path = Path(folder) / "manifest.jsonl"
            found = self._fetch(key, path)
            if found != header.sha256:
                msg = f"{self.bucket.address(key)}: expected sha256 {header.sha256}, found {found}: it was changed"
                raise DatasetError(msg)
            yield Manifest(header, path)

    def write(self, path: Path, header: Header) -> tuple[Header, bool]:
        """Keep a version, unless it is there.

        Args:
            path: Its manifest.
            header: The first line of that.

        Returns:
            The version as it is kept, and whether it is new.

        Raises:
            DatasetError: If something else lies under its key.
        """
        key = manifest_key(header.name, header.version)
        with path.open("rb") as file:
            if not self.bucket.write(key, file, is_new=True, media=LINES):
                path, header = self._left(key, path, header)
        seal = {**header.document, "manifest": {"sha256": sha256_of(path), "bytes": path.stat().st_size}}
        key = seal_key(header.name, header.version)
        is_new = self.bucket.write(key, strict_json(seal).encode(), is_new=True) is not None
        return self._seal(key), is_new

    def _left(self, key: str, beside: Path, header: Header) -> tuple[Path, Header]:
        """Return a manifest that is there already, as a file and as its header: whoever wrote it may have been cut."""
        path = beside.with_suffix(".kept")
        self._fetch(key, path)
        with path.open(encoding="utf-8") as file:
            kept = parse_header(read_json(file.readline(), key), key)
        if kept.version != header.version:
            msg = f"{self.bucket.address(key)}: expected version {header.version}, found {kept.version}"
            raise DatasetError(msg)
        for _ in Manifest(kept, path).entries():
            pass  # they are those of the version, or it raises
        return path, kept

    def _seal(self, key: str) -> Header:
        found = self.bucket.read(key)
        return parse_header(read_json(b"" if found is None else found.content, key), self.bucket.address(key))

    def _fetch(self, key: str, path: Path) -> str:
        if (found := self.bucket.open(key)) is None:
            msg = f"{self.bucket.address(key)}: expected the manifest of a version, found nothing"
            raise DatasetError(msg)
        digest = hashlib.sha256()
        with closing(found["Body"]) as body, path.open("wb") as file:
            for chunk in body.iter_chunks(_CHUNK_BYTES):
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest()


def manifest_key(name: str, version: str) -> str:
    """Return the key of a version's manifest."""
    return f"{ROOT}{name}/{version}.jsonl"


def seal_key(name: str, version: str) -> str:
    """Return the key of what says that the manifest is whole, and which bytes it has."""
    return f"{ROOT}{name}/{version}.json"


def sha256_of(path: Path) -> str:
    """Return the hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(text: str | bytes, origin: str) -> Any:  # noqa: ANN401 - any JSON
    """Return what a text says.

    Raises:
        DatasetError: If it is no JSON.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        msg = f"{origin}: expected JSON, found {text[:80]!r}"
        raise DatasetError(msg) from error
