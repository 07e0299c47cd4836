"""A whole station with a gate: the simulated line, a real model, a real PLC, and what came of each part."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from edge_inspector.app.build import build
from edge_inspector.app.station import Station
from edge_inspector.events import Json
from edge_inspector.frame import Frame
from edge_inspector.pipeline.options import Totals
from edge_inspector.settings import Settings, parse
from edge_inspector.simulation import plan_tag, render_tag
from tests.fakes import PATIENCE_S, RecordingSink
from tests.mosquitto import eventually
from tests.onnx_models import bright_spot_model
from tests.plc import Plc

IMAGE_WH = (96, 64)
SEED = 3
CELL_XYXY = (32, 32, 48, 48)  # the only place where spots count
REJECT_COIL, TRUSTED_COIL, HEARTBEAT, OUTCOME = 10, 11, 20, 30
CODES = {"accept": 1, "review": 2, "reject": 3, "no_verdict": 4}


def brightness(number: int) -> float:
    x0, y0, x1, y1 = CELL_XYXY
    return int(render_tag(plan_tag(SEED, number, image_wh=IMAGE_WH))[y0:y1, x0:x1].max()) / 255


# About a third each of the parts is accepted, reviewed and rejected.
REVIEW_AT, REJECT_AT = np.quantile([brightness(number) for number in range(60)], (1 / 3, 2 / 3)).round(3) + 0.0005


def gated_settings(
    folder: Path, machine: Plc | None, *, count: int | None = None, rate_hz: float = 30.0, **sections: Any
) -> Settings:
    """Return the settings of a line whose parts are judged by their brightness alone, with a gate."""
    model = folder / "model"
    if not model.exists():
        bright_spot_model(model, model_wh=IMAGE_WH, review_at=float(REVIEW_AT), reject_at=float(REJECT_AT))
    (width, height), (x0, y0, x1, y1) = IMAGE_WH, CELL_XYXY
    cell = [[x / width, y / height] for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
    gate = {
        "output": {
            "type": "modbus",
            "reject_coil": REJECT_COIL,
            "trusted_coil": TRUSTED_COIL,
            "heartbeat_register": HEARTBEAT,
            "outcome_register": OUTCOME,
        },
        "deadline_ms": 2000,
        "pulse_ms": 5,
        "fail_safe": "release",
        **sections.pop("gate", {}),
    }
    source = {"type": "simulated", "rate_hz": rate_hz, "image_wh": list(IMAGE_WH), "seed": SEED}
    document = {
        "station": {"site": "hall", "line": "line-1", "station": "station-2", "camera": "top"},
        "source": source if count is None else {**source, "count": count},
        "model": {"path": str(model)},
        "policy": {"roi": [cell]},
        "state": {"dir": str(folder / "state")},
        "plc": {**({} if machine is None else machine.settings), "timeout_ms": 500, **sections.pop("plc", {})},
        "gate": gate,
        "health": {"image": {"enabled": False}},
        **sections,
    }
    return parse(document)


@dataclass(frozen=True, slots=True)
class Gated:
    """A station that runs on a thread of its own."""

    station: Station
    sink: RecordingSink
    stop: threading.Event
    ended: threading.Event
    totals: list[Totals]

    @classmethod
    @contextmanager
    def running(cls, settings: Settings, *, watch_frame: Callable[[Frame], None] | None = None) -> Iterator[Self]:
        """Run a station while the context lasts; `watch_frame` as for `build`."""
        sink, stop, ended, totals = RecordingSink(), threading.Event(), threading.Event(), []

        with build(settings, stop, sinks={"test": sink}, watch_frame=watch_frame) as station:

            def run() -> None:
                totals.append(station.run(stop))
                ended.set()

            thread = threading.Thread(target=run, name="flow", daemon=True)
            thread.start()
            try:
                yield cls(station, sink, stop, ended, totals)
            finally:
                stop.set()
                thread.join(PATIENCE_S)

    def wait_for_the_end(self, patience_s: float = PATIENCE_S) -> None:
        assert self.ended.wait(patience_s), "the line never came to its end"

    def gate(self) -> dict[str, Any]:
        """Return what the statistics tell of the gate."""
        return _of(self.station._pipeline.values()["gate"])

    def gate_at_rest(self, decided: int) -> dict[str, Any]:
        """Return what the statistics tell of the gate once it has served all parts; it does so on a thread of its own.

        Args:
            decided: So many parts come to it.
        """

        def is_at_rest() -> bool:
            gate = self.gate()
            served = gate["pulses"] + gate["withheld"] + gate["missed_pulses"]
            return bool(gate["decided"] == decided and gate["rejected"] == served)

        eventually(is_at_rest, what=f"the gate has served {decided} parts")
        return self.gate()

    def outcomes(self) -> list[str]:
        """Return the outcome of each part, in the order of the results."""
        return [_of(json.loads(m.payload)["data"])["outcome"] for m in self._on("top/result")]

    def defects(self) -> list[dict[str, Any]]:
        return [_of(json.loads(m.payload)["data"]) for m in self._on("top/defect")]

    def alarms(self, name: str) -> list[str]:
        """Return what became of an alarm: `raised` and `cleared` with their texts."""
        told = [json.loads(m.payload) for m in self._on(f"alarm/{name}") if m.payload]
        return [f"{each['type'].split('.')[-2]}: {each['data']['text']}" for each in told]

    def _on(self, topic: str) -> list[Any]:
        return [m for m in list(self.sink.messages) if m.topic == f"edge-inspector/hall/line-1/station-2/{topic}"]


def _of(value: Json) -> dict[str, Any]:
    assert isinstance(value, dict)
    return value
