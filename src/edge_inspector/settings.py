"""Settings: the only place where a configuration key is spelt.

`parse` turns the mapping read from a file, or handed over by a nucleus, into frozen values and reports every error of
the configuration at once, each with its path. Behind it the types can be trusted. Every key has a default: an empty
configuration is the demo.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from edge_inspector.errors import ConfigError
from edge_inspector.topics import level_problem

Score = Annotated[float, Field(ge=0.0, le=1.0)]
Polygon: TypeAlias = tuple[tuple[Score, Score], ...]


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


_SOURCE_TYPES = "'simulated' or 'directory'"
_LONGEST_QUOTE = 100  # characters of a wrong value in an error
SourceSettings: TypeAlias = Annotated[SimulatedSource | DirectorySource, Field(discriminator="type")]


class ModelSettings(_Section):
    """Which model package, and how it runs."""

    path: Path | None = Field(None, description="model package folder; the shipped demo model when absent")
    precision: Literal["float32", "int8"] = "float32"
    threads: int = Field(1, ge=1, le=64)


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


class FlowSettings(_Section):
    """Queues and deadlines between the threads."""

    queue_size: int = Field(32, ge=1, le=10_000, description="triggered parts that may wait for the detector")
    deadline_ms: float | None = Field(None, gt=0, description="a part without a verdict after this is no_verdict")
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


class Settings(_Section):
    """The whole configuration of one daemon."""

    station: StationSettings = StationSettings()
    source: SourceSettings = SimulatedSource()
    model: ModelSettings = ModelSettings()
    policy: PolicySettings = PolicySettings()
    flow: FlowSettings = FlowSettings()
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
