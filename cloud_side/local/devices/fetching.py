"""Artifacts come to the device, each with the digest that its recipe names."""

from pathlib import Path

from cloud_side.local.database import Database
from cloud_side.local.devices.failures import DeploymentFailure
from cloud_side.local.home import Home
from cloud_side.local.services.greengrass.artifacts import copy_to, digest_of_file
from cloud_side.local.services.greengrass.recipe import Artifact
from edge_inspector.durable import PRIVATE_FOLDER, make_folders, partial_of

_DOWNLOAD = "ARTIFACT_DOWNLOAD_ERROR"
_READABLE, _EXECUTABLE = 0o600, 0o700


def fetch(database: Database, home: Home, artifact: Artifact, folder: Path) -> None:
    """Have an artifact in a folder; one that is there with the right digest is not fetched again.

    Raises:
        DeploymentFailure: If there is none, it is another one than its recipe says, or the disk takes it not.
    """
    place = folder / artifact.file_name
    if artifact.digest is not None and digest_of_file(place) == artifact.digest:
        return
    try:
        make_folders(folder, mode=PRIVATE_FOLDER)
        _download(database, home, artifact, place)
    except OSError as error:
        msg = f"Failed to download artifact {artifact.uri} to {place}: {error}"
        raise DeploymentFailure(msg, _DOWNLOAD, "IO_ERROR", "IO_WRITE_ERROR") from error


def _download(database: Database, home: Home, artifact: Artifact, place: Path) -> None:
    partial = partial_of(place)
    partial.unlink(missing_ok=True)
    try:
        if not copy_to(database, home, artifact, partial):
            msg = f"Failed to download artifact {artifact.uri}: no such object"
            raise DeploymentFailure(msg, _DOWNLOAD, "S3_ERROR", "S3_GET_OBJECT_RESOURCE_NOT_FOUND")
        if (found := digest_of_file(partial)) != artifact.digest:
            msg = (
                "Integrity check for downloaded artifact failed. Probably due to file change: "
                f"{artifact.uri} has SHA-256 {found}, expected {artifact.digest}"
            )
            raise DeploymentFailure(msg, _DOWNLOAD, "ARTIFACT_CHECKSUM_MISMATCH")
        partial.chmod(_EXECUTABLE if artifact.is_executable else _READABLE)
        partial.rename(place)
    finally:
        partial.unlink(missing_ok=True)
