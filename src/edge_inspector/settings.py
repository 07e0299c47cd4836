"""Settings: the only place where a configuration key is spelt.

`parse` turns the mapping read from a file, or handed over by a nucleus, into frozen values and reports every error of
the configuration at once, each with its path. Behind it the types can be trusted. Every key has a default: an empty
configuration is the demo.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from edge_inspector.errors import ConfigError
from edge_inspector.topics import level_problem

Score = Annotated[float, Field(ge=0.0, le=1.0)]
Polygon: TypeAlias = tuple[tuple[Score, Score], ...]


FramesPerPart = Annotated[int, Field(ge=1, le=64, description="triggered: frames that one part has")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class StationSettings(_Section):
    """Where this daemon stands; the levels of every topic."""

    topic_prefix: str = "edge-inspector"
    site: str = "site"
    line: str = "line"
    station: str = "station"
    camera: str = "camera"
    product: str | None = None
    lot: str | None = None

    @field_validator("topic_prefix", "site", "line", "station", "camera")
    @classmethod
    def _is_a_topic_level(cls, value: str) -> str:
        if problem := level_problem(value):
            raise ValueError(problem)
        return value

    @field_validator("product", "lot")
    @classmethod
    def _fits_into_every_event(cls, value: str | None) -> str | None:
        if value is not None and not (value.isprintable() and len(value.encode()) <= LONGEST_NAME):
            msg = f"expected at most {LONGEST_NAME} bytes of printable text, found {value[:LONGEST_NAME]!r}"
            raise ValueError(msg)
        return value

    @field_validator("camera")
    @classmethod
    def _is_not_reserved(cls, value: str) -> str:
        if value in RESERVED_CAMERA_NAMES:
            msg = f"{value!r} is reserved; choose another name"
            raise ValueError(msg)
        return value


LONGEST_NAME = 64
RESERVED_CAMERA_NAMES = frozenset({"status", "state", "stats", "alarm", "cmd", "model", "disposition", "product"})


class SimulatedSource(_Section):
    """Renders metal tags on a belt, with known defects."""

    type: Literal["simulated"] = "simulated"
    trigger: Literal["part", "free_running"] = "part"
    seed: int = Field(0, ge=0)
    rate_hz: float = Field(4.0, gt=0, le=1000, description="parts (triggered) or frames (free-running) a second")
    count: int | None = Field(None, ge=1, description="stop after so many parts or frames; never when absent")
    defect_rate: Score = 0.3
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


SMALLEST_IMAGE_SIDE, LARGEST_IMAGE_SIDE = 64, 8192


class DirectorySource(_Section):
    """Reads the images of a folder, by name, each as one part."""

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


class VideoSource(_Section):
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


class _LiveSource(_Section):
    open_timeout_s: float = Field(10.0, ge=1, le=300, description="an open that takes longer has failed")
    read_timeout_s: float = Field(
        5.0, ge=0.5, le=300, description="longer than between two pictures; a camera silent for so long is lost"
    )
    reopen_min_s: float = Field(0.5, gt=0, le=3600, description="pause before a lost camera is opened again; doubled")
    reopen_max_s: float = Field(10.0, gt=0, le=3600, description="longest of these pauses")
    frozen_after_s: float = Field(
        10.0, ge=0, le=3600, description="the same picture for longer is a frozen camera; 0: may repeat for ever"
    )

    @model_validator(mode="after")
    def _has_ordered_pauses(self) -> Self:
        if self.reopen_min_s > self.reopen_max_s:
            msg = f"reopen_min_s {self.reopen_min_s:g} is above reopen_max_s {self.reopen_max_s:g}"
            raise ValueError(msg)
        return self

    @property
    def is_triggered(self) -> bool:
        """Whether its frames belong to parts."""
        return False


CameraRate = Annotated[float | None, Field(gt=0, le=1000, description="pictures a second; the camera's own if absent")]
CameraSize = Annotated[
    tuple[int, int] | None, Field(description="width and height in pixels; the camera's own if absent")
]


class UsbSource(_LiveSource):
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


class NetworkSource(_LiveSource):
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


class PiCameraSource(_LiveSource):
    """The Raspberry Pi's camera, by picamera2."""

    type: Literal["picamera"]
    camera: int = Field(0, ge=0, le=15, description="number of the camera, as `rpicam-hello --list-cameras` counts")
    image_wh: CameraSize = None
    rate_hz: CameraRate = None
    exposure_us: int | None = Field(None, gt=0, description="fixed exposure in microseconds; automatic when absent")
    gain: float | None = Field(None, gt=0, description="fixed analogue gain; automatic when absent")


LiveSettings: TypeAlias = UsbSource | NetworkSource | PiCameraSource

_SOURCE_TYPES = "'simulated', 'directory', 'video', 'usb', 'network' or 'picamera'"
_LONGEST_QUOTE = 100  # characters of a wrong value in an error
SourceSettings: TypeAlias = Annotated[
    SimulatedSource | DirectorySource | VideoSource | UsbSource | NetworkSource | PiCameraSource,
    Field(discriminator="type"),
]


