"""The PLC's connection, against a real Modbus server."""

import contextlib
import logging
import socket
import threading
from collections.abc import Iterator

import pytest
from pymodbus.constants import ExcCodes

from edge_inspector.errors import FieldbusError
from edge_inspector.fieldbus.modbus import ModbusLink
from edge_inspector.settings import PlcSettings
from tests.plc import Plc, plc


@pytest.fixture
def machine() -> Iterator[Plc]:
    with plc() as running:
        yield running


@pytest.fixture
def link(machine: Plc) -> Iterator[ModbusLink]:
    opened = ModbusLink(PlcSettings(host="127.0.0.1", port=machine.port, timeout_ms=2000))
    yield opened
    opened.close()


def test_what_is_written_arrives_and_several_registers_arrive_at_once(machine: Plc, link: ModbusLink) -> None:
    link.write_bit(17, value=True)
    link.write_bit(17, value=False)
    link.write_registers(40, [65535, 3])
    assert [(w.kind, w.address, w.values) for w in machine.writes] == [
        ("coil", 17, (1,)),
        ("coil", 17, (0,)),
        ("holding", 40, (65535, 3)),
    ]


def test_what_was_written_is_read_back(link: ModbusLink) -> None:
    link.write_registers(3, [7, 65535])
    link.write_bit(9, value=True)
    assert link.read_registers(2, 4) == [0, 7, 65535, 0]
    assert link.read_bits(8, 3) == [False, True, False]


def test_inputs_are_another_place_than_coils_and_holding_registers(machine: Plc, link: ModbusLink) -> None:
    machine.inputs = lambda: {4: 1, 5: 2}
    machine.bits = lambda: {20: True}
    assert link.read_registers(4, 2, kind="input") == [1, 2]
    assert link.read_registers(4, 2) == [0, 0]
    assert link.read_bits(19, 3, kind="discrete_input") == [False, True, False]


def test_small_requests_are_not_held_back_to_be_sent_together(link: ModbusLink) -> None:
    link.write_bit(0, value=True)
    assert link._client is not None
    assert link._client.socket is not None
    assert link._client.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_refusal_says_what_was_asked_and_what_was_answered_and_keeps_the_connection(
    machine: Plc, link: ModbusLink
) -> None:
    with pytest.raises(FieldbusError) as caught:
        link.read_registers(10_000, 2)
    assert str(caught.value) == (
        f"PLC 127.0.0.1:{machine.port} unit 1: read 2 holding registers from 10000: "
        "it refused with exception 2 (illegal data address)"
    )
    before = link._client
    machine.refuses = ExcCodes.DEVICE_BUSY
    with pytest.raises(FieldbusError, match=r"write 1 to coil 3: it refused with exception 6 \(server device busy\)"):
        link.write_bit(3, value=True)
    machine.refuses = None
    link.write_bit(3, value=True)
    assert link._client is before


def test_nobody_there_is_said_at_once(machine: Plc, link: ModbusLink) -> None:
    machine.stop()
    with pytest.raises(FieldbusError, match="write 1 to coil 3: no connection: Connection refused"):
        link.write_bit(3, value=True)


def test_a_plc_that_was_restarted_is_reached_again(machine: Plc, link: ModbusLink) -> None:
    link.write_bit(3, value=True)
    machine.stop()
    with pytest.raises(FieldbusError, match=r"write 1 to coil 3: (it closed the connection|no connection)"):
        link.write_bit(3, value=True)
    machine.start()
    link.write_bit(3, value=False)
    assert not machine.is_on(3)


def test_a_plc_that_takes_requests_and_never_answers_is_not_waited_for(machine: Plc) -> None:
    link = ModbusLink(PlcSettings(host="127.0.0.1", port=machine.port, timeout_ms=100))
    machine.is_mute = True
    with pytest.raises(FieldbusError, match="read 1 input registers from 0: no answer within 100 ms"):
        link.read_registers(0, 1, kind="input")
    assert machine.requests == 1  # a second try could not be told from the first by its answer
    link.close()


def test_an_answer_that_comes_too_late_is_never_taken_for_the_next_one() -> None:
    late = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_answer_late, args=(server, late), daemon=True)
        thread.start()
        link = ModbusLink(PlcSettings(host="127.0.0.1", port=server.getsockname()[1], timeout_ms=150))
        with pytest.raises(FieldbusError, match="no answer within 150 ms"):
            link.read_registers(1, 1)
        late.set()
        link._settings = link._settings.model_copy(update={"timeout_ms": 5000})
        assert link.read_registers(2, 1) == [2]
        link.close()
        thread.join()


def _answer_late(server: socket.socket, late: threading.Event) -> None:
    """Answer with the register's own address; the first one only when it is too late, and as transaction 1 again."""
    first, _ = server.accept()
    asked = first.recv(100)
    late.wait()
    second, _ = server.accept()
    with contextlib.suppress(OSError):  # that connection is closed, as it should be
        first.sendall(_answer_to(asked))
    second.sendall(_answer_to(second.recv(100)))
    second.recv(100)
    first.close()
    second.close()


def _answer_to(asked: bytes) -> bytes:
    return asked[:4] + bytes([0, 5, asked[6], 3, 2]) + asked[8:10]


def test_garbage_is_an_error_and_not_a_value() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with server.accept()[0] as connection:
                asked = connection.recv(100)
                connection.sendall(asked[:4] + bytes([0, 4, asked[6], 3, 2, 1]))  # a register of one byte
                connection.recv(100)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        link = ModbusLink(PlcSettings(host="127.0.0.1", port=server.getsockname()[1], timeout_ms=200))
        with pytest.raises(FieldbusError, match="read 1 holding registers from 0: "):
            link.read_registers(0, 1)
        link.close()
        thread.join()


def test_failures_are_told_by_who_asked_and_by_nobody_else(
    machine: Plc, link: ModbusLink, caplog: pytest.LogCaptureFixture
) -> None:
    machine.stop()
    with caplog.at_level(logging.DEBUG):
        for _ in range(3):
            with pytest.raises(FieldbusError):
                link.write_bit(3, value=True)
    assert caplog.records == []
