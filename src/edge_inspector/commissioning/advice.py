"""From what was measured to what a person should do; pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from edge_inspector.commissioning.measured import Measured, NetworkPath, UsbPath
from edge_inspector.sources.genicam.stream import RECEIVED_FRAMES

JUMBO_MTU = 9000
_STANDARD_MTU = 1500
_BUSY_MBPS = 100.0  # below this small packets cost nothing worth a change of the network
_FULL = 0.9  # of a link; the rest goes for headers and what is sent again
_REACHED = 0.95  # of the rate that was asked for
_BUSY_PERCENT = 80.0
_DARK, _BRIGHT = 8.0, 247.0  # mean gray values with which nothing can be seen
_MIB = 1 << 20
_USB3_MBPS = 5000


class Weight(StrEnum):
    """How much a finding matters."""

    FAULT = "fault"  # frames were lost, or none came
    ADVICE = "advice"  # it works now; this makes it safer


@dataclass(frozen=True, slots=True)
class Advice:
    """What was found, and what to do about it."""

    weight: Weight
    text: str

    def __str__(self) -> str:
        return f"{self.weight}: {self.text}"


def advise(found: Measured) -> tuple[Advice, ...]:
    """Return what to do, most important first; empty when all is well."""
    advices = [*_of_silence(found), *_of_losses(found), *_of_rate(found), *_of_pictures(found)]
    if found.network is not None:
        advices += _of_network(found, found.network)
    if found.usb is not None:
        advices += _of_usb(found, found.usb)
    return tuple(sorted(advices, key=lambda advice: advice.weight is Weight.ADVICE))


def _of_silence(found: Measured) -> Iterator[Advice]:
    """Nothing arrived, or the camera went away in the middle."""
    if found.problem is not None:
        yield _fault(f"the camera does not deliver: {found.problem}")
    if found.frames.taken:
        return
    if found.waits_for is not None:
        yield _fault(
            f"the camera answers and waits for {found.waits_for}, which did not come: check the sensor, its wiring and "
            "voltage, and source.trigger"
        )
    elif found.network is not None:
        yield _fault("no image packet arrives: " + "; ".join(_obstacles(found.network)))
    else:
        yield _fault("no frame came: check cable and power, and that no other program uses the camera")


def _obstacles(path: NetworkPath) -> Iterator[str]:
    yield f"let UDP from {path.address} through the firewall (its port is another at each start)"
    if path.is_strict:
        yield (
            f"rp_filter of {path.interface} is strict, which drops packets that come by another interface than the "
            f"answer takes: sudo sysctl -w net.ipv4.conf.{path.interface}.rp_filter=2 net.ipv4.conf.all.rp_filter=2"
        )
    if _is_too_large(path):
        yield f"packets of {path.packet_size} bytes do not fit the MTU {path.mtu} of {path.interface}"


def _of_losses(found: Measured) -> Iterator[Advice]:
    frames, path = found.frames, found.network
    if not found.loss:
        if path is not None and found.packets is not None and found.packets.resent:
            yield _advice(
                f"{found.packets.resent} packets were lost and sent again in time; every frame came whole, but the "
                "network has no reserve: " + _cause(found, path)
            )
        return
    yield _fault(
        f"frames lost: {_percent(found.loss)} % ({frames.incomplete} incomplete and {frames.missing} missing of "
        f"{frames.taken}{_packet_loss(found)}); none of these is ever inspected"
        + (f"; {_cause(found, path)}" if path is not None else "")
    )
    if found.packets is not None and found.packets.underruns:
        yield _fault(
            f"the driver had no free buffer {found.packets.underruns} times: raise source.buffers above "
            f"{found.buffers}, or lower the rate"
        )


def _packet_loss(found: Measured) -> str:
    return "" if found.packet_loss is None else f"; about {_percent(found.packet_loss)} % of the packets"


def _cause(found: Measured, path: NetworkPath) -> str:
    """Say where the packets were lost, as far as the counters tell."""
    if path.checksum_errors:
        return (
            f"{path.checksum_errors} packets came damaged over {path.interface}: replace the cable (Cat 5e or better, "
            "away from drives) and check its plugs"
        )
    if path.dropped_in_buffer:
        return (
            f"the receive buffer was full and this computer dropped {path.dropped_in_buffer} packets itself: "
            + _raise_buffer(found)
        )
    if path.dropped_by_interface:
        return (
            f"{path.interface} dropped {path.dropped_by_interface} packets: enlarge its ring (sudo ethtool -G "
            f"{path.interface} rx 4096), use jumbo packets, and keep other load off this computer"
        )
    if found.cpu_percent > _BUSY_PERCENT:
        return (
            f"this process takes {found.cpu_percent:.0f} % of a processor: lower rate or size, or use a faster computer"
        )
    if not found.frames.whole and path.packet_size is not None and path.packet_size > _STANDARD_MTU:
        tried = f"packets of {path.packet_size} bytes"
        return f"perhaps {tried} do not pass a switch: try source.packet_size = {_STANDARD_MTU}"
    return (
        "packets were lost on the way to this computer: check cable and switch, give the camera a link of its own, or "
        "let it pause between packets (source.packet_delay_ns)"
    )


def _of_rate(found: Measured) -> Iterator[Advice]:
    if found.asked_hz is None or found.rate_hz is None or found.rate_hz >= _REACHED * found.asked_hz:
        return
    yield _fault(
        f"the camera takes {found.rate_hz:.3g} frames a second, asked were {found.asked_hz:.3g}: shorten the exposure, "
        "read a smaller region, use 8 bits a pixel, or lower source.rate_hz"
        + (" or source.packet_delay_ns" if found.network is not None else "")
    )


def _of_pictures(found: Measured) -> Iterator[Advice]:
    if not found.mean_grays:
        return
    if max(found.mean_grays) < _DARK:
        yield _advice("the pictures are black: take the lens cap off, turn the light on, or expose longer")
    elif min(found.mean_grays) > _BRIGHT:
        yield _advice("the pictures are white: expose shorter, lower the gain, or close the aperture")


def _of_network(found: Measured, path: NetworkPath) -> Iterator[Advice]:
    if path.interface is None:
        yield _fault(f"no route leads to {path.address}: give an interface an address in its subnet")
        return
    if path.is_loopback:
        return  # neither cable nor MTU; its buffer is told where it lost something
    yield from _of_link(found, path)
    yield from _of_packet_size(found, path)
    if path.receive_max_bytes is not None and path.receive_max_bytes < found.frame_bytes and not path.dropped_in_buffer:
        yield _advice(
            f"the receive buffer may hold {_mb(path.receive_max_bytes)} at most, less than one frame of "
            f"{_mb(found.frame_bytes)}: {_raise_buffer(found)}"
        )


def _of_link(found: Measured, path: NetworkPath) -> Iterator[Advice]:
    if path.speed_mbps is None:
        return
    if path.speed_mbps < 1000:
        yield _fault(
            f"{path.interface} runs at {path.speed_mbps} Mb/s only: a GigE camera needs 1000; check the cable (all "
            "four pairs), the switch and the other end's port"
        )
    elif found.megabits_a_second > _FULL * path.speed_mbps:
        yield _advice(
            f"the camera sends {found.megabits_a_second:.0f} Mb/s over a link of {path.speed_mbps}: nothing is left "
            "for packets that are sent again, or for a second camera"
        )


def _of_packet_size(found: Measured, path: NetworkPath) -> Iterator[Advice]:
    if path.mtu is None:
        return
    if _is_too_large(path):
        yield _fault(
            f"packets of {path.packet_size} bytes do not fit the MTU {path.mtu} of {path.interface} and are cut up: "
            f"set source.packet_size = {path.mtu}, or a larger MTU: {_set_mtu(path)}"
        )
    elif found.megabits_a_second < _BUSY_MBPS:
        return
    elif path.mtu <= _STANDARD_MTU:
        yield _advice(
            f"set MTU {JUMBO_MTU} on {path.interface} and on the switch: six times fewer packets. {_set_mtu(path)}"
        )
    elif path.packet_size is not None and path.packet_size <= _STANDARD_MTU:
        yield _advice(
            f"packets are {path.packet_size} bytes although {path.interface} takes {path.mtu}: a switch on the way, or "
            "the camera, takes no jumbo packets, or source.packet_size says so"
        )


def _of_usb(found: Measured, path: UsbPath) -> Iterator[Advice]:
    if path.speed_mbps is not None and path.speed_mbps < _USB3_MBPS:
        yield _fault(f"the camera runs at {path.speed_mbps} Mb/s: put it into a USB 3 port, with a USB 3 cable")
    needed_mb = -(-found.frame_bytes * found.buffers // _MIB)
    if path.memory_mb and path.memory_mb < needed_mb:
        yield _advice(
            f"the kernel has {path.memory_mb} MB for USB, {found.buffers} frames take {needed_mb}: "
            f"echo {needed_mb} | sudo tee /sys/module/usbcore/parameters/usbfs_memory_mb"
        )


def _is_too_large(path: NetworkPath) -> bool:
    return path.packet_size is not None and path.mtu is not None and path.packet_size > path.mtu


def _raise_buffer(found: Measured) -> str:
    # What the stream asks for, in whole MiB.
    enough = max(1, -(-RECEIVED_FRAMES * found.frame_bytes // _MIB)) * _MIB
    path = found.network
    if path is not None and (path.receive_max_bytes or 0) >= enough:
        return "keep other load off this computer, or lower the rate"
    return (
        f"raise net.core.rmem_max to {enough}: sudo sysctl -w net.core.rmem_max={enough} (and for good: a line in "
        "/etc/sysctl.d/90-camera.conf)"
    )


def _set_mtu(path: NetworkPath) -> str:
    return f"sudo ip link set {path.interface} mtu {JUMBO_MTU}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}" if share >= 0.1 else f"{100 * share:.2g}"  # never 1e+02


def _mb(size: int) -> str:
    return f"{size / 1e6:.2g} MB"


def _fault(text: str) -> Advice:
    return Advice(Weight.FAULT, text)


def _advice(text: str) -> Advice:
    return Advice(Weight.ADVICE, text)
