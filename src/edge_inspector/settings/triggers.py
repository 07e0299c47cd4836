"""What tells a station that a part is in front of the camera."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from edge_inspector.settings.plc import DebounceMs, ModbusAddress, PollMs
from edge_inspector.settings.section import Polygon, Score, Section


class HardwareTrigger(Section):
    """The part's sensor is wired to the camera, which takes a frame by itself; industrial cameras only."""

    by: Literal["hardware"]
    selector: str = Field("FrameStart", description="GenICam TriggerSelector: what one pulse starts")
    source: str = Field("Line1", description="GenICam TriggerSource: the camera's input")
    activation: str = Field("RisingEdge", description="GenICam TriggerActivation")


class TimerTrigger(Section):
    """A part comes at every beat of a clock."""

    by: Literal["timer"]
    rate_hz: float = Field(gt=0, le=1000, description="parts a second")


class CommandTrigger(Section):
    """A part comes when the command `trigger` says so."""

    by: Literal["command"]


class DigitalTrigger(Section):
    """The part's sensor is wired to a digital input of this device; needs the extra edge-inspector[gpio]."""

    by: Literal["digital"]
    chip: Path = Path("/dev/gpiochip0")
    line: int = Field(ge=0, le=1023, description="offset of the line on its chip, as `gpioinfo` counts")
    edge: Literal["rising", "falling"] = "rising"
    debounce_ms: DebounceMs = 1.0


class PlcTrigger(Section):
    """The PLC of section `plc` sets a coil or an input when a part is there; its rising edge counts."""

    by: Literal["plc"]
    kind: Literal["coil", "discrete_input"] = "coil"
    address: ModbusAddress
    poll_ms: PollMs = 5.0


class PartSensorTrigger(Section):
    """The pictures of the camera, which runs on by itself, tell that a part is there, and not the empty line."""

    by: Literal["part_sensor"]
    roi: Polygon = Field(
        ((0.4, 0.0), (0.6, 0.0), (0.6, 1.0), (0.4, 1.0)),
        description="where to look, in fractions of the frame; a part counts when it has reached it",
    )
    difference: int = Field(24, ge=1, le=255, description="gray values by which a part differs from the empty line")
    covered: Score = Field(0.5, description="share of the ROI that a part covers when it is there")


TriggerSettings: TypeAlias = Annotated[
    HardwareTrigger | TimerTrigger | CommandTrigger | DigitalTrigger | PlcTrigger | PartSensorTrigger,
    Field(discriminator="by"),
]
TRIGGER_KINDS = "'hardware', 'timer', 'command', 'digital', 'plc' or 'part_sensor'"
