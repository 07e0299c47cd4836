"""The approved model, fetched for a run that would replace it: its package, and of its training what is kept."""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

from cloud_side.objects import Bucket, Client, parse_address
from cloud_side.training.places import CHAMPION_FILE, FINAL, PACKAGE, WEIGHTS
from cloud_side.training.registry.archive import unpack
from cloud_side.training.registry.keeping import PREDICTIONS, fetch, fetch_file
from cloud_side.training.registry.packages import Registered, RegistryError, champion, next_version, used_versions

SCHEMA: Final = "edge-inspector/champion/1"
WEIGHTS_FILE: Final = "weights.pt"
PREDICTIONS_FILE: Final = "predictions.jsonl"
_WEIGHTS_MEMBER: Final = f"{WEIGHTS}/{FINAL}.pt"


def fetch_champion(folder: Path, bucket: Bucket, group: str, name: str, client: Client) -> None:
    """Write what is known of the newest approved model, and the version that its successor will have.

    The folder gets `champion.json`, and where there is a champion `package/`, and if they are kept `weights.pt` and
    `predictions.jsonl`. What the folder had of these before is gone.

    Args:
        folder: Made if missing.
        bucket: Of the product.
        group: Model package group.
        name: Of the model.
        client: Of SageMaker.

    Raises:
        RegistryError: If there is no such group, or the champion's archive is not there.
        ConfigError: If the archive is none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _clear(folder)
    found = champion(client, group, name)
    if found is not None:
        _fetch_package(folder, bucket, found)
        fetch_file(bucket, found, PREDICTIONS, folder / PREDICTIONS_FILE)
        _fetch_weights(folder, bucket, found)
    following = next_version(used_versions(client, bucket, group, name))
    text = json.dumps(_document(found, name, following), indent=2, sort_keys=True)
    (folder / CHAMPION_FILE).write_text(f"{text}\n", encoding="utf-8")  # last: what has it is whole


def _document(found: Registered | None, name: str, following: str) -> dict[str, Any]:
    known = {} if found is None else found.properties
    return {
        "schema": SCHEMA,
        "package": None if found is None else found.arn,
        "name": name,
        "version": None if found is None else found.version,
        "next_version": following,
        "dataset_version": known.get("dataset_version"),
        "run": known.get("run"),
        "mode": known.get("mode"),
    }


def _clear(folder: Path) -> None:
    for file in (CHAMPION_FILE, WEIGHTS_FILE, PREDICTIONS_FILE):
        (folder / file).unlink(missing_ok=True)
    shutil.rmtree(folder / PACKAGE, ignore_errors=True)


def _fetch_package(folder: Path, bucket: Bucket, found: Registered) -> None:
    expected = found.properties.get("archive_sha256")
    if found.model_uri is None or not _unpack_from(bucket, found.model_uri, folder / PACKAGE, sha256=expected):
        msg = f"{found.title}: expected the archive of the approved model at {found.model_uri}, found none"
        raise RegistryError(msg)


def _fetch_weights(folder: Path, bucket: Bucket, found: Registered) -> None:
    uri = found.properties.get("weights")
    if uri is None:
        return
    with tempfile.TemporaryDirectory(prefix="champion-") as scratch:
        only = frozenset({_WEIGHTS_MEMBER})
        if (
            _unpack_from(bucket, uri, Path(scratch), only=only)
            and (weights := Path(scratch, _WEIGHTS_MEMBER)).is_file()
        ):
            shutil.move(weights, folder / WEIGHTS_FILE)


def _unpack_from(
    bucket: Bucket, uri: str, folder: Path, *, only: frozenset[str] | None = None, sha256: str | None = None
) -> bool:
    name, key = parse_address(uri)
    with tempfile.TemporaryDirectory(prefix="archive-") as scratch:
        archive = Path(scratch, "model.tar.gz")
        if not fetch(Bucket(bucket.s3, name), key, archive):
            return False
        with archive.open("rb") as file:
            there = hashlib.file_digest(file, "sha256").hexdigest()
        if sha256 not in {None, there}:
            msg = f"{uri}: expected sha256 {sha256}, found {there}: it was changed after it was registered"
            raise RegistryError(msg)
        unpack(archive, folder, only=only)
    return True
