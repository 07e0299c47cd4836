"""What a gate is configured with, and what is refused before the line runs."""

from typing import Any

import pytest

from edge_inspector.alarms import Alarm
from edge_inspector.app.gate import gate_of
from edge_inspector.app.source import flow_options
from edge_inspector.errors import ConfigError
from edge_inspector.settings import Settings, parse

PLC = {"host": "10.0.0.5"}
MODBUS = {"type": "modbus", "reject_coil": 1}


def settings_of(gate: dict[str, Any], **sections: Any) -> Settings:
    return parse({"plc": PLC, "gate": {"output": MODBUS, **gate}, **sections}, name="station.json")


def problem(gate: dict[str, Any], **sections: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        settings_of(gate, **sections)
    return str(caught.value)


class NoAlarms:
    def raise_(self, alarm: Alarm, *, lasting: bool = False) -> None:  # noqa: ARG002 - the port's signature
        raise AssertionError(alarm)

    def clear(self, name: str, *, text: str | None = None) -> None:  # noqa: ARG002
        raise AssertionError(name)


@pytest.mark.parametrize(
    ("gate", "text"),
    [
        ({"output": {"type": "modbus"}}, "gate.output: expected reject_coil, outcome_register or both, found neither"),
        (
            {"output": {**MODBUS, "trusted_coil": 1}},
            "gate.output: expected two coils for reject_coil and trusted_coil, found 1 for both",
        ),
        (
            {"output": {**MODBUS, "outcome_register": 7, "heartbeat_register": 8}},
            "gate.output: expected heartbeat_register apart from the outcomes at 7 and 8, found 8",
        ),
        (
            {"output": {"type": "digital", "reject_line": 3, "trusted_line": 4, "heartbeat_line": 3}},
            "gate.output: expected a line of its own for each output, found 3, 4, 3",
        ),
        ({"delay": {"ms": 100}}, "gate.delay.by: expected 'time' or 'encoder', found nothing"),
        (
            {"delay": {"by": "time", "ms": 100}, "deadline_ms": 100},
            "gate: deadline_ms: expected more than delay.ms (100), found 100",
        ),
        (
            {"delay": {"by": "encoder", "counts": 32_000, "late_counts": 800, "address": 1, "bits": 16}},
            "gate.delay: expected counts + late_counts below half of what 16 bits count, 32768, found 32800",
        ),
        ({"rejects": []}, "gate.rejects"),
        ({"rejects": ["accept"]}, "gate.rejects.0"),
        ({"output": {"type": "relay"}}, "gate.output.type: expected 'modbus' or 'digital', found 'relay'"),
    ],
)
def test_a_gate_that_cannot_work_is_refused_with_its_reason(gate: dict[str, Any], text: str) -> None:
    assert text in problem(gate)


def test_a_gate_that_speaks_to_a_plc_needs_one() -> None:
    assert "plc: missing" in problem({}, plc=None)
    by_encoder = {"by": "encoder", "counts": 100, "late_counts": 10, "address": 1}
    digital = {"type": "digital", "reject_line": 3}
    assert "gate.delay speaks to a PLC" in problem({"output": digital, "delay": by_encoder}, plc=None)
    assert settings_of({"output": digital}, plc=None).plc is None


def test_a_part_without_a_verdict_must_still_be_thrown_out_in_time() -> None:
    assert "flow.deadline_ms: expected less than gate.deadline_ms (100)" in problem({}, flow={"deadline_ms": 100})
    assert flow_options(settings_of({}, flow={"deadline_ms": 99})).deadline_ms == 99
    assert flow_options(settings_of({})).deadline_ms == 80
    assert flow_options(parse({})).deadline_ms is None


def test_by_an_encoder_nobody_knows_how_long_a_part_takes_to_the_gate() -> None:
    by_encoder = {"by": "encoder", "counts": 100, "late_counts": 10, "address": 1}
    settings = settings_of({"delay": by_encoder}, flow={"deadline_ms": 5000})
    assert settings.gate is not None
    assert settings.gate.verdict_by_ms is None
    assert flow_options(settings_of({"delay": by_encoder})).deadline_ms is None


def test_without_a_gate_there_is_none_and_a_replay_never_has_one() -> None:
    assert gate_of(parse({}), NoAlarms()) is None
    assert gate_of(settings_of({}), NoAlarms(), wanted=False) is None
    digital = {"type": "digital", "reject_line": 3}
    by_encoder = {"by": "encoder", "counts": 100, "late_counts": 10, "address": 1}
    for gate in ({}, {"output": digital}, {"delay": by_encoder}, {"output": digital, "delay": by_encoder}):
        assert gate_of(settings_of(gate), NoAlarms()) is not None
