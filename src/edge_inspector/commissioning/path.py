"""How packets reach this process: interface, MTU, speed, receive buffers and drops, as the kernel tells.

No program is run. `IP_MTU` and the interfaces' addresses come from sockets, all else from /proc and /sys (Linux'
Documentation/networking/ip-sysctl.rst, statistics.rst; proc_net(5)).
"""

import fcntl
import socket
import struct
from dataclasses import dataclass, replace
from pathlib import Path

from edge_inspector.commissioning.measured import NetworkPath, UsbPath
from edge_inspector.environment import read_text

_ROOT = Path("/")
_SIOCGIFADDR = 0x8915
_CONTROL_PORT = 3956  # GVCP; any port would do, nothing is sent
_STRICT = 1
_SPEED_UNKNOWN = 0


@dataclass(frozen=True, slots=True)
class Drops:
    """What the kernel has counted up to now, for a difference."""

    in_buffer: int | None = 0
    by_interface: int = 0
    checksum_errors: int = 0


def path_to(address: str, *, root: Path = _ROOT) -> NetworkPath:
    """Return the way to a camera; what the kernel does not tell is None.

    Args:
        address: Its IPv4 address.
        root: Where `/proc` and `/sys` are.
    """
    path = NetworkPath(
        address,
        receive_max_bytes=_number(root / "proc/sys/net/core/rmem_max"),
        receive_default_bytes=_number(root / "proc/sys/net/core/rmem_default"),
    )
    local = _local_address(address)
    # What is sent to an address of this machine itself takes the loopback, whatever interface has the address.
    name = None if local is None else "lo" if local == address else _interface_of(local)
    if name is None:
        return path
    speed_mbps = _number(root / "sys/class/net" / name / "speed")
    filters = (_number(root / f"proc/sys/net/ipv4/conf/{which}/rp_filter") or 0 for which in ("all", name))
    return replace(
        path,
        interface=name,
        is_loopback=name == "lo",
        mtu=_number(root / "sys/class/net" / name / "mtu"),
        speed_mbps=speed_mbps if speed_mbps is not None and speed_mbps > _SPEED_UNKNOWN else None,
        is_strict=max(filters) == _STRICT,
    )


def drops_of(path: NetworkPath, *, root: Path = _ROOT) -> Drops:
    """Return what has been dropped so far on the way; only a difference says something."""
    statistics = root / "sys/class/net" / (path.interface or "") / "statistics"

    def counted(*names: str) -> int:
        return sum(_number(statistics / name) or 0 for name in names)

    return Drops(
        _dropped_in_buffers(root),
        counted("rx_dropped", "rx_missed_errors", "rx_fifo_errors"),
        counted("rx_crc_errors", "rx_frame_errors"),
    )


def with_drops(path: NetworkPath, before: Drops, after: Drops) -> NetworkPath:
    """Return the path with what was dropped between two looks."""
    first, last = before.in_buffer, after.in_buffer
    return replace(
        path,
        dropped_in_buffer=None if None in (first, last) else max(0, (last or 0) - (first or 0)),
        dropped_by_interface=max(0, after.by_interface - before.by_interface),
        checksum_errors=max(0, after.checksum_errors - before.checksum_errors),
    )


def usb_path(serial: str, *, root: Path = _ROOT) -> UsbPath:
    """Return the way of the USB device with a serial number."""
    memory_mb = _number(root / "sys/module/usbcore/parameters/usbfs_memory_mb")
    for file in (root / "sys/bus/usb/devices").glob("*/serial"):
        if read_text(file).strip() == serial:
            return UsbPath(_number(file.with_name("speed")), memory_mb)
    return UsbPath(None, memory_mb)


def _local_address(address: str) -> str | None:
    """Return this machine's address on the way to another, as the routes have it; nothing is sent."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((address, _CONTROL_PORT))
            return str(probe.getsockname()[0])
    except OSError:
        return None


def _interface_of(local: str) -> str | None:
    """Return the interface that has an address."""
    if local.startswith("127."):
        return "lo"
    wanted = socket.inet_aton(local)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, request)
            except OSError:
                continue  # an interface without an address
            if answer[20:24] == wanted:
                return name
    return None


def _dropped_in_buffers(root: Path) -> int | None:
    """Return what was dropped since the UDP buffers of this process were full; None if it reads past them."""
    ours = {text[8:-1] for file in (root / "proc/self/fd").glob("*") if (text := _target(file)).startswith("socket:[")}
    if any(line.split()[-1] in ours for line in read_text(root / "proc/net/packet").splitlines()[1:]):
        return None  # what is not read from the UDP socket, since it was read already, counts as dropped there
    dropped = 0
    for line in read_text(root / "proc/net/udp").splitlines()[1:]:
        fields = line.split()
        if len(fields) > 12 and fields[9] in ours:
            dropped += int(fields[12])
    return dropped


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""  # closed meanwhile


def _number(file: Path) -> int | None:
    try:
        return int(read_text(file))
    except ValueError:
        return None
