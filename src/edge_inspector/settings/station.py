"""Where the station stands, how frames flow through it, and what it logs."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from edge_inspector.settings.section import Section
from edge_inspector.topics import level_problem

LONGEST_NAME = 64
RESERVED_CAMERA_NAMES = frozenset({"status", "state", "stats", "alarm", "cmd", "model", "disposition", "product"})


class StationSettings(Section):
    """Where this daemon stands; the levels of every topic."""

    topic_prefix: str = "edge-inspector"
    site: str = "site"
    line: str = "line"
    station: str = "station"
    camera: str = "camera"
    thing_name: str | None = Field(None, description="set by the component under Greengrass: the station is the thing")
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

    @model_validator(mode="after")
    def _is_the_thing(self) -> "StationSettings":
        if self.thing_name not in {None, self.station}:
            msg = f"station: expected the thing name {self.thing_name!r} under Greengrass, found {self.station!r}"
            raise ValueError(msg)
        return self

    @field_validator("camera")
    @classmethod
    def _is_not_reserved(cls, value: str) -> str:
        if value in RESERVED_CAMERA_NAMES:
            msg = f"{value!r} is reserved; choose another name"
            raise ValueError(msg)
        return value


DEFAULT_DEADLINE_MS = 2000.0  # of parts of several frames: one whose last frame never comes must still close


class FlowSettings(Section):
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


class LogSettings(Section):
    """What goes to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "text"] = Field("auto", description="auto: text on a terminal, else JSON")
