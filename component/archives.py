"""Archives that are the same, byte for byte, whenever the same files go into them."""

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

_ZIP_EPOCH = (2020, 1, 1, 0, 0, 0)
_TAR_EPOCH = 1577836800
_MODE = 0o644


def write_zip(path: Path, files: Mapping[str, bytes | Path]) -> None:
    """Write a zip; nothing is compressed: wheels are already, and other compressors give other bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _ZIP_EPOCH)
            entry.create_system = 3  # Unix
            entry.external_attr = _MODE << 16
            archive.writestr(entry, content if isinstance(content, bytes) else content.read_bytes())


def write_tar(path: Path, files: Mapping[str, Path]) -> None:
    """Write a tar, not compressed."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, source in sorted(files.items()):
            entry, content = tarfile.TarInfo(name), source.read_bytes()
            entry.size, entry.mtime, entry.mode = len(content), _TAR_EPOCH, _MODE
            archive.addfile(entry, io.BytesIO(content))
