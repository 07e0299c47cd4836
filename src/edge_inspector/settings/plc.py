"""The PLC, and what it says of the parts."""

from typing import Annotated, Literal

from pydantic import Field

from edge_inspector.settings.section import Section

ModbusAddress = Annotated[int, Field(ge=0, le=65_535, description="as on the wire, from 0")]
PollMs = Annotated[float, Field(ge=1, le=1000, description="milliseconds between two readings")]
DebounceMs = Annotated[float, Field(ge=0, le=1000, description="shorter pulses are noise")]


class PlcSettings(Section):
    """A PLC, by Modbus TCP; the gate, the trigger and the identity of parts each have a connection of their own."""

    host: str = Field(min_length=1)
    port: int = Field(502, ge=1, le=65_535)
    unit: int = Field(1, ge=0, le=255, description="Modbus unit identifier")
    timeout_ms: float = Field(200.0, gt=0, le=10_000, description="an answer that takes longer has failed")


class RegisterField(Section):
    """A value in holding registers."""

    address: ModbusAddress
    kind: Literal["text", "uint16", "uint32"] = Field(
        "text", description="text: two ASCII characters a register, high byte first; uint32: high word first"
    )
    registers: int = Field(8, ge=1, le=32, description="text only: how many registers it takes")


class IdentitySettings(Section):
    """What the PLC knows of each part; it sets the registers before the part's trigger and keeps them for `hold_ms`."""

    part_id: RegisterField | None = None
    lot: RegisterField | None = None
    product: RegisterField | None = None
    changes_over: bool = Field(
        default=True, description="another product in its register changes the line over, where there are products"
    )
    poll_ms: PollMs = 5.0
    hold_ms: float = Field(50.0, gt=0, le=10_000, description="a reading made so long after the exposure still counts")
