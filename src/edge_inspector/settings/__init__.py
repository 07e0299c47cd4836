"""Settings: the only place where a configuration key is spelt.

`parse` turns the mapping read from a file, or handed over by a nucleus, into frozen values and reports every error of
the configuration at once, each with its path. Behind it the types can be trusted. Every key has a default: an empty
configuration is the demo.
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from edge_inspector.errors import ConfigError
from edge_inspector.settings.broker import MqttSettings, ProtocolVersion, TlsSettings
from edge_inspector.settings.greengrass import GreengrassSettings
from edge_inspector.settings.health import HealthSettings, ImageQualitySettings, WatchdogSettings
from edge_inspector.settings.judgement import (
    ClassThresholds,
    ModelSettings,
    PolicySettings,
    ThresholdOverride,
    TilingSettings,
    TrackSettings,
    UpdateSettings,
)
from edge_inspector.settings.keeping import (
    BudgetSettings,
    FolderTarget,
    JournalSettings,
    S3Target,
    SamplesSettings,
    StateSettings,
    UploadSettings,
)
from edge_inspector.settings.section import LARGEST_IMAGE_SIDE, SMALLEST_IMAGE_SIDE, Section
from edge_inspector.settings.sources import (
    SOURCE_TYPES,
    DirectorySource,
    LiveSettings,
    NetworkSource,
    PiCameraSource,
    SimulatedSource,
    SourceSettings,
    UsbSource,
    VideoSource,
)
from edge_inspector.settings.station import (
    DEFAULT_DEADLINE_MS,
    LONGEST_NAME,
    RESERVED_CAMERA_NAMES,
    FlowSettings,
    LogSettings,
    StationSettings,
)

__all__ = [
    "DEFAULT_DEADLINE_MS",
    "LARGEST_IMAGE_SIDE",
    "LONGEST_NAME",
    "RESERVED_CAMERA_NAMES",
    "SMALLEST_IMAGE_SIDE",
    "BudgetSettings",
    "ClassThresholds",
    "DirectorySource",
    "FlowSettings",
    "FolderTarget",
    "GreengrassSettings",
    "HealthSettings",
    "ImageQualitySettings",
    "JournalSettings",
    "LiveSettings",
    "LogSettings",
    "ModelSettings",
    "MqttSettings",
    "NetworkSource",
    "PiCameraSource",
    "PolicySettings",
    "ProtocolVersion",
    "S3Target",
    "SamplesSettings",
    "Settings",
    "SimulatedSource",
    "SourceSettings",
    "StateSettings",
    "StationSettings",
    "ThresholdOverride",
    "TilingSettings",
    "TlsSettings",
    "TrackSettings",
    "UpdateSettings",
    "UploadSettings",
    "UsbSource",
    "VideoSource",
    "WatchdogSettings",
    "parse",
]

LONGEST_TOPIC = 256  # AWS IoT Core's limit in bytes
LONGEST_TOPIC_SUFFIX = 64  # room for /alarm/{name} and /cmd/{name}/reply
_UNIONS = (("source",), ("samples", "upload", "target"))
_TAGS = {"source": SOURCE_TYPES, "samples": "'folder' or 's3'"}
_LONGEST_QUOTE = 100  # characters of a wrong value in an error


class Settings(Section):
    """The whole configuration of one daemon."""

    station: StationSettings = StationSettings()
    source: SourceSettings = SimulatedSource()
    model: ModelSettings = ModelSettings()
    policy: PolicySettings = PolicySettings()
    flow: FlowSettings = FlowSettings()
    tracks: TrackSettings = TrackSettings()
    mqtt: MqttSettings | None = Field(None, description="absent: nothing is published by MQTT")
    greengrass: GreengrassSettings = GreengrassSettings()
    state: StateSettings = StateSettings()
    journal: JournalSettings = JournalSettings()
    samples: SamplesSettings = SamplesSettings()
    health: HealthSettings = HealthSettings()
    log: LogSettings = LogSettings()

    @property
    def home(self) -> Path:
        """The folder of all that must survive the daemon, one for each camera."""
        return self.state.dir / self.station.camera

    @property
    def keeps_on_disk(self) -> bool:
        """Whether events, samples or models are kept there."""
        return self.journal.durable or self.samples.mode != "off" or self.model.updates.folder is not None

    @model_validator(mode="after")
    def _fits_the_topics(self) -> "Settings":
        station = self.station
        topic = f"{station.topic_prefix}/{station.site}/{station.line}/{station.station}/{station.camera}"
        longest = len(topic.encode()) + LONGEST_TOPIC_SUFFIX
        if longest > LONGEST_TOPIC:
            msg = f"station: its topics would take {longest} bytes; expected at most {LONGEST_TOPIC}"
            raise ValueError(msg)
        return self


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
    for union in _UNIONS:
        if tuple(location[: len(union)]) == union:
            del location[len(union) : len(union) + 1]  # the tag of the union, which nobody wrote
    path = ".".join(location)
    message = problem["msg"].removeprefix("Value error, ")
    match problem["type"]:
        case "extra_forbidden":
            return f"{path}: unknown key"
        case "missing":
            return f"{path}: missing"
        case "union_tag_not_found" | "union_tag_invalid":
            tag = problem.get("ctx", {}).get("tag")
            found_tag = "nothing" if tag is None else repr(tag)
            return f"{path}.type: expected {_TAGS[location[0]]}, found {found_tag}"
    found = problem["input"]
    says_it_already = problem["type"] == "value_error"
    is_secret = "password" in path
    if not says_it_already and not is_secret and (isinstance(found, str | int | float) or found is None):
        message = f"{message}; found {repr(found)[:_LONGEST_QUOTE]}"
    return f"{path}: {message}" if path else message
