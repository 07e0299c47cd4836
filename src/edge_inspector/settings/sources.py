"""Where frames come from."""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from edge_inspector.settings.section import LARGEST_IMAGE_SIDE, SMALLEST_IMAGE_SIDE, Score, Section
from edge_inspector.settings.triggers import HardwareTrigger, PartSensorTrigger, TriggerSettings

FramesPerPart = Annotated[int, Field(ge=1, le=64, description="triggered: frames that one part has")]


class SimulatedSource(Section):
    """Renders metal tags on a belt, with known defects."""

    type: Literal["simulated"] = "simulated"
    trigger: Literal["part", "free_running"] = "part"
    seed: int = Field(0, ge=0)
    rate_hz: float = Field(4.0, gt=0, le=1000, description="parts (triggered) or frames (free-running) a second")
    count: int | None = Field(None, ge=1, description="stop after so many parts or frames; never when absent")
    defect_rate: Score = 0.3
    dark_share: Score = Field(0.0, description="of the defective parts, those whose scratches are dark, broad and soft")
    image_wh: tuple[int, int] = (450, 300)
    frames_per_part: FramesPerPart = 1

    @property
    def is_triggered(self) -> bool:
        """Whether its frames belong to parts."""
        return self.trigger == "part"

    @model_validator(mode="after")
    def _has_parts(self) -> "SimulatedSource":
        if self.trigger == "free_running" and self.frames_per_part != 1:
            msg = f"frames_per_part: a free-running source has no parts; expected 1, found {self.frames_per_part}"
            raise ValueError(msg)
        return self

    @field_validator("image_wh")
    @classmethod
    def _is_a_picture(cls, value: tuple[int, int]) -> tuple[int, int]:
        if min(value) < SMALLEST_IMAGE_SIDE or max(value) > LARGEST_IMAGE_SIDE:
            msg = f"expected sides of {SMALLEST_IMAGE_SIDE} to {LARGEST_IMAGE_SIDE} pixels, found {list(value)}"
            raise ValueError(msg)
        return value


class DirectorySource(Section):
    """Reads the images of a folder, by name; each, or so many that follow each other, are one part."""

    type: Literal["directory"]
    path: Path
    loop: bool = False
    rate_hz: float | None = Field(
        None, gt=0, le=1000, description="images a second; as fast as they are inspected when absent"
    )
    frames_per_part: FramesPerPart = 1

    @property
    def is_triggered(self) -> bool:
        """Whether its frames belong to parts."""
        return True


class VideoSource(Section):
    """Reads a video file as the frames of a free-running camera."""

    type: Literal["video"]
    path: Path
    loop: bool = False
    rate_hz: float | None = Field(
        None, gt=0, le=1000, description="frames a second; as fast as they are inspected when absent"
    )

    @property
    def is_triggered(self) -> bool:
        """Whether its frames belong to parts."""
        return False


