"""The length of a web's lines follows its speed, which the PLC knows."""

import pytest

from edge_inspector.alarms import PLC_UNREACHABLE
from edge_inspector.camera import SourceTrouble
from edge_inspector.errors import ConfigError
from edge_inspector.settings import PlcSettings, Settings, WebSpeedSettings, parse
from edge_inspector.sources.mailbox import Mailbox
from edge_inspector.sources.outlet import Outlet
from edge_inspector.sources.web_speed import WebSpeed
from tests.mosquitto import eventually
from tests.plc import Plc

SPEED = {"address": 7, "mm_s_per_unit": 0.5, "lines_hz": 10_000}


def test_a_line_is_as_long_as_the_web_runs_meanwhile_and_unknown_while_the_plc_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge_inspector.sources.web_speed._HOLD_S", 0.3)
    outlet = Outlet("line-camera", Mailbox(4), stuck_after_s=60)
    with Plc() as machine:
        machine.inputs = lambda: {7: 2000}
        speed = WebSpeed(PlcSettings(**machine.settings), WebSpeedSettings(**SPEED, poll_ms=5))
        speed.run_beside(outlet)
        assert speed.mm_per_line() is None
        speed.start()
        try:
            eventually(lambda: speed.mm_per_line() == pytest.approx(0.1), what="1 m/s is 0.1 mm a line")
            machine.inputs = lambda: {7: 0}
            eventually(lambda: speed.mm_per_line() == 0, what="a web that stands")
            machine.stop()
            eventually(lambda: speed.mm_per_line() is None, what="an unknown resolution")
            machine.start()
            machine.inputs = lambda: {7: 65_535}
            eventually(lambda: speed.mm_per_line() == pytest.approx(65_535 * 0.5 / 10_000), what="the PLC is back")
        finally:
            speed.close()
    told = []
    while (item := outlet.take(0)) is not None:
        told.append(item)
    assert [(item.alarm, item.is_over) for item in told if isinstance(item, SourceTrouble)] == [
        (PLC_UNREACHABLE, True),
        (PLC_UNREACHABLE, False),
        (PLC_UNREACHABLE, True),
    ]


def source_with(**web: object) -> Settings:
    return parse({"source": {"type": "genicam", "web": web}, "plc": {"host": "192.0.2.9"}})


def test_a_speed_needs_a_plc_and_is_not_given_beside_a_fixed_resolution() -> None:
    source_with(speed=SPEED)
    with pytest.raises(ConfigError, match="mm_per_line and speed"):
        source_with(speed=SPEED, mm_per_line=0.1)
    with pytest.raises(ConfigError, match=r"plc: missing.*source\.web\.speed"):
        parse({"source": {"type": "genicam", "web": {"speed": SPEED}}})
    with pytest.raises(ConfigError, match="a simulated web knows its speed"):
        parse({"source": {"type": "simulated_web", "web": {"speed": SPEED}}, "plc": {"host": "192.0.2.9"}})
