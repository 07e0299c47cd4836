"""What the PLC knows of the parts: its registers, read again and again, and what they said when a frame was taken."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from edge_inspector.alarms import PLC_UNREACHABLE
from edge_inspector.errors import FieldbusError
from edge_inspector.fieldbus.modbus import ModbusLink
from edge_inspector.settings import IdentitySettings, PlcSettings, RegisterField
from edge_inspector.sources.triggers.naming import PartIdentity
from edge_inspector.sources.triggers.polling import Polling

_REMEMBERED = 1024  # changes of the registers
_SLOW = 3  # answers in a row that came too late to be of use
NOTHING = PartIdentity()


@dataclass(slots=True)
class _Reading:
    """What the registers said, and the first and the last time at which such a reading was begun."""

    identity: PartIdentity
    first_ns: int
    last_ns: int


class Readings:
    """What the registers said lately; for all threads, and without a clock of its own."""

    def __init__(self, hold_ns: int) -> None:
        """Start with none.

        Args:
            hold_ns: A reading begun so long after the exposure still counts.
        """
        self._hold_ns = hold_ns
        self._readings: deque[_Reading] = deque(maxlen=_REMEMBERED)

    def add(self, identity: PartIdentity, begun_ns: int) -> None:
        """Add a reading; the times never go back."""
        last = self._readings[-1] if self._readings else None
        if last is not None and last.identity == identity and begun_ns - last.last_ns <= self._hold_ns:
            last.last_ns = begun_ns
        else:
            self._readings.append(_Reading(identity, begun_ns, begun_ns))

    def after(self, captured_ns: int) -> PartIdentity | None:
        """Return what the first reading said that was begun after the exposure, within the hold; None without one."""
        found: _Reading | None = None
        for reading in reversed(self._readings):
            if reading.last_ns < captured_ns:
                break
            found = reading
        return None if found is None or found.first_ns - captured_ns > self._hold_ns else found.identity

    def reaches(self, captured_ns: int) -> bool:
        """Return whether a reading was begun after the exposure: no later one tells more of it."""
        return bool(self._readings) and self._readings[-1].last_ns >= captured_ns


class PlcIdentity:
    """Reads the registers on a thread of its own; whoever asks waits for a reading no longer than `hold_ms`."""

    def __init__(
        self,
        plc: PlcSettings,
        settings: IdentitySettings,
        *,
        trouble: Callable[[str, str], None],
        well: Callable[[str, str], None],
        on_product: Callable[[str], None] | None = None,
    ) -> None:
        """Prepare; the PLC is asked from the start on.

        Args:
            plc: Where it is.
            settings: Which registers, and how often.
            trouble: Takes the name of an alarm and what is wrong.
            well: Takes the same once it is well, for the first time or again.
            on_product: Called on the reading thread with the product whenever it has changed, the first one too; must
                not wait.
        """
        self._plc, self._settings = plc, settings
        self._trouble, self._well, self._on_product = trouble, well, on_product
        self._hold_ns = int(settings.hold_ms * 1e6)
        self._spans = spans([f for f in (settings.part_id, settings.lot, settings.product) if f is not None])
        self._changed = threading.Condition()
        self._readings = Readings(self._hold_ns)
        self._answers = self._is_closed = False
        self._product: str | None = None
        self._polling = Polling("identity", self._read_on, failed=self._failed)

    def start(self) -> None:
        """Read from now on."""
        self._polling.start()

    def close(self) -> None:
        """Read no more, and let nobody wait."""
        with self._changed:
            self._answers, self._is_closed = False, True
            self._changed.notify_all()
        self._polling.close()

    def at(self, captured_ns: int) -> PartIdentity:
        """Return what the registers said of the part that was captured then; of nothing where nobody knows.

        Waits no longer than `hold_ms`, and not at all for a part of so long ago that no reading of it can come.
        """
        until_s = min(time.monotonic() + self._hold_ns / 1e9, (captured_ns + 2 * self._hold_ns) / 1e9)
        with self._changed:
            while not self._readings.reaches(captured_ns) and self._answers:
                if (left_s := until_s - time.monotonic()) <= 0:
                    break
                self._changed.wait(left_s)
            return self._readings.after(captured_ns) or NOTHING

    def _read_on(self, stop: threading.Event) -> None:
        period_s, slow = self._settings.poll_ms / 1e3, 0
        with closing(ModbusLink(self._plc)) as link:
            while not stop.is_set():
                begun_ns = time.monotonic_ns()
                identity = self._read(link)
                took_ns = time.monotonic_ns() - begun_ns
                slow = slow + 1 if took_ns > self._hold_ns else 0
                if not slow:  # else the PLC may have gone on meanwhile
                    self._note(identity, begun_ns)
                elif slow == _SLOW:
                    within = f"expected within identity.hold_ms ({self._settings.hold_ms:g})"
                    self._failed(f"the PLC names no part: it answers after {took_ns / 1e6:.0f} ms, {within}")
                stop.wait(max(0.0, period_s - (time.monotonic_ns() - begun_ns) / 1e9))

    def _read(self, link: ModbusLink) -> PartIdentity:
        found: dict[int, int] = {}
        for address, count in self._spans:
            found |= zip(
                range(address, address + count), link.read_registers(address, count), strict=True
            )  # fmt: skip
        settings = self._settings
        part_id, lot, product = (
            None if field is None else decode([found[place] for place in _places(field)], field)
            for field in (settings.part_id, settings.lot, settings.product)
        )
        return PartIdentity(part_id, lot, product)

    def _note(self, identity: PartIdentity, begun_ns: int) -> None:
        with self._changed:
            if self._is_closed:
                return  # it was asked for before
            is_news, self._answers = not self._answers, True
            self._readings.add(identity, begun_ns)
            self._changed.notify_all()
        if is_news:
            self._polling.is_well()
            self._well(PLC_UNREACHABLE, f"the PLC answers at {self._plc.host}:{self._plc.port}")
        if identity.product is not None and identity.product != self._product:
            self._product = identity.product
            if self._on_product is not None:
                self._on_product(identity.product)

    def _failed(self, problem: str) -> None:
        with self._changed:
            self._answers = False
            self._changed.notify_all()
        self._trouble(PLC_UNREACHABLE, problem)


def decode(registers: Sequence[int], field: RegisterField) -> str | None:
    """Return the value in holding registers as text; None where a text is empty.

    Raises:
        FieldbusError: If a text has characters that no name has.
    """
    match field.kind:
        case "uint16":
            return str(registers[0])
        case "uint32":
            return str(registers[0] << 16 | registers[1])
        case "text":
            raw = b"".join(register.to_bytes(2, "big") for register in registers)
    text = raw.split(b"\0", 1)[0].strip(b" ").decode("latin-1")
    if not (text.isascii() and text.isprintable()):
        msg = f"holding registers from {field.address}: expected printable ASCII text, found {raw!r}"
        raise FieldbusError(msg)
    return text or None


def spans(fields: Sequence[RegisterField]) -> list[tuple[int, int]]:
    """Return what is read by one request each, as address and count: fields side by side come together."""
    return list(_spans(sorted({place for field in fields for place in _places(field)})))


def _spans(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    begin = 0
    for index in range(1, len(places) + 1):
        if index == len(places) or places[index] != places[index - 1] + 1:
            yield places[begin], index - begin
            begin = index


def _places(field: RegisterField) -> range:
    count = {"text": field.registers, "uint16": 1, "uint32": 2}[field.kind]
    return range(field.address, field.address + count)