class LiveCamera(Section):
    """A camera that may come and go."""

    open_timeout_s: float = Field(10.0, ge=1, le=300, description="an open that takes longer has failed")
    read_timeout_s: float = Field(
        5.0, ge=0.5, le=300, description="longer than between two pictures; a camera silent for so long is lost"
    )
    reopen_min_s: float = Field(0.5, gt=0, le=3600, description="pause before a lost camera is opened again; doubled")
    reopen_max_s: float = Field(10.0, gt=0, le=3600, description="longest of these pauses")
    frozen_after_s: float = Field(
        10.0, ge=0, le=3600, description="the same picture for longer is a frozen camera; 0: may repeat for ever"
    )
    trigger: TriggerSettings | None = Field(None, description="absent: free-running")
    frames_per_part: FramesPerPart = 1

    @model_validator(mode="after")
    def _has_ordered_pauses(self) -> Self:
        if self.reopen_min_s > self.reopen_max_s:
            msg = f"reopen_min_s {self.reopen_min_s:g} is above reopen_max_s {self.reopen_max_s:g}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _has_parts_that_can_come(self) -> Self:
        if isinstance(self.trigger, HardwareTrigger) and not self.takes_triggers:
            found = "expected 'timer', 'command', 'digital', 'plc' or 'part_sensor', found 'hardware'"
            msg = f"trigger.by: only a genicam or pylon camera has an input of its own; {found}"
            raise ValueError(msg)
        if self.trigger is None and self.frames_per_part != 1:
            msg = f"frames_per_part: a free-running source has no parts; expected 1, found {self.frames_per_part}"
            raise ValueError(msg)
        if isinstance(self.trigger, PartSensorTrigger) and self.frames_per_part != 1:
            msg = f"frames_per_part: a part sensor gives one frame a part; expected 1, found {self.frames_per_part}"
            raise ValueError(msg)
        return self

    @property
    def takes_triggers(self) -> bool:
        """Whether the camera can be triggered, by its own input and by software."""
        return False

    @property
    def is_triggered(self) -> bool:
        """Whether its frames belong to parts."""
        return self.trigger is not None


CameraRate = Annotated[float | None, Field(gt=0, le=1000, description="pictures a second; the camera's own if absent")]
CameraSize = Annotated[
    tuple[int, int] | None, Field(description="width and height in pixels; the camera's own if absent")
]


class UsbSource(LiveCamera):
    """A USB camera, by V4L2."""

    type: Literal["usb"]
    device: Path = Field(Path("/dev/video0"), description="better one of /dev/v4l/by-id; a number n is /dev/video{n}")
    image_wh: CameraSize = None
    rate_hz: CameraRate = None
    fourcc: str | None = Field(
        None, pattern="^[ -~]{4}$", description="picture format, for example MJPG; the camera's own if absent"
    )

    @field_validator("device", mode="before")
    @classmethod
    def _may_be_a_number(cls, value: object) -> object:
        return f"/dev/video{value}" if str(value).isdecimal() else value


class NetworkSource(LiveCamera):
    """A network camera, by RTSP or by MJPEG over HTTP."""

    type: Literal["network"]
    url: str = Field(description="rtsp://, rtsps://, http:// or https://, without user and password", repr=False)
    transport: Literal["tcp", "udp"] = Field("tcp", description="RTSP only; over udp lost packets smear pictures")
    username: str | None = None
    password: str | None = Field(None, repr=False)
    password_file: Path | None = Field(None, description="file that holds the password, so that no secret is in here")

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        # What was found is not quoted: it may hold a password.
        try:
            parts = urlsplit(value)
            is_address = parts.scheme in {"rtsp", "rtsps", "http", "https"} and bool(parts.hostname)
            has_port = parts.port != 0
        except ValueError:
            is_address = has_port = False
        if not (is_address and has_port and value.isprintable() and " " not in value):
            msg = "expected rtsp://host[:port]/path, or rtsps, http, https"
            raise ValueError(msg)
        if parts.username is not None or parts.password is not None:
            msg = "holds a user or a password; give them as username and password_file"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _has_one_password_for_its_user(self) -> Self:
        if self.password is not None and self.password_file is not None:
            msg = "password and password_file: give one of them"
            raise ValueError(msg)
        if (self.username is None) != (self.password is None and self.password_file is None):
            msg = "username and password_file (or password) belong together: give both or neither"
            raise ValueError(msg)
        return self


class PiCameraSource(LiveCamera):
    """The Raspberry Pi's camera, by picamera2."""

    type: Literal["picamera"]
    camera: int = Field(0, ge=0, le=15, description="number of the camera, as `rpicam-hello --list-cameras` counts")
    image_wh: CameraSize = None
    rate_hz: CameraRate = None
    exposure_us: int | None = Field(None, gt=0, description="fixed exposure in microseconds; automatic when absent")
    gain: float | None = Field(None, gt=0, description="fixed analogue gain; automatic when absent")
