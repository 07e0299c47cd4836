"""Places a package in a folder of updates as the model component does: whole, and the pointer last."""

import filecmp
from pathlib import Path

from edge_inspector.durable import write_lasting
from edge_inspector.errors import ModelError
from edge_inspector.models.copying import PUBLIC_FILE, copy_package, plain_files
from edge_inspector.models.pointer import POINTER, package_named


def place(package: Path, updates: Path, *, name: str, version: str) -> Path:
    """Copy a package into a folder of updates, readable for all, and return its place; then point at it.

    Args:
        package: The folder of the package.
        updates: The folder of updates; made where it is missing.
        name: Of the model.
        version: Of the model.

    Raises:
        ModelError: If the folder has another package of this version, or it could not be written.
    """
    target = updates / name / version
    try:
        if not target.exists():
            copy_package(package, target, is_private=False)
        elif not _are_equal(package, target):
            msg = f"{target}: expected the package that is placed, found another one: a version is never used twice"
            raise ModelError(msg)
        pointer = f"{name}/{version}\n".encode()
        package_named(updates, pointer)
        write_lasting(updates / POINTER, pointer, mode=PUBLIC_FILE)
    except OSError as error:
        msg = f"{target}: cannot be written: {error}"
        raise ModelError(msg) from error
    return target


def _are_equal(package: Path, other: Path) -> bool:
    files = [{str(path.relative_to(folder)) for path, _ in plain_files(folder)} for folder in (package, other)]
    return files[0] == files[1] and not any(filecmp.cmpfiles(package, other, files[0], shallow=False)[1:])
