"""What a PLC sees of a real daemon: of one that ends, one that is given other settings, and one that is killed."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemons import Daemon, write_configuration
from tests.gated import HEARTBEAT, REJECT_COIL, TRUSTED_COIL
from tests.mosquitto import eventually
from tests.onnx_models import bright_spot_model
from tests.plc import Plc, plc


@pytest.fixture
def machine() -> Iterator[Plc]:
    with plc() as running:
        yield running


def write_line(folder: Path, machine: Plc, **gate: Any) -> Path:
    output = {"reject_coil": REJECT_COIL, "trusted_coil": TRUSTED_COIL, "heartbeat_register": HEARTBEAT}
    settings = {"output": {"type": "modbus", **output}, "deadline_ms": 2000, "heartbeat_ms": 20, **gate}
    model = folder / "model"
    if not model.exists():
        bright_spot_model(model, model_wh=(96, 64), review_at=0.999, reject_at=1.0)
    return write_configuration(
        folder / "station.json",
        model,
        source={"type": "simulated", "rate_hz": 30, "image_wh": [96, 64]},
        plc=machine.settings,
        gate=settings,
    )


def trusted(machine: Plc) -> list[bool]:
    """Return how trust came and went."""
    values = [value for _, value in machine.coil(TRUSTED_COIL)]
    return [value for at, value in enumerate(values) if at == 0 or value != values[at - 1]]


def test_a_daemon_that_ends_leaves_the_outputs_in_their_fail_safe_state(tmp_path: Path, machine: Plc) -> None:
    with Daemon(write_line(tmp_path, machine)) as daemon:
        eventually(lambda: machine.is_on(TRUSTED_COIL), what="the inspection is trusted")
        assert daemon.stop() == 0
    assert trusted(machine) == [False, True, False]
    assert machine.is_on(REJECT_COIL)


def test_other_settings_are_in_force_after_a_moment_in_the_fail_safe_state(tmp_path: Path, machine: Plc) -> None:
    path = write_line(tmp_path, machine, fail_safe="release")
    with Daemon(path) as daemon:
        eventually(lambda: machine.is_on(TRUSTED_COIL), what="the inspection is trusted")
        document = json.loads(path.read_text())
        document["gate"]["output"]["trusted_coil"] = TRUSTED_COIL + 1
        path.write_text(json.dumps(document))
        daemon.send(signal.SIGHUP)
        eventually(lambda: machine.is_on(TRUSTED_COIL + 1), what="the other coil is on")
        assert trusted(machine) == [False, True, False]
        assert daemon.stop() == 0


@pytest.mark.thorough
def test_of_a_daemon_that_is_killed_the_heart_stops_which_is_all_that_a_plc_can_see(
    tmp_path: Path, machine: Plc
) -> None:
    with Daemon(write_line(tmp_path, machine)) as daemon:
        eventually(lambda: len(machine.written(HEARTBEAT)) > 10, what="the heart beats")
        eventually(lambda: machine.is_on(TRUSTED_COIL), what="the inspection is trusted")
        assert daemon.stop(signal.SIGKILL) == -signal.SIGKILL
    assert machine.is_on(TRUSTED_COIL)  # nobody was left to take it back: a PLC must watch the heart
    beats = len(machine.written(HEARTBEAT))
    with Daemon(write_line(tmp_path, machine)):
        eventually(lambda: len(machine.written(HEARTBEAT)) > beats + 10, what="the heart beats again")
        eventually(lambda: machine.is_on(TRUSTED_COIL), what="the inspection is trusted again")
    assert machine.written(HEARTBEAT)[beats] == (1,)
