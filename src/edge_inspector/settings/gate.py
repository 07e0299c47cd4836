"""The reject gate: what throws a part out, and when."""

from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from edge_inspector.settings.plc import ModbusAddress
from edge_inspector.settings.section import Section

Line: TypeAlias = Annotated[int, Field(ge=0, le=1023)]


class ModbusOutput(Section):
    """Coils and registers of the PLC of section `plc`."""

    type: Literal["modbus"]
    reject_coil: ModbusAddress | None = Field(None, description="on for the length of a pulse when a part is rejected")
    trusted_coil: ModbusAddress | None = Field(None, description="on while the inspection can be trusted")
    heartbeat_register: ModbusAddress | None = Field(None, description="counts up while this station lives")
    outcome_register: ModbusAddress | None = Field(
        None,
        description="first of two registers: a number that counts outcomes, and the outcome as 1 accept, 2 review, "
        "3 reject, 4 no verdict, 5 too late; both are written at once, as soon as the outcome is known",
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.reject_coil is None and self.outcome_register is None:
            msg = "expected reject_coil, outcome_register or both, found neither: nobody would learn of an outcome"
            raise ValueError(msg)
        if self.reject_coil is not None and self.reject_coil == self.trusted_coil:
            msg = f"expected two coils for reject_coil and trusted_coil, found {self.reject_coil} for both"
            raise ValueError(msg)
        first, heartbeat = self.outcome_register, self.heartbeat_register
        if first is not None and heartbeat in {first, first + 1}:
            msg = f"expected heartbeat_register apart from the outcomes at {first} and {first + 1}, found {heartbeat}"
            raise ValueError(msg)
        return self


class DigitalOutput(Section):
    """Digital outputs of this device; needs the extra edge-inspector[gpio]."""

    type: Literal["digital"]
    chip: Path = Path("/dev/gpiochip0")
    reject_line: Line = Field(description="offset on its chip; on for the length of a pulse")
    trusted_line: Line | None = Field(None, description="on while the inspection can be trusted")
    heartbeat_line: Line | None = Field(None, description="on and off by turns while this station lives")
    active_low: bool = False

    @property
    def lines(self) -> tuple[int, ...]:
        """All lines that it has."""
        return tuple(line for line in (self.reject_line, self.trusted_line, self.heartbeat_line) if line is not None)

    @model_validator(mode="after")
    def _has_a_line_for_each(self) -> Self:
        if len(set(self.lines)) < len(self.lines):
            msg = f"expected a line of its own for each output, found {', '.join(map(str, self.lines))}"
            raise ValueError(msg)
        return self


class DelayByTime(Section):
    """The part reaches the gate so long after its exposure."""

    by: Literal["time"] = "time"
    ms: float = Field(0.0, ge=0, le=600_000, description="0: as soon as the outcome is known")


class DelayByEncoder(Section):
    """The part reaches the gate so many counts of an encoder after its exposure; the PLC tells the count."""

    by: Literal["encoder"]
    counts: int = Field(ge=1, le=1_000_000_000)
    late_counts: int = Field(
        ge=1, le=1_000_000_000, description="a pulse that would begin so many counts behind its place is not given"
    )
    address: ModbusAddress = Field(description="first of the input registers that hold the count, high word first")
    bits: Literal[16, 32] = 32
    poll_ms: float = Field(5.0, ge=1, le=1000)

    @model_validator(mode="after")
    def _can_be_counted(self) -> Self:
        reach = self.counts + self.late_counts
        if reach >= (half := 1 << (self.bits - 1)):
            msg = f"expected counts + late_counts below half of what {self.bits} bits count, {half}, found {reach}"
            raise ValueError(msg)
        return self


OutputSettings: TypeAlias = Annotated[ModbusOutput | DigitalOutput, Field(discriminator="type")]
DelaySettings: TypeAlias = Annotated[DelayByTime | DelayByEncoder, Field(discriminator="by")]


class GateSettings(Section):
    """What is done with a part that has its outcome."""

    output: OutputSettings
    rejects: tuple[Literal["reject", "review"], ...] = Field(
        ("reject",),
        min_length=1,
        description="verdicts of parts that are thrown out; no_verdict counts as policy.fail_safe says",
    )
    delay: DelaySettings = DelayByTime()
    deadline_ms: float = Field(
        100.0,
        gt=0,
        le=600_000,
        description="an outcome must be at the output so long after the exposure of the part's first frame; a pulse "
        "that would begin later is not given. With a delay by encoder it is for the outcome register alone",
    )
    pulse_ms: float = Field(50.0, gt=0, le=10_000)
    heartbeat_ms: float = Field(200.0, ge=10, le=10_000)
    fail_safe: Literal["hold", "release"] = Field(
        "hold", description="the reject output while the inspection cannot be trusted: held on, or released"
    )

    @model_validator(mode="after")
    def _may_still_come_in_time(self) -> Self:
        if isinstance(self.delay, DelayByTime) and self.delay.ms >= self.deadline_ms:
            msg = f"deadline_ms: expected more than delay.ms ({self.delay.ms:g}), found {self.deadline_ms:g}"
            raise ValueError(msg)
        return self

    @property
    def verdict_by_ms(self) -> float | None:
        """Milliseconds after the exposure by which there must be an outcome, so that it is at the output in time.

        None with a delay by encoder: how long a part takes to the gate is not known.
        """
        return 0.8 * self.deadline_ms if isinstance(self.delay, DelayByTime) else None
