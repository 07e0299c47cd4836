"""What was grabbed, as lines for people or as JSON."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from statistics import fmean

from edge_inspector.commissioning.advice import Advice
from edge_inspector.commissioning.grabbing import GrabbedFrame
from edge_inspector.commissioning.measured import Measured, NetworkPath

_FRAME = "{:>6}  {:<10}  {:<26}  {:<7}  {:>9}  {:<12}  {:>4}  {}"
_HEAD = _FRAME.format("frame", "state", "captured", "told by", "size", "format", "gray", "").rstrip()


class Printer:
    """Makes the lines."""

    def __init__(self, *, as_json: bool) -> None:
        """Choose how.

        Args:
            as_json: One object a line, instead of a table.
        """
        self._as_json = as_json

    def frame(self, frame: GrabbedFrame) -> str:
        """Return the line of one frame; that of the first has the head above it."""
        if self._as_json:
            return json.dumps(frame.document())
        head = _HEAD + "\n" if frame.number == 0 else ""
        size = "" if frame.image_wh is None else "{}x{}".format(*frame.image_wh)
        gray = "" if frame.mean_gray is None else f"{frame.mean_gray:.0f}"
        at = f"{frame.captured_at:%Y-%m-%d %H:%M:%S.%f}"
        what = frame.problem or ""
        kind = frame.pixel_format or ""
        texts = (frame.number, frame.state, at, frame.captured_at_source, size, kind, gray, what)
        return head + _FRAME.format(*texts).rstrip()

    def check(self, found: Measured, advices: Sequence[Advice]) -> list[str]:
        """Return the lines of the self-check."""
        if self._as_json:
            document = asdict(found) | {
                "mean_grays": [round(gray, 1) for gray in found.mean_grays],
                "rate_hz": found.rate_hz,
                "advice": [{"weight": advice.weight.value, "text": advice.text} for advice in advices],
            }
            return [json.dumps({"self_check": document})]
        return ["", *_measured(found), *map(str, advices), *(() if advices else ("all is well",))]


def _measured(found: Measured) -> Iterator[str]:
    frames = found.frames
    yield f"frames    {frames.whole} whole, {frames.incomplete} incomplete, {frames.missing} missing"
    if found.packets is not None:
        missing, resent, underruns = found.packets.missing, found.packets.resent, found.packets.underruns
        yield f"packets   {missing} missing, {resent} sent again; no free buffer {underruns} times"
    if found.rate_hz is not None:
        asked = "" if found.asked_hz is None else f" of {found.asked_hz:.4g} asked"
        yield f"rate      {found.rate_hz:.4g} frames/s{asked}, {found.megabits_a_second:.0f} Mb/s"
    if found.mean_grays:
        low, high = min(found.mean_grays), max(found.mean_grays)
        yield f"gray      {fmean(found.mean_grays):.0f} on average, {low:.0f} to {high:.0f}"
    yield f"processor {found.cpu_percent:.0f} % of one core"
    if found.network is not None:
        yield from _network(found.network)
    if found.usb is not None:
        speed, memory = _or_unknown(found.usb.speed_mbps), _or_unknown(found.usb.memory_mb)
        yield f"USB       {speed} Mb/s, {memory} MB of the kernel's memory"


def _network(path: NetworkPath) -> Iterator[str]:
    yield (
        f"network   {path.address} by {path.interface or 'no interface'}, MTU {_or_unknown(path.mtu)}, "
        f"{_or_unknown(path.speed_mbps)} Mb/s; packets of {_or_unknown(path.packet_size)} bytes"
    )
    past = "" if path.dropped_in_buffer is not None else "; not used by this user, who may read past it (CAP_NET_RAW)"
    yield (
        f"buffer    net.core.rmem_max {_or_unknown(path.receive_max_bytes)}, "
        f"rmem_default {_or_unknown(path.receive_default_bytes)}{past}"
    )
    yield (
        f"dropped   {_or_unknown(path.dropped_in_buffer)} by a full receive buffer, {path.dropped_by_interface} by the "
        f"interface, {path.checksum_errors} damaged"
    )


def _or_unknown(value: int | None) -> str:
    return "unknown" if value is None else str(value)
