"""The zip of a function: unpacked once for each content, whole or not at all."""

import base64
import hashlib
import io
import os
import shutil
import stat
import tempfile
import time
import zipfile
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from cloud_side.local.home import Home
from cloud_side.local.services.s3.places import place_of
from cloud_side.local.services.s3.stored import open_stored
from cloud_side.local.wiring import Parameters, RefusedRequest, Request, refusing
from edge_inspector.durable import PRIVATE_FILE

ZIP_BYTES = 50 * (1 << 20)
UNPACKED_BYTES = 250 * (1 << 20)
_FRESH_S = 3600.0


@dataclass(frozen=True)
class Code:
    """What a function is made of.

    Attributes:
        folder: The name of the folder that it is unpacked in.
        sha256: Of the zip, in base64.
        size: Of the zip, in bytes.
    """

    folder: str
    sha256: str
    size: int


def unpacked(request: Request, given: Parameters) -> Code:
    """Unpack the zip of a function.

    Args:
        request: Whose home it is for.
        given: `Code` of CreateFunction, or of UpdateFunctionCode what says the same.

    Raises:
        RefusedRequest: If there is none, or it cannot be used.
    """
    content = _content(request, given)
    digest = hashlib.sha256(content)
    code = Code(digest.hexdigest(), base64.b64encode(digest.digest()).decode(), len(content))
    folder = request.home.functions / code.folder
    if not folder.is_dir():
        partial = Path(tempfile.mkdtemp(prefix=".part-", dir=request.home.functions))
        try:
            _unpack(content, partial)
            _name(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    folder.touch()  # it was needed just now: see `sweep`
    return code


def sweep(home: Home, used: AbstractSet[str]) -> None:
    """Delete the folders of no function; what was unpacked lately may be about to be one's."""
    for folder in home.functions.iterdir():
        if folder.name not in used and time.time() - folder.stat().st_mtime > _FRESH_S:
            shutil.rmtree(folder, ignore_errors=True)


def _content(request: Request, given: Parameters) -> bytes:
    match given:
        case {"ZipFile": content}:
            if len(content) > ZIP_BYTES:
                message = f"ZipFile has {len(content)} bytes, expected at most {ZIP_BYTES}; larger ones go by S3"
                raise RefusedRequest("RequestEntityTooLargeException", message, status=413)
            return bytes(content)
        case {"S3Bucket": str(bucket), "S3Key": str(key)} if "/" not in bucket:
            with refusing("InvalidParameterValueException", RefusedRequest):
                found = open_stored(request.database, place_of(request.home, bucket, key))
            if found is None:
                message = f"Error occurred while GetObject. S3 Error Code: NoSuchKey. s3://{bucket}/{key} is not there"
                raise RefusedRequest("InvalidParameterValueException", message)
            with os.fdopen(found[0], "rb") as file:
                return file.read(UNPACKED_BYTES)
        case _:
            message = f"the code of a function is given by {sorted(given)}, expected ZipFile, or S3Bucket and S3Key"
            raise RefusedRequest("InvalidParameterValueException", message)


def _name(partial: Path, folder: Path) -> None:
    try:
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process has unpacked the same
            raise


def _unpack(content: bytes, folder: Path) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(member.file_size for member in archive.infolist())
            if size > UNPACKED_BYTES:
                message = f"Unzipped size must be smaller than {UNPACKED_BYTES} bytes, found {size}"
                raise RefusedRequest("InvalidParameterValueException", message)
            for member in archive.infolist():
                if stat.S_ISLNK(member.external_attr >> 16):
                    message = f"Could not unzip uploaded file: {member.filename} is a link, expected files and folders"
                    raise RefusedRequest("InvalidParameterValueException", message)
                path = Path(archive.extract(member, folder))  # never outside: zipfile drops .. and what is absolute
                if path.is_file():
                    path.chmod(PRIVATE_FILE | (member.external_attr >> 16 & stat.S_IXUSR))
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        message = f"Could not unzip uploaded file. Please check your file, then try to upload again. ({error})"
        raise RefusedRequest("InvalidParameterValueException", message) from error
