"""Industrial cameras: GenICam by Aravis, and Basler's by pypylon."""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from edge_inspector.settings.sources import LiveCamera
from edge_inspector.settings.triggers import PartSensorTrigger
from edge_inspector.settings.web import WebSettings

Features: TypeAlias = dict[str, bool | int | float | str]
RegionOfSensor = Annotated[
    tuple[int, int, int, int] | None,
    Field(description="x, y, width, height on the sensor in pixels; the camera's own if absent"),
]


class _IndustrialSource(LiveCamera):
    """A camera that speaks GenICam."""

    reopen_max_s: float = Field(2.0, gt=0, le=3600, description="longest of these pauses")
    camera: str | None = Field(
        None, description="serial, IP address or name, as `edge-inspector camera list` prints; the only one if absent"
    )
    pixel_format: str | None = Field(
        None, description="GenICam PixelFormat, for example BayerRG8; the camera's own if absent"
    )
    region: RegionOfSensor = None
    exposure_us: float | None = Field(None, gt=0)
    gain: float | None = Field(None, ge=0)
    rate_hz: float | None = Field(None, gt=0, le=100_000, description="frames a second; the camera's own if absent")
    features: Features = Field(default_factory=dict, description="further GenICam features by name, set in this order")
    buffers: int = Field(8, ge=2, le=256, description="frames that the driver may hold while nobody takes them")
    web: WebSettings | None = Field(None, description="a line-scan camera over a continuous web")

    @property
    def takes_triggers(self) -> bool:
        """Whether the camera can be triggered, by its own input and by software."""
        return True

    @property
    def may_be_silent(self) -> bool:
        """Whether a camera that answers and delivers nothing is well: it waits for a trigger, or its web stands."""
        is_triggered = self.trigger is not None and not isinstance(self.trigger, PartSensorTrigger)
        return is_triggered or self.web is not None

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        if self.web is not None and self.trigger is not None:
            msg = "web and trigger: a web has no parts; give one of them"
            raise ValueError(msg)
        ends_after_s = None if self.web is None else self.web.roll_ends_after_s
        if ends_after_s is not None and ends_after_s <= self.read_timeout_s:
            found = f"expected more than read_timeout_s {self.read_timeout_s:g}, found {ends_after_s:g}"
            msg = f"web.roll_ends_after_s: {found}: a camera that is gone would end the roll"
            raise ValueError(msg)
        return self


class GenicamSource(_IndustrialSource):
    """A GigE Vision or USB3 Vision camera of any vendor, by Aravis."""

    type: Literal["genicam"]
    packet_size: Annotated[int, Field(ge=576, le=16_000)] | Literal["auto"] = Field(
        "auto", description="GigE Vision: bytes of a packet; auto: the largest that arrives"
    )
    packet_delay_ns: int | None = Field(
        None, ge=0, description="GigE Vision: pause between two packets; the camera's own"
    )


class PylonSource(_IndustrialSource):
    """A Basler camera, by pypylon; needs the extra edge-inspector[pylon]."""

    type: Literal["pylon"]


IndustrialSettings: TypeAlias = GenicamSource | PylonSource
