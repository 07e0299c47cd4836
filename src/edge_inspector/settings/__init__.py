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
from edge_inspector.settings.any_source import SOURCE_TYPES, LiveSettings, SourceSettings
from edge_inspector.settings.broker import MqttSettings, ProtocolVersion, TlsSettings
from edge_inspector.settings.cameras import Features, GenicamSource, IndustrialSettings, PylonSource
from edge_inspector.settings.gate import DelayByEncoder, DelayByTime, DigitalOutput, GateSettings, ModbusOutput
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
from edge_inspector.settings.page import PageSettings, PageUser, ProxySettings, RunRuleSettings, TlsFiles
from edge_inspector.settings.plc import IdentitySettings, PlcSettings, RegisterField
from edge_inspector.settings.products import ProductCamera, ProductModel, ProductSettings, product_problems
from edge_inspector.settings.remote import RemoteSettings
from edge_inspector.settings.section import LARGEST_IMAGE_SIDE, SMALLEST_IMAGE_SIDE, Section
from edge_inspector.settings.sources import (
    DirectorySource,
    LiveCamera,
    NetworkSource,
    PiCameraSource,
    SimulatedSource,
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
from edge_inspector.settings.triggers import (
    TRIGGER_KINDS,
    CommandTrigger,
    DigitalTrigger,
    HardwareTrigger,
    PartSensorTrigger,
    PlcTrigger,
    TimerTrigger,
    TriggerSettings,
)
from edge_inspector.settings.web import SimulatedWebSource, WebSettings, WebSpeedSettings

__all__ = [
    "DEFAULT_DEADLINE_MS",
    "LARGEST_IMAGE_SIDE",
    "LONGEST_NAME",
    "RESERVED_CAMERA_NAMES",
    "SMALLEST_IMAGE_SIDE",
    "BudgetSettings",
    "ClassThresholds",
    "CommandTrigger",
    "DelayByEncoder",
    "DelayByTime",
    "DigitalOutput",
    "DigitalTrigger",
    "DirectorySource",
    "Features",
    "FlowSettings",
    "FolderTarget",
    "GateSettings",
    "GenicamSource",
    "GreengrassSettings",
    "HardwareTrigger",
    "HealthSettings",
    "IdentitySettings",
    "ImageQualitySettings",
    "IndustrialSettings",
    "JournalSettings",
    "LiveCamera",
    "LiveSettings",
    "LogSettings",
    "ModbusOutput",
    "ModelSettings",
    "MqttSettings",
    "NetworkSource",
    "PageSettings",
    "PageUser",
    "PartSensorTrigger",
    "PiCameraSource",
    "PlcSettings",
    "PlcTrigger",
    "PolicySettings",
    "ProductCamera",
    "ProductModel",
    "ProductSettings",
    "ProtocolVersion",
    "ProxySettings",
    "PylonSource",
    "RegisterField",
    "RemoteSettings",
    "RunRuleSettings",
    "S3Target",
    "SamplesSettings",
    "Settings",
    "SimulatedSource",
    "SimulatedWebSource",
    "SourceSettings",
    "StateSettings",
    "StationSettings",
    "ThresholdOverride",
    "TilingSettings",
    "TimerTrigger",
    "TlsFiles",
    "TlsSettings",
    "TrackSettings",
    "TriggerSettings",
    "UpdateSettings",
    "UploadSettings",
    "UsbSource",
    "VideoSource",
    "WatchdogSettings",
    "WebSettings",
    "WebSpeedSettings",
    "parse",
]

LONGEST_TOPIC = 256  # AWS IoT Core's limit in bytes
LONGEST_TOPIC_SUFFIX = 64  # room for /alarm/{name} and /cmd/{name}/reply
# Each union: its path without tags, the key that says which member is meant, and what that may be.
_UNIONS = (
    (("source",), "type", SOURCE_TYPES),
    (("source", "trigger"), "by", TRIGGER_KINDS),
    (("samples", "upload", "target"), "type", "'folder' or 's3'"),
    (("gate", "output"), "type", "'modbus' or 'digital'"),
    (("gate", "delay"), "by", "'time' or 'encoder'"),
)
_LONGEST_QUOTE = 100  # characters of a wrong value in an error


class Settings(Section):
    """The whole configuration of one daemon."""

    station: StationSettings = StationSettings()
    source: SourceSettings = SimulatedSource()
    model: ModelSettings = ModelSettings()
    policy: PolicySettings = PolicySettings()
    flow: FlowSettings = FlowSettings()
    products: dict[str, ProductSettings] = Field(
        default_factory=dict, description="by code; absent: the line is set up for one thing, and nothing changes over"
    )
    plc: PlcSettings | None = Field(None, description="absent: there is no PLC")
    identity: IdentitySettings | None = Field(None, description="absent: the PLC says nothing of parts")
    gate: GateSettings | None = Field(None, description="absent: nothing is thrown out")
    tracks: TrackSettings = TrackSettings()
    mqtt: MqttSettings | None = Field(None, description="absent: nothing is published by MQTT")
    greengrass: GreengrassSettings = GreengrassSettings()
    state: StateSettings = StateSettings()
    journal: JournalSettings = JournalSettings()
    samples: SamplesSettings = SamplesSettings()
    health: HealthSettings = HealthSettings()
    page: PageSettings | None = Field(None, description="absent: no operator page")
    log: LogSettings = LogSettings()

    @property
    def home(self) -> Path:
        """The folder of all that must survive the daemon, one for each camera."""
        return self.state.dir / self.station.camera

    @property
    def served_page(self) -> PageSettings | None:
        """The operator page; None where there is none, or it is turned off."""
        return self.page if self.page is not None and self.page.enabled else None

    @property
    def keeps_on_disk(self) -> bool:
        """Whether events, samples or models are kept there."""
        return self.journal.durable or self.samples.mode != "off" or self.model.updates.folder is not None

    @model_validator(mode="after")
    def _has_the_plc_that_it_names(self) -> "Settings":
        trigger = self.source.trigger if isinstance(self.source, LiveCamera) else None
        web = self.source.web if isinstance(self.source, IndustrialSettings) else None
        users = {
            "source.trigger": isinstance(trigger, PlcTrigger),
            "source.web.speed": web is not None and web.speed is not None,
            "identity": self.identity is not None,
            "gate.output": self.gate is not None and isinstance(self.gate.output, ModbusOutput),
            "gate.delay": self.gate is not None and isinstance(self.gate.delay, DelayByEncoder),
        }
        if self.plc is None and (using := [name for name, uses in users.items() if uses]):
            msg = f"plc: missing; expected the section, as {', '.join(using)} speaks to a PLC"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _has_a_verdict_before_its_gate(self) -> "Settings":
        by_flow_ms = self.flow.deadline_ms
        if by_flow_ms is None or self.gate is None or self.gate.verdict_by_ms is None:
            return self
        if by_flow_ms >= (by_gate_ms := self.gate.deadline_ms):
            limit = f"less than gate.deadline_ms ({by_gate_ms:g}), as a part without a verdict may be thrown out"
            msg = f"flow.deadline_ms: expected {limit}, found {by_flow_ms:g}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _falls_back_before_its_deadline(self) -> "Settings":
        remote, by_flow_ms = self.model.remote, self.flow.deadline_ms
        if remote is not None and by_flow_ms is not None and remote.timeout_ms >= by_flow_ms:
            limit = f"less than flow.deadline_ms ({by_flow_ms:g}), as the fallback needs time too"
            msg = f"model.remote.timeout_ms: expected {limit}, found {remote.timeout_ms:g}"
            raise ValueError(msg)
        if remote is not None and remote.timeout_ms > (most_ms := 500 * self.health.watchdog.inspection_s):
            limit = f"at most {most_ms:g}, half of health.watchdog.inspection_s, after which an inspection is stuck"
            msg = f"model.remote.timeout_ms: expected {limit}; found {remote.timeout_ms:g}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _is_set_up_for_a_product_that_it_knows(self) -> "Settings":
        product = self.station.product
        if self.products and product not in self.products:
            known = ", ".join(sorted(self.products))
            msg = f"station.product: expected what the line starts with, one of products {known}, found {product!r}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _has_products_that_can_take_turns(self) -> "Settings":
        if (problem := next(product_problems(self.products, self.source, self.model), None)) is not None:
            raise ValueError(problem)
        return self

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
    tag_key, tags = "type", ""
    for union, key, members in _UNIONS:
        if tuple(location[: len(union)]) == union:
            if len(location) == len(union):
                tag_key, tags = key, members
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
            return f"{path}.{tag_key}: expected {tags}, found {found_tag}"
    found = problem["input"]
    says_it_already = problem["type"] == "value_error"
    is_user = len(location) == 3 and path.startswith("page.users.")  # where some write the password itself
    is_secret = "password" in path or is_user
    if not says_it_already and not is_secret and (isinstance(found, str | int | float) or found is None):
        message = f"{message}; found {repr(found)[:_LONGEST_QUOTE]}"
    return f"{path}: {message}" if path else message