class TilingSettings(_Section):
    """Frames much larger than the model's input are looked at tile by tile; all sizes in pixels of the frame."""

    tile_wh: tuple[int, int] | None = Field(
        None, description="as large as what the model saw in training; the model's input, pixel for pixel, when absent"
    )
    overlap_px: int | None = Field(
        None,
        ge=1,
        description="a defect up to this size lies whole in one tile; a fifth of the tile's shorter side when absent",
    )
    whole_frame: bool = Field(default=True, description="look at the resized frame too, for defects larger than that")

    @field_validator("tile_wh")
    @classmethod
    def _is_a_picture(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        if value is not None and (min(value) < SMALLEST_IMAGE_SIDE or max(value) > LARGEST_IMAGE_SIDE):
            msg = f"expected sides of {SMALLEST_IMAGE_SIDE} to {LARGEST_IMAGE_SIDE} pixels, found {list(value)}"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _advances(self) -> "TilingSettings":
        if self.tile_wh is not None:
            self.sizes(self.tile_wh)
        return self

    def sizes(self, model_wh: tuple[int, int]) -> tuple[tuple[int, int], int]:
        """Return `tile_wh` and `overlap_px` as they are in force for a model's input.

        Raises:
            ValueError: If the overlap is more than half a tile: every pixel would be looked at three times and more.
        """
        tile_wh = self.tile_wh or model_wh
        overlap_px = min(tile_wh) // 5 if self.overlap_px is None else self.overlap_px
        if 2 * overlap_px > min(tile_wh):
            msg = f"overlap_px: expected at most half the shorter side of a tile of {list(tile_wh)}, found {overlap_px}"
            raise ValueError(msg)
        return tile_wh, overlap_px


class ModelSettings(_Section):
    """Which model package, and how it runs."""

    path: Path | None = Field(None, description="model package folder; the shipped demo model when absent")
    precision: Literal["float32", "int8"] = "float32"
    threads: int = Field(1, ge=1, le=64)
    tiling: TilingSettings | None = Field(None, description="absent: the frame is resized to the model's input")


class ClassThresholds(_Section):
    """Scores at which one class is reviewed and rejected."""

    review_at: Score
    reject_at: Score

    @model_validator(mode="after")
    def _are_in_order(self) -> "ClassThresholds":
        if self.review_at > self.reject_at:
            msg = f"review_at {self.review_at} is above reject_at {self.reject_at}; expected review_at <= reject_at"
            raise ValueError(msg)
        return self


class ThresholdOverride(_Section):
    """Thresholds that replace the model's, valid for one model file only."""

    model_sha256: str
    classes: dict[str, ClassThresholds]

    @field_validator("model_sha256")
    @classmethod
    def _is_a_sha256(cls, value: str) -> str:
        if not re.fullmatch(r"[0-9a-f]{64}", value):
            msg = f"expected 64 lower-case hexadecimal digits, found {value!r}"
            raise ValueError(msg)
        return value


class PolicySettings(_Section):
    """What turns detections into a verdict; regions are polygons in fractions of the frame."""

    override: ThresholdOverride | None = None
    min_area_px: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    roi: tuple[Polygon, ...] = ()
    ignore: tuple[Polygon, ...] = ()
    fail_safe: Literal["reject", "review", "accept"] = "reject"

    @field_validator("roi", "ignore")
    @classmethod
    def _are_polygons(cls, value: tuple[Polygon, ...]) -> tuple[Polygon, ...]:
        for polygon in value:
            if len(polygon) < 3:
                msg = f"expected at least 3 points [x, y] in fractions of the frame, found {len(polygon)}"
                raise ValueError(msg)
        return value


DEFAULT_DEADLINE_MS = 2000.0  # of parts of several frames: one whose last frame never comes must still close


class FlowSettings(_Section):
    """Queues and deadlines between the threads."""

    queue_size: int = Field(32, ge=1, le=10_000, description="triggered parts that may wait for the detector")
    deadline_ms: float | None = Field(
        None,
        gt=0,
        description="a part without a verdict so long after its first frame is no_verdict; when absent, parts of one "
        f"frame may wait, parts of several for {DEFAULT_DEADLINE_MS:g} ms",
    )
    staleness_ms: float = Field(500.0, gt=0, description="a free-running frame older than this is dropped")
    deliver_queue_size: int = Field(1000, ge=1, le=1_000_000)
    max_results_hz: float | None = Field(None, gt=0, description="free-running: results published a second")
    stats_interval_s: float = Field(10.0, gt=0)


class ProtocolVersion(StrEnum):
    """MQTT protocol versions."""

    V5 = "5"
    V311 = "3.1.1"


class TlsSettings(_Section):
    """How the broker is trusted, and how it may trust us."""

    ca: Path | None = Field(None, description="PEM; the system's authorities when absent")
    certificate: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def _come_together(self) -> "TlsSettings":
        if (self.certificate is None) != (self.key is None):
            msg = "certificate and key belong together: give both or neither"
            raise ValueError(msg)
        return self


class MqttSettings(_Section):
    """The broker; it belongs to the user."""

    host: str = "127.0.0.1"
    port: int = Field(1883, ge=1, le=65535)
    protocol: ProtocolVersion = ProtocolVersion.V5
    client_id: str | None = Field(None, description="made of the station's levels when absent")
    username: str | None = None
    password: str | None = Field(None, repr=False)
    password_file: Path | None = Field(None, description="file that holds the password, so that no secret is in here")
    tls: TlsSettings | None = None
    keepalive_s: int = Field(30, ge=5, le=3600)
    reconnect_min_s: float = Field(1.0, gt=0)
    reconnect_max_s: float = Field(60.0, gt=0)
    max_queued: int = Field(10_000, ge=1, description="messages kept in memory while the broker is away")

    @model_validator(mode="after")
    def _has_one_password(self) -> "MqttSettings":
        if self.password is not None and self.password_file is not None:
            msg = "password and password_file: give one of them"
            raise ValueError(msg)
        if self.reconnect_min_s > self.reconnect_max_s:
            msg = f"reconnect_min_s {self.reconnect_min_s} is above reconnect_max_s {self.reconnect_max_s}"
            raise ValueError(msg)
        return self


class LogSettings(_Section):
    """What goes to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "text"] = Field("auto", description="auto: text on a terminal, else JSON")


class TrackSettings(_Section):
    """When a free-running camera announces a defect, and when it has gone."""

    confirm_frames: int = Field(
        2,
        ge=1,
        le=100,
        description="frames on which a defect must be seen before it is announced; 1 announces every glitch too, "
        "for belts so fast that a defect is seen once",
    )
    end_after_frames: int = Field(
        5, ge=1, le=10_000, description="a defect that was not seen on so many frames running has gone"
    )
    keep_share: float = Field(
        0.5, gt=0, le=1, description="an announced defect stays as long as its score is this share of its review_at"
    )


class Settings(_Section):
    """The whole configuration of one daemon."""

    station: StationSettings = StationSettings()
    source: SourceSettings = SimulatedSource()
    model: ModelSettings = ModelSettings()
    policy: PolicySettings = PolicySettings()
    flow: FlowSettings = FlowSettings()
    tracks: TrackSettings = TrackSettings()
    mqtt: MqttSettings | None = Field(None, description="absent: nothing is published by MQTT")
    log: LogSettings = LogSettings()

    @model_validator(mode="after")
    def _fits_the_topics(self) -> "Settings":
        station = self.station
        topic = f"{station.topic_prefix}/{station.site}/{station.line}/{station.station}/{station.camera}"
        longest = len(topic.encode()) + LONGEST_TOPIC_SUFFIX
        if longest > LONGEST_TOPIC:
            msg = f"station: its topics would take {longest} bytes; expected at most {LONGEST_TOPIC}"
            raise ValueError(msg)
        return self


LONGEST_TOPIC = 256  # AWS IoT Core's limit in bytes
LONGEST_TOPIC_SUFFIX = 64  # room for /alarm/{name} and /cmd/{name}/reply


def parse(configuration: Mapping[str, object], *, name: str = "configuration") -> Settings:
    """Return the settings in `configuration`.

    Text is turned into numbers where a number is expected: Greengrass Lite hands every value over as a string.

    Args:
        configuration: Sections by name, as read from TOML or JSON.
        name: What to call it in an error, for example the file.

    Raises:
        ConfigError: Every problem, one a line, with its path, what was found and what was expected.
    """
    try:
        return Settings.model_validate(configuration)
    except ValidationError as error:
        problems = [_explain(problem) for problem in error.errors(include_url=False)]
        raise ConfigError("\n".join(f"{name}: {problem}" for problem in problems)) from error


def _explain(problem: ErrorDetails) -> str:
    location = [text if (text := str(part)).isprintable() else repr(text) for part in problem["loc"]]
    if location[:1] == ["source"]:
        del location[1:2]  # the tag of the union, which nobody wrote
    path = ".".join(location)
    message = problem["msg"].removeprefix("Value error, ")
    match problem["type"]:
        case "extra_forbidden":
            return f"{path}: unknown key"
        case "missing":
            return f"{path}: missing"
        case "union_tag_not_found" | "union_tag_invalid":
            tag = problem.get("ctx", {}).get("tag")
            return f"{path}.type: expected {_SOURCE_TYPES}, found {'nothing' if tag is None else repr(tag)}"
    found = problem["input"]
    says_it_already = problem["type"] == "value_error"
    is_secret = "password" in path
    if not says_it_already and not is_secret and (isinstance(found, str | int | float) or found is None):
        message = f"{message}; found {repr(found)[:_LONGEST_QUOTE]}"
    return f"{path}: {message}" if path else message
