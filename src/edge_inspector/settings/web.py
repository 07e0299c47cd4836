"""A continuous web, seen by a line-scan camera."""

from typing import Literal, Self

from pydantic import Field, model_validator

from edge_inspector.settings.plc import ModbusAddress, PollMs
from edge_inspector.settings.section import LARGEST_IMAGE_SIDE, SMALLEST_IMAGE_SIDE, Score, Section


class WebSpeedSettings(Section):
    """The speed of a web under a camera with a fixed line rate: a register of the PLC of section `plc`."""

    address: ModbusAddress
    kind: Literal["input", "holding"] = "input"
    mm_s_per_unit: float = Field(gt=0, le=1_000_000, description="millimeters a second that 1 in the register means")
    lines_hz: float = Field(gt=0, le=1_000_000, description="the camera's line rate, as it is set there")
    poll_ms: PollMs = 20.0


class WebSettings(Section):
    """How the lines of a line-scan camera become frames that overlap, so that no defect lies on a seam."""

    frame_lines: int = Field(512, ge=SMALLEST_IMAGE_SIDE, le=LARGEST_IMAGE_SIDE, description="lines of one frame")
    overlap_lines: int = Field(
        128, ge=1, le=LARGEST_IMAGE_SIDE, description="a defect up to this length lies whole in one frame"
    )
    mm_per_line: float | None = Field(None, gt=0, le=1000, description="resolution along the web; unknown when absent")
    speed: WebSpeedSettings | None = Field(None, description="for cameras without an encoder; mm_per_line follows it")
    roll_ends_after_s: float | None = Field(
        None, gt=0, le=86_400, description="no lines for so long: the roll has ended; only a command ends one if absent"
    )

    @model_validator(mode="after")
    def _advances(self) -> Self:
        if 2 * self.overlap_lines > self.frame_lines:
            msg = f"overlap_lines: expected at most half of frame_lines {self.frame_lines}, found {self.overlap_lines}"
            raise ValueError(msg)
        if self.speed is not None and self.mm_per_line is not None:
            msg = "mm_per_line and speed: a resolution is fixed or follows the speed; expected one of them, found both"
            raise ValueError(msg)
        return self


class SimulatedWebSource(Section):
    """Renders a continuous web with known defects, as blocks of lines, some of them on the seams."""

    type: Literal["simulated_web"]
    seed: int = Field(0, ge=0)
    lines_hz: float | None = Field(
        1000.0, gt=0, le=1_000_000, description="lines a second at full speed; null: as fast as they are inspected"
    )
    roll_lines: int | None = Field(None, ge=1, description="lines of one roll; it never ends when absent")
    rolls: int | None = Field(None, ge=1, description="stop after so many rolls; never when absent")
    defect_rate: Score = Field(0.3, description="share of the web's sections that have a defect")
    speed_changes: bool = Field(default=False, description="the web slows down, stops and runs again")
    line_rate: Literal["encoder", "fixed"] = Field(
        "encoder", description="fixed: lines come at lines_hz also where the web is slow, which stretches the picture"
    )
    web: WebSettings = WebSettings(frame_lines=300, overlap_lines=100)

    @model_validator(mode="after")
    def _knows_its_speed(self) -> Self:
        if self.web.speed is not None:
            msg = "web.speed: a simulated web knows its speed; expected line_rate 'fixed' and web.mm_per_line instead"
            raise ValueError(msg)
        return self

    @property
    def is_triggered(self) -> bool:
        """Whether its frames belong to parts."""
        return False
