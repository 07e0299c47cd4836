"""The file itself: members in a fixed order, for its owner alone, there as a whole or not at all."""

import gzip
import io
import os
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from edge_inspector.errors import SourceError

_ROOT = "edge-inspector-support"


def write_archive(path: Path, members: Mapping[str, bytes]) -> None:
    """Write a .tar.gz; the same members give the same bytes.

    Args:
        path: Replaced if it exists.
        members: Content by name.

    Raises:
        SourceError: If it cannot be written.
    """
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted(members):
            member = tarfile.TarInfo(f"{_ROOT}/{name}")
            member.size, member.mode = len(members[name]), 0o600
            archive.addfile(member, io.BytesIO(members[name]))
    try:
        _replace(path, packed.getvalue())
    except OSError as error:
        msg = f"{path}: cannot be written: {error.strerror}"
        raise SourceError(msg) from error


def _replace(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # readable by its owner alone
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
