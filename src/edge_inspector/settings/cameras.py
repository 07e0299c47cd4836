"""Industrial cameras: GenICam by Aravis, and Basler's by pypylon."""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from edge_inspector.settings.sources import FramesPerPart, LiveCamera
from edge_inspector.settings.triggers import PartSensorTrigger, TriggerSettings
from edge_inspector.settings.web import WebSettings

Features: TypeAlias = dict[str, bool | int | float | str]
RegionOfSensor = Annotated[
    tuple[int, int, int, int] | None,
    Field(description="x, y, width, height on the sensor in pixels; the camera's own if absent"),
]


class _IndustrialSource(LiveCamera):
    """A camera that speaks GenICam."""

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
    trigger: TriggerSettings | None = Field(None, description="absent: free-running")
    frames_per_part: FramesPerPart = 1
    web: WebSettings | None = Field(None, description="a line-scan camera over a continuous web")

    @property
    def is_triggered(self) -> bool:
        """Whether its frames belong to parts."""
        return self.trigger is not None

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        if self.web is not None and self.trigger is not None:
            msg = "web and trigger: a web has no parts; give one of them"
            raise ValueError(msg)
        if self.trigger is None and self.frames_per_part != 1:
            msg = f"frames_per_part: a free-running source has no parts; expected 1, found {self.frames_per_part}"
            raise ValueError(msg)
        if isinstance(self.trigger, PartSensorTrigger) and self.frames_per_part != 1:
            msg = f"frames_per_part: a part sensor gives one frame a part; expected 1, found {self.frames_per_part}"
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
