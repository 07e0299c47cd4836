"""Where the station runs: versions, processor, memory, disk and clock, as far as they can be found out."""

import os
import platform
import re
import shutil
import stat
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from edge_inspector.environment import installed_version, processor, read_text, versions

_FURTHER_LIBRARIES = ("pydantic", "paho-mqtt", "awscrt", "prometheus-client")
_SYNCHRONIZED = Path("/run/systemd/timesync/synchronized")


def describe_surroundings(home: Path) -> dict[str, object]:
    """Return what is known of the machine.

    Args:
        home: The daemon's home, for its disk.
    """
    further = {name: installed_version(name) for name in _FURTHER_LIBRARIES}
    return {
        "versions": {**versions(), **further},
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "executable": sys.executable,
        "memory": _table(Path("/proc/meminfo"), ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree")),
        "load": read_text(Path("/proc/loadavg")).strip(),
        "disk": _disk(home),
        "clock": {
            "utc": datetime.now(UTC).isoformat(timespec="seconds"),
            "timezone": list(time.tzname),
            "up_s": read_text(Path("/proc/uptime")).partition(" ")[0] or None,
            "set_by_timesyncd": _SYNCHRONIZED.exists(),
        },
    }


def list_samples(folder: Path) -> dict[str, object]:
    """Return how many files wait in the spool of samples, and how large they are, by folder and suffix."""
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for path in folder.rglob("*"):
        try:
            status = path.stat()
        except OSError:  # uploaded in between
            continue
        if stat.S_ISREG(status.st_mode):
            kind = f"{'/'.join(path.relative_to(folder).parts[:-1][:1]) or '.'}/*{path.suffix}"
            counts[kind] += 1
            sizes[kind] += status.st_size
    return {kind: {"files": counts[kind], "bytes": sizes[kind]} for kind in sorted(counts)}


def _table(path: Path, names: tuple[str, ...]) -> dict[str, object]:
    content = read_text(path)
    found = {name: re.search(rf"^{name}:\s+(\d+ kB)", content, re.MULTILINE) for name in names}
    return {name: None if match is None else match[1] for name, match in found.items()}


def _disk(folder: Path) -> object:
    existing = next((path for path in (folder.absolute(), *folder.absolute().parents) if path.exists()), Path("/"))
    try:
        usage = shutil.disk_usage(existing)
    except OSError as error:
        return str(error)
    return {"folder": str(existing), "total_bytes": usage.total, "free_bytes": usage.free}
