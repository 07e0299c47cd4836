"""What the PLC's registers say of parts, against a real Modbus server."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence

import pytest

from edge_inspector.errors import FieldbusError
from edge_inspector.settings import IdentitySettings, PlcSettings, RegisterField
from edge_inspector.sources.triggers.identity import NOTHING, PlcIdentity, Readings, decode, spans
from edge_inspector.sources.triggers.naming import PartIdentity
from tests.fakes import PATIENCE_S
from tests.line_camera import NotingDesk
from tests.mosquitto import eventually
from tests.plc import Plc, plc

MS = 1_000_000
TEXT = RegisterField(address=0, registers=4)
A, B = PartIdentity("A"), PartIdentity("B")


def registers_of(text: str, count: int) -> list[int]:
    raw = text.encode("latin-1").ljust(2 * count, b"\0")
    return [raw[n] << 8 | raw[n + 1] for n in range(0, 2 * count, 2)]


@pytest.fixture
def machine() -> Iterator[Plc]:
    with plc() as running:
        yield running


@pytest.mark.parametrize(
    ("registers", "field", "text"),
    [
        (registers_of("AB-12", 4), TEXT, "AB-12"),
        (registers_of("  AB 1  ", 4), TEXT, "AB 1"),
        (registers_of("AB\0\xff\xff", 4), TEXT, "AB"),
        ([0, 0, 0, 0], TEXT, None),
        (registers_of("    ", 4), TEXT, None),
        ([65535], RegisterField(address=0, kind="uint16"), "65535"),
        ([1, 2], RegisterField(address=0, kind="uint32"), "65538"),
    ],
)
def test_registers_become_text(registers: Sequence[int], field: RegisterField, text: str | None) -> None:
    assert decode(registers, field) == text


@pytest.mark.parametrize("text", ["A\x07B", "M\xfcnchen"])
def test_a_text_that_nobody_can_print_is_an_error_that_shows_it(text: str) -> None:
    with pytest.raises(FieldbusError, match="registers from 0: expected printable ASCII text, found b'"):
        decode(registers_of(text, 4), TEXT)


def test_fields_side_by_side_are_read_at_once_and_others_apart() -> None:
    fields = [
        RegisterField(address=10, registers=4),
        RegisterField(address=14, kind="uint32"),
        RegisterField(address=40, kind="uint16"),
    ]
    assert spans(fields) == [(10, 6), (40, 1)]


def test_a_frame_gets_the_first_reading_begun_after_its_exposure_and_none_that_is_too_late() -> None:
    readings = Readings(50 * MS)
    for begun_ms, identity in ((0, A), (10, A), (20, B), (30, B), (100, A)):
        readings.add(identity, begun_ms * MS)
    found = {at: readings.after(at * MS) for at in (0, 5, 10, 11, 30, 31, 49, 50, 60, 100, 101)}
    assert found == {
        0: A, 5: A, 10: A, 11: B, 30: B, 31: None, 49: None, 50: A, 60: A, 100: A, 101: None
    }  # fmt: skip


def test_readings_that_stay_the_same_take_no_room() -> None:
    readings = Readings(50 * MS)
    for n in range(100_000):
        readings.add(A if n < 50_000 else B, n * MS)
    assert readings.after(10 * MS) == A
    assert len(readings._readings) == 2


class Watched:
    """An identity with what it told."""

    def __init__(self, machine: Plc, **more: object) -> None:
        fields = {
            "part_id": {"address": 10, "registers": 4},
            "lot": {"address": 14, "kind": "uint32"},
            "product": {"address": 40, "registers": 2},
        }
        self.settings = IdentitySettings.model_validate({**fields, "poll_ms": 2, "hold_ms": 2000, **more})
        self.notes, self.products = NotingDesk(), list[str]()
        self.identity = PlcIdentity(
            PlcSettings.model_validate(machine.settings), self.settings,
            trouble=self.notes.trouble, well=self.notes.well, on_product=self.products.append,
        )  # fmt: skip


def say(machine: Plc, part_id: str, lot: int = 70_000, product: str = "blue") -> None:
    texts = dict(enumerate(registers_of(part_id, 4), 10)) | dict(enumerate(registers_of(product, 2), 40))
    machine.registers = lambda: {**texts, 14: lot >> 16, 15: lot & 0xFFFF}


def test_every_part_gets_what_the_registers_said_when_it_was_captured(machine: Plc) -> None:
    say(machine, "P-0")
    watched = Watched(machine)
    watched.identity.start()
    try:
        watched.notes.wait_for(lambda: watched.notes.kinds() == ["well"], what="it answers")
        for number in range(50):
            say(machine, f"P-{number}", lot=70_000 + number // 10)
            found = watched.identity.at(time.monotonic_ns())
            assert found == PartIdentity(f"P-{number}", str(70_000 + number // 10), "blue")
    finally:
        watched.identity.close()
    assert watched.products == ["blue"]
    assert watched.notes.kinds() == ["well"]


def test_a_product_that_changes_is_told_once(machine: Plc) -> None:
    say(machine, "P", product="blue")
    watched = Watched(machine)
    watched.identity.start()
    try:
        eventually(lambda: watched.products == ["blue"], what="the first product")
        say(machine, "P", product="red")
        eventually(lambda: watched.products == ["blue", "red"], what="the second product")
        assert watched.identity.at(time.monotonic_ns()).product == "red"
        assert watched.products == ["blue", "red"]
    finally:
        watched.identity.close()


def test_a_plc_that_is_gone_holds_nobody_up_and_is_told_of_until_it_is_back(machine: Plc) -> None:
    say(machine, "P")
    watched = Watched(machine, hold_ms=5000)
    watched.identity.start()
    try:
        watched.notes.wait_for(lambda: watched.notes.kinds() == ["well"], what="it answers")
        machine.stop()
        watched.notes.wait_for(lambda: "trouble" in watched.notes.kinds(), what="it is gone")
        assert watched.identity.at(time.monotonic_ns()) == NOTHING
        machine.start()
        watched.notes.wait_for(lambda: watched.notes.kinds()[-1] == "well", what="it is back")
        eventually(lambda: watched.identity.at(time.monotonic_ns()).part_id == "P", what="parts are known again")
    finally:
        watched.identity.close()


def test_who_waits_for_a_reading_waits_no_longer_than_the_hold(machine: Plc) -> None:
    say(machine, "P")
    watched = Watched(machine, hold_ms=300)
    watched.identity.start()
    try:
        watched.notes.wait_for(lambda: watched.notes.kinds() == ["well"], what="it answers")
        machine.is_mute = True
        found: list[PartIdentity] = []
        # A reading that was under way may still come: ask for a part that comes after it.
        asker = threading.Thread(target=lambda: found.append(watched.identity.at(time.monotonic_ns() + 10**12)))
        asker.start()
        asker.join(PATIENCE_S)
        assert found == [NOTHING]
    finally:
        watched.identity.close()


def test_nobody_waits_for_a_reading_of_a_part_of_so_long_ago_that_none_can_come(
    machine: Plc, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = Watched(machine, hold_ms=2000).identity
    monkeypatch.setattr(identity, "_answers", True)
    monkeypatch.setattr(identity._changed, "wait", lambda _: pytest.fail("somebody waits"))
    assert identity.at(time.monotonic_ns() - 5 * 10**9) == NOTHING


def test_a_plc_whose_answers_come_too_late_to_name_a_part_is_told_of(machine: Plc) -> None:
    say(machine, "P")
    registers = machine.registers

    def slowly() -> Mapping[int, int]:
        time.sleep(0.05)
        return registers()

    machine.registers = slowly
    watched = Watched(machine, hold_ms=20)
    watched.identity.start()
    try:
        watched.notes.wait_for(lambda: "trouble" in watched.notes.kinds(), what="it is told of")
        assert "expected within identity.hold_ms (20)" in watched.notes.notes[-1][2]
        assert watched.identity.at(time.monotonic_ns()) == NOTHING
    finally:
        watched.identity.close()


def test_a_register_that_nobody_can_read_as_text_is_told_of_and_parts_go_on_without(machine: Plc) -> None:
    say(machine, "A\x07")
    watched = Watched(machine)
    watched.identity.start()
    try:
        watched.notes.wait_for(lambda: "trouble" in watched.notes.kinds(), what="it is told of")
        assert watched.identity.at(time.monotonic_ns()) == NOTHING
        assert "found b'A\\x07" in watched.notes.notes[0][2]
        say(machine, "A")
        watched.notes.wait_for(lambda: watched.notes.kinds()[-1] == "well", what="it is well")
    finally:
        watched.identity.close()
