"""What was measured while frames were grabbed."""

from dataclasses import dataclass, field

_PACKET_HEADERS = 36  # of IP, UDP and GigE Vision's stream protocol, in bytes


@dataclass(frozen=True, slots=True)
class FrameCounts:
    """What came of the frames.

    Attributes:
        whole: Arrived as the camera sent them.
        incomplete: Arrived with holes.
        missing: Known only by a gap in the camera's numbers, or because nothing came after a software trigger.
    """

    whole: int = 0
    incomplete: int = 0
    missing: int = 0

    @property
    def taken(self) -> int:
        """All of them."""
        return self.whole + self.incomplete + self.missing


@dataclass(frozen=True, slots=True)
class PacketCounts:
    """What the driver counts of a GigE Vision stream.

    Attributes:
        missing: Packets that never came, asked for again or not; None where the driver does not tell.
        resent: Packets that came after they were asked for again.
        underruns: How often the driver had no free buffer.
    """

    missing: int | None = None
    resent: int | None = None
    underruns: int | None = None


@dataclass(frozen=True, slots=True)
class NetworkPath:
    """The way of the packets, from the network interface to this process.

    Attributes:
        address: The camera's.
        interface: Through which it is reached; None where no route leads to it.
        is_loopback: The camera is on this machine.
        mtu: Of the interface, in bytes.
        speed_mbps: Of its link; None where the kernel does not know.
        is_strict: The kernel drops packets that came by another interface than the answer would take (rp_filter 1).
        receive_max_bytes: Largest receive buffer that a program may ask for (net.core.rmem_max).
        receive_default_bytes: Receive buffer of a program that asks for none (net.core.rmem_default).
        packet_size: Bytes of a packet that was agreed on with the camera, with its IP header; None if unknown.
        dropped_in_buffer: Packets that the kernel dropped since this process's receive buffers were full; None where
            the driver reads them past these buffers, by a packet socket, which takes the right to raw sockets.
        dropped_by_interface: Packets that the interface dropped or missed.
        checksum_errors: Packets that came damaged from the cable.
    """

    address: str
    interface: str | None = None
    is_loopback: bool = False
    mtu: int | None = None
    speed_mbps: int | None = None
    is_strict: bool = False
    receive_max_bytes: int | None = None
    receive_default_bytes: int | None = None
    packet_size: int | None = None
    dropped_in_buffer: int | None = 0
    dropped_by_interface: int = 0
    checksum_errors: int = 0


@dataclass(frozen=True, slots=True)
class UsbPath:
    """The way of a USB3 Vision camera's frames.

    Attributes:
        speed_mbps: Of the port that it is in; None if unknown.
        memory_mb: What the kernel has for all USB transfers (usbfs_memory_mb); 0 is no limit, None unknown.
    """

    speed_mbps: int | None = None
    memory_mb: int | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """One self-check.

    Attributes:
        frames: What came of the frames.
        asked: Frames that were asked for.
        seconds: From the first frame to the last.
        frame_bytes: Of one frame on its way, 0 when none came.
        buffers: Frames that the driver may hold.
        asked_hz: Frames a second that the configuration asks for; None where the camera or the line decides.
        waits_for: What has to bring the frames, for example `a pulse on Line1`; None for a free-running camera.
        mean_grays: Mean gray value of each whole frame, in [0, 255].
        cpu_percent: Time of all processors that this process took, in percent of one.
        packets: As the driver counts; None where it does not.
        network: Way of a network camera.
        usb: Way of a USB camera.
        problem: Why the camera stopped delivering; None where it did not.
    """

    frames: FrameCounts
    asked: int
    seconds: float = 0.0
    frame_bytes: int = 0
    buffers: int = 8
    asked_hz: float | None = None
    waits_for: str | None = None
    mean_grays: tuple[float, ...] = ()
    cpu_percent: float = 0.0
    packets: PacketCounts | None = None
    network: NetworkPath | None = None
    usb: UsbPath | None = field(default=None)
    problem: str | None = None

    @property
    def rate_hz(self) -> float | None:
        """Frames a second, lost ones included; None for fewer than two."""
        return (self.frames.taken - 1) / self.seconds if self.frames.taken > 1 and self.seconds > 0 else None

    @property
    def loss(self) -> float:
        """Share of frames that did not arrive whole, in [0, 1]."""
        return 1 - self.frames.whole / self.frames.taken if self.frames.taken else 0.0

    @property
    def packet_loss(self) -> float | None:
        """Share of packets that were lost if each was lost by itself, in [0, 1]; None where that cannot be told.

        Drivers count all that is left of a frame that they give up, which says little of the network.
        """
        size = None if self.network is None else self.network.packet_size
        if not (size and self.frame_bytes and self.frames.whole):
            return None
        packets = max(1.0, self.frame_bytes / (size - _PACKET_HEADERS))
        return float(1 - (1 - self.loss) ** (1 / packets))

    @property
    def megabits_a_second(self) -> float:
        """What the camera sends, 0 where no rate is known."""
        return (self.rate_hz or 0.0) * self.frame_bytes * 8 / 1e6
