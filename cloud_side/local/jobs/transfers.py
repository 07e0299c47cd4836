"""Brings what a job needs from S3, and takes there what it made."""

import gzip
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from cloud_side.local.jobs.places import Address, PlanError
from cloud_side.local.jobs.plan import Input, Output

_TROUBLES = (ClientError, BotoCoreError, Boto3Error, sqlite3.Error)  # the last of a disk that is full
_ONE_THREAD = TransferConfig(use_threads=False)  # the process that starts programs has no other threads
_Seen = tuple[int, int]


class TransferError(Exception):
    """Something could not be brought or taken; the message says what, and is the job's reason to fail."""


def bring(s3: Any, wanted: Input, roots: Sequence[Path], may_go_on: Callable[[], bool]) -> None:  # noqa: ANN401 - boto3
    """Bring the objects of an input to the hosts, until they are there or it shall go on no more.

    Raises:
        TransferError: If the objects are not there, or cannot lie in a folder.
        OSError: If a file cannot be written.
    """
    found = False
    for number, (address, relative) in enumerate(_objects(s3, wanted)):
        found = True
        for root in [roots[number % len(roots)]] if wanted.is_sharded else roots:
            if not may_go_on():
                return
            _fetch(s3, address, root / wanted.path / _inside(relative, address))
    if not found and not wanted.is_optional:
        msg = f"No S3 objects found under S3 URL {str(wanted.address)!r} given in input data source {wanted.name!r}"
        raise TransferError(msg)


def _objects(s3: Any, wanted: Input) -> Iterator[tuple[Address, str]]:  # noqa: ANN401 - boto3
    try:
        if wanted.is_manifest:
            yield from _listed(s3, wanted)
        else:
            yield from _below(s3, wanted.address)
    except (*_TROUBLES, PlanError) as error:
        msg = f"Data download failed: input {wanted.name!r} from {wanted.address}: {error}"
        raise TransferError(msg) from error


def _below(s3: Any, address: Address) -> Iterator[tuple[Address, str]]:  # noqa: ANN401 - boto3
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=address.bucket, Prefix=address.key)
    keys = (each["Key"] for page in pages for each in page.get("Contents", ()))
    for key in keys:
        if not key.endswith("/"):  # a folder that somebody made visible
            yield Address(address.bucket, key), _relative(key, address.key)


def _relative(key: str, prefix: str) -> str:
    """Return where an object lies in the folder: from the last folder that the beginning of its key names."""
    if prefix and key.startswith(f"{prefix.rstrip('/')}/"):
        return key[len(prefix.rstrip("/")) + 1 :]
    return key[prefix.rfind("/") + 1 :]


def _listed(s3: Any, wanted: Input) -> Iterator[tuple[Address, str]]:  # noqa: ANN401 - boto3
    body = s3.get_object(Bucket=wanted.address.bucket, Key=wanted.address.key)["Body"].read()
    try:
        head, *names = json.loads(body)
        base = Address.parse(head["prefix"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        msg = f'{wanted.address} is no manifest, expected [{{"prefix": "s3://…"}}, "name", …]: {error!r}'
        raise TransferError(msg) from error
    for name in names:
        if not isinstance(name, str):
            msg = f"{wanted.address} names {name!r}, expected the rest of a key"
            raise TransferError(msg)
        yield Address(base.bucket, base.key + name), name


def _inside(relative: str, address: Address) -> Path:
    if any(part in ("", ".", "..") for part in relative.split("/")):
        msg = f"Data download failed: {address} cannot be a file: {relative!r} is no path in a folder"
        raise TransferError(msg)
    return Path(relative)


def _fetch(s3: Any, address: Address, path: Path) -> None:  # noqa: ANN401 - boto3
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        body = s3.get_object(Bucket=address.bucket, Key=address.key)["Body"]
        with path.open("wb") as file:
            shutil.copyfileobj(body, file)
    except _TROUBLES as error:
        msg = f"Data download failed: {address}: {error}"
        raise TransferError(msg) from error


class Mirror:
    """Takes the files of an output to S3, and again those that have changed since."""

    def __init__(self, s3: Any, output: Output, roots: Sequence[Path]) -> None:  # noqa: ANN401 - boto3
        self._s3 = s3
        self._output = output
        self._roots = roots
        self._taken: dict[Path, _Seen] = {}

    def take(self, *, is_last: bool) -> None:
        """Take what has changed.

        Args:
            is_last: The programs have ended: a folder that is gone, or a file that cannot be taken, is an error.

        Raises:
            TransferError: If it cannot be taken.
        """
        for root in self._roots:
            folder = root / self._output.path
            if is_last:
                _check_folder(folder, self._output)
            for relative, path in _files(folder).items():
                self._take_one(relative, path, is_last=is_last)

    def _take_one(self, relative: str, path: Path, *, is_last: bool) -> None:
        try:
            status = path.stat()
            if self._taken.get(path) == (status.st_size, status.st_mtime_ns):
                return
            _put(self._s3, path, self._output.address.below(relative))
        except FileNotFoundError:
            if is_last:
                raise
            return  # the program has put another in its place, or taken it away
        self._taken[path] = (status.st_size, status.st_mtime_ns)


def take_archive(s3: Any, output: Output, roots: Sequence[Path], scratch: Path) -> None:  # noqa: ANN401 - boto3
    """Take the folders of all hosts to S3 as one archive; of files of one name, the first host's.

    Args:
        s3: A client.
        output: Says which folders, and where to.
        roots: One a host.
        scratch: Where the archive is made; it is gone afterwards.

    Raises:
        TransferError: If it cannot be taken.
        OSError: If it cannot be made.
    """
    files: dict[str, Path] = {}
    for root in reversed(roots):
        _check_folder(root / output.path, output)
        files |= _files(root / output.path)
    if not files and output.is_optional:
        return
    try:
        _pack(files, scratch)
        _put(s3, scratch, output.address)
    finally:
        scratch.unlink(missing_ok=True)


def _pack(files: Mapping[str, Path], to: Path) -> None:
    """Make an archive that has the same bytes when it is made again."""
    with (
        to.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", dereference=True) as archive,
    ):
        for relative in sorted(files):
            archive.add(files[relative], relative, recursive=False)


def _check_folder(folder: Path, output: Output) -> None:
    if not folder.is_dir():
        msg = f"Output upload failed: the folder {folder} of output {output.name!r} is not there: the program took it"
        raise TransferError(msg)


def _files(folder: Path) -> dict[str, Path]:
    found = {}
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file():  # no sockets, no links to nowhere
                found[path.relative_to(folder).as_posix()] = path
    return found


def _put(s3: Any, path: Path, address: Address) -> None:  # noqa: ANN401 - boto3
    try:
        s3.upload_file(str(path), address.bucket, address.key, Config=_ONE_THREAD)
    except _TROUBLES as error:
        msg = f"Output upload failed: {path.name} to {address}: {error}"
        raise TransferError(msg) from error
