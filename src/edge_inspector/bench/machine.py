"""The machine as the kernel tells it: processor, usable cores, memory, and who else uses it."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_inspector.environment import processor, read_text

_ROOT = Path("/")


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a measurement ran.

    Attributes:
        cpu: Name of the processor or the board.
        cores: Cores that the process may be scheduled on.
        usable_cores: The same, or less where a cgroup's quota says so; at least a fraction of one.
        memory_mb: Memory of the machine, or less where a cgroup limits it; in units of 2^20 bytes.
        governor: CPU frequency governor; None where it cannot be read.
        load: Load average of the last minute before the measurement.
    """

    cpu: str
    cores: int
    usable_cores: float
    memory_mb: int | None
    governor: str | None
    load: float | None

    @property
    def whole_cores(self) -> int:
        """Threads that can run at the same time."""
        return max(1, int(self.usable_cores))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the cores did for others during a measurement, on average; 0 where the kernel does not tell.

    Attributes:
        others_cores: Cores that other processes used.
        stolen_cores: Cores that the hypervisor gave to other machines.
    """

    others_cores: float
    stolen_cores: float


def describe_machine(root: Path = _ROOT) -> Machine:
    """Return the machine that this process may use.

    Args:
        root: Where `/proc` and `/sys` are.
    """
    cpus = os.sched_getaffinity(0)
    quota, limit_mb = _cgroup_cores(root), _cgroup_memory_mb(root)
    memory_mb = _kilobytes(root / "proc/meminfo", "MemTotal")
    load = read_text(root / "proc/loadavg").split()
    return Machine(
        cpu=processor(root),
        cores=len(cpus),
        usable_cores=min(len(cpus), quota),
        memory_mb=None if memory_mb is None else int(min(memory_mb, limit_mb)),
        governor=_governor(root, cpus),
        load=float(load[0]) if load else None,
    )


@dataclass(frozen=True, slots=True)
class CpuClock:
    """CPU seconds since some point in the past.

    Attributes:
        own_s: This process, all its threads.
        busy_s: All processes, on the cores that this one may use.
        stolen_s: Taken by the hypervisor, of the same cores.
    """

    own_s: float
    busy_s: float
    stolen_s: float

    @classmethod
    def now(cls, root: Path = _ROOT) -> "CpuClock":
        """Read the clocks."""
        ticks = os.sysconf("SC_CLK_TCK")
        wanted = {f"cpu{number}" for number in os.sched_getaffinity(0)}
        busy = stolen = 0
        for line in read_text(root / "proc/stat").splitlines():
            name, *counts = line.split()
            if name in wanted:
                # Guest time is part of user time already.
                user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, counts[:8])
                busy += user + nice + system + irq + softirq
                stolen += steal
        own = os.times()
        return cls(own.user + own.system, busy / ticks, stolen / ticks)

    def until(self, later: "CpuClock", seconds: float) -> Surroundings:
        """Return what the cores did for others between two readings.

        Args:
            later: The second reading.
            seconds: Wall time between them, above 0.
        """
        others_s = (later.busy_s - self.busy_s) - (later.own_s - self.own_s)
        return Surroundings(max(0.0, others_s / seconds), max(0.0, (later.stolen_s - self.stolen_s) / seconds))


def memory_mb(pid: int | str = "self", root: Path = _ROOT) -> tuple[float | None, float | None]:
    """Return the resident memory of a process in units of 2^20 bytes, now and at its largest."""
    status = root / f"proc/{pid}/status"
    return _kilobytes(status, "VmRSS"), _kilobytes(status, "VmHWM")


def _governor(root: Path, cpus: set[int]) -> str | None:
    folder = root / "sys/devices/system/cpu"
    found = {read_text(folder / f"cpu{number}/cpufreq/scaling_governor").strip() for number in cpus} - {""}
    return ", ".join(sorted(found)) or None


def _cgroup_cores(root: Path) -> float:
    """Return the smallest CPU quota above this process, in cores; infinite where there is none."""
    quotas = [float("inf")]
    for folder in _cgroup_folders(root, "cpu"):
        limit = read_text(folder / "cpu.max").split() or [
            read_text(folder / "cpu.cfs_quota_us").strip(),
            read_text(folder / "cpu.cfs_period_us").strip(),
        ]
        if len(limit) == 2 and limit[0].isdigit() and limit[1].isdigit() and int(limit[1]):
            quotas.append(int(limit[0]) / int(limit[1]))
    return min(quotas)


def _cgroup_memory_mb(root: Path) -> float:
    """Return the smallest memory limit above this process; infinite where there is none."""
    files = [
        folder / name for folder in _cgroup_folders(root, "memory") for name in ("memory.max", "memory.limit_in_bytes")
    ]
    limits = [int(content) / 2**20 for file in files if (content := read_text(file).strip()).isdigit()]
    return min(limits, default=float("inf"))


def _cgroup_folders(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders that may limit this process: its cgroup and those above it, in both versions' places."""
    mount = root / "sys/fs/cgroup"
    for line in read_text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = mount / controllers if controllers else mount
        inner = Path(path.lstrip("/"))
        yield from (top / folder for folder in (inner, *inner.parents))


def _kilobytes(path: Path, name: str) -> float | None:
    """Return an entry of a `/proc` table in units of 2^20 bytes."""
    match = re.search(rf"^{name}:\s+(\d+) kB", read_text(path), re.MULTILINE)
    return int(match[1]) / 1024 if match else None
