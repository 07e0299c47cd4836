"""The `support-bundle` command: collects, writes, and says what is inside."""

from datetime import UTC, datetime
from pathlib import Path

from edge_inspector.support.archive import write_archive
from edge_inspector.support.bundle import collect


def show(configuration: Path | None, *, out: Path | None = None) -> Path:
    """Write a bundle, print what is in it, and return the file.

    Args:
        configuration: The daemon's configuration file; the defaults when None.
        out: The file to write; named after the time, in the working directory, when None.

    Raises:
        SourceError: If it cannot be written.
    """
    path = out or Path(f"edge-inspector-support-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar.gz")
    members = collect(configuration)
    write_archive(path, members)
    for name in sorted(members):
        print(f"{len(members[name]):>9}  {name}")
    print(f"{path}: {len(members)} files, secrets taken out; look through it before you send it")
    return path
