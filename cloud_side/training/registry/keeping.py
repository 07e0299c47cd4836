"""What is kept of a registered model below `models/NAME/VERSION/`: its archive, its scores, and why it passed.

The archive is written first and never again: another content under a version that exists is refused.
"""

import hashlib
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

from cloud_side.objects import Bucket
from cloud_side.training.registry.archive import pack
from cloud_side.training.registry.packages import MODELS, Registered, RegistryError

ARCHIVE: Final = "model.tar.gz"
PREDICTIONS: Final = "predictions.jsonl"
EVALUATION: Final = "evaluation.json"
GATE: Final = "gate.json"
_MEDIA: Final = {".json": "application/json", ".html": "text/html; charset=utf-8", ".jsonl": "application/x-ndjson"}
_CHUNK_BYTES: Final = 1 << 20


def folder_of(name: str, version: str) -> str:
    """Return where the files of a version lie, with a slash at the end."""
    return f"{MODELS}{name}/{version}/"


def keep_archive(bucket: Bucket, name: str, version: str, package: Path) -> str:
    """Keep a model package folder, unless it is there, and return the sha256 of its archive.

    Raises:
        RegistryError: If another content is there.
    """
    key = folder_of(name, version) + ARCHIVE
    with tempfile.TemporaryFile() as file:
        pack(package, file)
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        if bucket.write(key, file, is_new=True, media="application/gzip") is not None:
            return sha256
    there = _sha256_of(bucket, key)
    if there != sha256:
        msg = (
            f"{bucket.address(key)}: expected no version {version} of {name} yet, or the same content (sha256 "
            f"{sha256[:12]}), found {there[:12]}: another run has registered it; a new run takes the next version"
        )
        raise RegistryError(msg)
    return sha256


def keep_file(bucket: Bucket, name: str, version: str, file: Path, called: str) -> str:
    """Keep a file beside the archive of a version, and return its address."""
    key = folder_of(name, version) + called
    with file.open("rb") as content:
        bucket.write(key, content, media=_MEDIA.get(Path(called).suffix, "application/octet-stream"))
    return bucket.address(key)


def check_archive(bucket: Bucket, package: Registered) -> None:
    """Let it pass that the archive of a package is there, and the one that was registered.

    Raises:
        RegistryError: If it is not.
    """
    key = folder_of(package.name, package.version) + ARCHIVE
    expected = package.properties.get("archive_sha256")
    if bucket.address(key) != package.model_uri or expected is None:
        msg = (
            f"{package.title}: expected a package with its archive at {bucket.address(key)}, found {package.model_uri}"
        )
        raise RegistryError(msg)
    if (found := _sha256_of(bucket, key)) != expected:
        msg = f"{package.model_uri}: expected sha256 {expected}, found {found}: it was changed after it was registered"
        raise RegistryError(msg)


def fetch_file(bucket: Bucket, package: Registered, called: str, to: Path) -> bool:
    """Write a file that is kept of a package; False where none is kept."""
    return fetch(bucket, folder_of(package.name, package.version) + called, to)


def fetch(bucket: Bucket, key: str, to: Path) -> bool:
    """Write an object into a file, whose folder is made; False where there is none."""
    answer = bucket.open(key)
    if answer is None:
        return False
    to.parent.mkdir(parents=True, exist_ok=True)
    with closing(answer["Body"]) as body, to.open("wb") as file:
        for chunk in body.iter_chunks(_CHUNK_BYTES):
            file.write(chunk)
    return True


def _sha256_of(bucket: Bucket, key: str) -> str:
    answer = bucket.open(key)
    if answer is None:
        msg = f"{bucket.address(key)}: expected the archive of a model, found none"
        raise RegistryError(msg)
    found = hashlib.sha256()
    with closing(answer["Body"]) as body:
        for chunk in body.iter_chunks(_CHUNK_BYTES):
            found.update(chunk)
    return found.hexdigest()
