"""Which buckets and keys a folder can hold: names that are files as they are, and never lead out of their bucket."""

import ipaddress
import re

from edge_inspector.durable import is_partial

LONGEST_KEY = 1024  # bytes, of S3
STAGING = ".staging"  # in a bucket's folder: what is being written; no part of a key is named so
_LONGEST_NAME = 255  # bytes of one name in a folder
_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9]")
_RESERVED_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_BUCKET_RULE = "3 to 63 lowercase letters, digits, dots and hyphens, with a letter or digit at both ends"


def bucket_problem(name: str) -> str | None:
    """Return why a bucket cannot be named so, or None.

    Source:
        Amazon S3 User Guide, "General purpose bucket naming rules".
    """
    if not _BUCKET.fullmatch(name):
        return f"expected {_BUCKET_RULE}, found {name!r}"
    if ".." in name:
        return f"expected no two dots side by side, found {name!r}"
    if _is_address(name):
        return f"expected a name that is no IP address, found {name!r}"
    if name.startswith(_RESERVED_STARTS) or name.endswith(_RESERVED_ENDS):
        return f"expected a name that does not begin or end with what S3 keeps for itself, found {name!r}"
    return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True


def key_problem(key: str) -> str | None:
    """Return why no file can be named by a key, or None."""
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        return f"expected text that UTF-8 can hold, found {key!r}"
    if not 0 < length <= LONGEST_KEY:
        return f"expected 1 to {LONGEST_KEY} bytes, found {length}"
    for name in key.split("/"):
        if problem := _name_problem(name):
            return f"{problem}, found {key!r}"
    return None


def _name_problem(name: str) -> str | None:
    if name in {"", ".", ".."}:
        return 'expected names between single slashes that are not empty, ".", or ".."'
    if "\0" in name:
        return "expected no NUL"
    if len(name.encode()) > _LONGEST_NAME:
        return f"expected names between slashes of at most {_LONGEST_NAME} bytes"
    if is_passed_over(name):
        return f"expected no name between slashes that a file has while it is written ({STAGING}, or .….part)"
    return None


def is_passed_over(name: str) -> bool:
    """Return whether a file or folder of this name is no object, nor holds any: it is being written."""
    return name == STAGING or is_partial(name)


def is_key(text: str) -> bool:
    """Return whether a file that lies there under this key, and is not passed over, is an object."""
    try:
        return len(text.encode()) <= LONGEST_KEY
    except UnicodeEncodeError:
        return False


def can_begin_keys(folder: str) -> bool:
    """Return whether keys can begin so.

    Args:
        folder: Empty, or names that each end with a slash.
    """
    return not folder or key_problem(folder.removesuffix("/")) is None
