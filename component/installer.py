"""Installs what is in this archive into WORK/venv; as the component's user, and again on every deployment.

This is the archive's `__main__`: `python edge-inspector-linux-amd64.zip WORK`. Each content has an environment of its
own, and the link WORK/venv moves last: an installation that fails, or that the power ends, leaves what ran before.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

OLDEST_GLIBC = (2, 28)
COMMON = "common"  # the folder of the wheels that every Python shares; the others are in folders such as `cp311`
_COMPLETE = ".complete"


class InstallError(Exception):
    """This archive cannot be installed here."""


def main() -> int:
    """Install; return the exit status after at most one line of an error."""
    try:
        install(Path(sys.argv[0]).absolute(), Path(sys.argv[1]).absolute())
    except (InstallError, OSError, zipfile.BadZipFile) as error:
        print(f"edge-inspector: {error}; what was installed before stays", file=sys.stderr)
        return 1
    return 0


def install(archive: Path, work: Path) -> None:
    """Make `work/venv` an environment with what `archive` holds for this Python; quick when it is that already.

    Raises:
        InstallError: If the archive has nothing for this Python or this C library, or pip refuses it.
        OSError: If the disk does.
        zipfile.BadZipFile: If the archive is damaged.
    """
    os.umask(0o077)
    _expect_glibc()
    for leftover in work.glob(".install-*"):
        shutil.rmtree(leftover)
    tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    with zipfile.ZipFile(archive) as content:
        if f"{tag}.txt" not in content.namelist():
            held = ", ".join(name.removesuffix(".txt") for name in content.namelist() if name.endswith(".txt"))
            msg = f"{archive.name}: expected a Python that it is for ({held}), found {tag}"
            raise InstallError(msg)
        wanted = content.read(f"{tag}.txt")
        environment = work / f"venv-{hashlib.sha256(wanted).hexdigest()[:16]}"
        if not _works(environment):
            _fill(environment, content, tag)
    _move_link(work / "venv", environment)
    for other in work.glob("venv-*"):
        if other != environment:
            shutil.rmtree(other, ignore_errors=True)


def _expect_glibc() -> None:
    library, version = platform.libc_ver()
    numbers = tuple(int(part) for part in version.split(".") if part.isdecimal())
    if library != "glibc" or numbers < OLDEST_GLIBC:
        found = f"{library} {version}".strip() or "another C library"
        msg = f"expected glibc {'.'.join(map(str, OLDEST_GLIBC))} or newer, found {found}"
        raise InstallError(msg)


def _works(environment: Path) -> bool:
    """Return whether an environment is whole, and its Python still there."""
    if not (environment / _COMPLETE).exists():
        return False
    command = [str(environment / "bin" / "python"), "-I", "-c", "import edge_inspector"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _fill(environment: Path, content: zipfile.ZipFile, tag: str) -> None:
    shutil.rmtree(environment, ignore_errors=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".install-", dir=environment.parent) as folder:
            content.extractall(
                folder, [name for name in content.namelist() if name.startswith((f"{tag}.", f"{tag}/", f"{COMMON}/"))]
            )
            venv.EnvBuilder(symlinks=True).create(environment)
            _pip_install(environment / "bin" / "python", Path(folder), tag)
        os.sync()  # the mark must not reach the disk before what it speaks of
        (environment / _COMPLETE).touch()
    except BaseException:
        shutil.rmtree(environment, ignore_errors=True)
        raise


def _pip_install(python: Path, folder: Path, tag: str) -> None:
    """Install with the pip that came along: a device needs none, and every device uses the same."""
    (pip,) = (folder / COMMON).glob("pip-*.whl")
    wheels = [f"--find-links={folder / COMMON}", f"--find-links={folder / tag}"]
    pinned = ["--no-index", "--no-deps", "--require-hashes", f"--requirement={folder / tag}.txt"]
    command = [str(python), "-I", str(pip / "pip"), "install", "--quiet", "--no-cache-dir", *wheels, *pinned]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environment |= {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallError(" ".join(f"{done.stdout} {done.stderr}".split()))


def _move_link(link: Path, environment: Path) -> None:
    if link.is_symlink() and link.readlink() == Path(environment.name):
        return
    moved = link.with_name(".venv-link")
    moved.unlink(missing_ok=True)
    moved.symlink_to(environment.name)
    moved.replace(link)
    folder = os.open(link.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


if __name__ == "__main__":
    sys.exit(main())
