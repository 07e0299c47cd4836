"""Archives of model packages: the same files give the same bytes; a foreign one writes only below its folder."""

import errno
import gzip
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Final
from zlib import error as ZlibError  # noqa: N812 - it is a class

from edge_inspector.errors import ConfigError

MOST_BYTES: Final = 4 << 30
_READABLE: Final = 0o644
_OF_THE_DISK: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})
_TROUBLES: Final = (OSError, EOFError, tarfile.TarError, ZlibError)


def pack(folder: Path, to: IO[bytes]) -> None:
    """Write all files of a folder as `tar.gz`, without owners and times.

    Args:
        folder: Links in it are no files.
        to: Open for writing.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=to, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in files:
            member = tarfile.TarInfo(path.relative_to(folder).as_posix())
            member.size, member.mode = path.stat().st_size, _READABLE
            with path.open("rb") as content:
                archive.addfile(member, content)


def unpack(archive: Path, folder: Path, *, only: frozenset[str] | None = None, most_bytes: int = MOST_BYTES) -> None:
    """Write the files of a `tar.gz` below a folder; folders are made as files need them.

    Args:
        archive: The file.
        folder: Made if missing.
        only: Names of the files that are wanted; None: all.
        most_bytes: How large the wanted files may be together.

    Raises:
        ConfigError: If it is no such archive, or has a member that is neither file nor folder, lies elsewhere, or is
            too large; what was written before that stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive, mode="r:gz") as opened:
            left = most_bytes
            for member in _files(opened, archive):
                if only is not None and _name(member) not in only:
                    continue
                left -= member.size
                if left < 0:
                    msg = f"{archive}: expected at most {most_bytes} bytes, found more, at {member.name!r}"
                    raise ConfigError(msg)
                _write(opened, member, folder / _name(member))
    except _TROUBLES as error:
        if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
            raise  # nothing about the archive
        msg = f"{archive}: expected a tar.gz of files, found: {error}"
        raise ConfigError(msg) from error


def _files(opened: tarfile.TarFile, archive: Path) -> Iterator[tarfile.TarInfo]:
    for member in opened:
        name = PurePosixPath(member.name)
        is_inside = not name.is_absolute() and ".." not in name.parts and "\0" not in member.name
        if not is_inside or not (member.isfile() or member.isdir()):
            msg = f"{archive}: expected files and folders below it, found {member.name!r} of type {member.type!r}"
            raise ConfigError(msg)
        if member.isfile():
            yield member


def _name(member: tarfile.TarInfo) -> str:
    return PurePosixPath(member.name).as_posix()  # `./a` is `a`


def _write(opened: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = opened.extractfile(member)
    assert content is not None  # noqa: S101 - it is a file
    with content, path.open("wb") as file:
        shutil.copyfileobj(content, file)
