"""Sets the features of a camera as configured, and makes sure that it took them.

What was changed once is put back when a later set-up does not ask for it: an absent key means the camera's own value.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from edge_inspector.errors import ConfigError
from edge_inspector.settings import (
    Features,
    HardwareTrigger,
    IndustrialSettings,
    PartSensorTrigger,
    ProductCamera,
    TriggerSettings,
)
from edge_inspector.sources.genicam.nodes import Kind, Nodes, Value
from edge_inspector.sources.genicam.setting import is_same, set_feature

# The same thing by the names of GenICam's standard, of its older editions, and of those who were before it.
_EXPOSURE = ("ExposureTime", "ExposureTimeAbs", "ExposureTimeRaw")
_GAIN = ("Gain", "GainAbs", "GainRaw")
_RATE = ("AcquisitionFrameRate", "AcquisitionFrameRateAbs")
_RATE_ENABLE = ("AcquisitionFrameRateEnable", "AcquisitionFrameRateEnabled")
_EXPOSURE_AUTO, _GAIN_AUTO, _RATE_AUTO = "ExposureAuto", "GainAuto", "AcquisitionFrameRateAuto"
_REGION = ("OffsetX", "OffsetY", "Width", "Height")


@dataclass(frozen=True, slots=True)
class SetUp:
    """How a camera shall be; what is None is left to it.

    Attributes:
        pixel_format: GenICam's name.
        region: x, y, width, height on the sensor in pixels.
        exposure_us: Fixed exposure.
        gain: Fixed gain.
        rate_hz: Frames a second.
        features: Further ones, set first and in this order.
        trigger: What makes it take a frame.
    """

    pixel_format: str | None = None
    region: tuple[int, int, int, int] | None = None
    exposure_us: float | None = None
    gain: float | None = None
    rate_hz: float | None = None
    features: Features = field(default_factory=dict)
    trigger: TriggerSettings | None = None


def set_up_of(settings: IndustrialSettings, product: ProductCamera | None = None) -> SetUp:
    """Return how the camera shall be for a product; what it leaves out is as in the section `source`."""
    wanted = product or ProductCamera()
    return SetUp(
        settings.pixel_format,
        wanted.region or settings.region,
        settings.exposure_us if wanted.exposure_us is None else wanted.exposure_us,
        settings.gain if wanted.gain is None else wanted.gain,
        settings.rate_hz,
        {**settings.features, **wanted.features},
        settings.trigger,
    )


class FeatureSetter:
    """Sets one open camera up, again and again."""

    def __init__(self, nodes: Nodes) -> None:
        """Remember nothing yet.

        Args:
            nodes: The camera's features; it must not be acquiring while they are set.
        """
        self._nodes = nodes
        self._own: dict[str, Value] = {}  # what the camera had before it was set, in the order of setting

    def apply(self, wanted: SetUp) -> None:
        """Set everything, and check that it is so.

        Raises:
            ConfigError: If the camera has no such feature, or refuses or changes a value; it is then half set up.
            SourceError: If it does not answer.
        """
        self._clear_triggers()
        # Backwards: an exposure before what makes it automatic again.
        for name, value in list(reversed(self._own.items())):
            if name not in _covered(wanted):
                self._set(name, value)
        steps: list[tuple[str, Value]] = []
        for stage in (self._features(wanted), self._fixed(wanted), self._numbers(wanted)):
            for name, value in stage:
                self._set(name, value)
                steps.append((name, value))
        self._set_region(wanted.region or self._own_region())
        for name, value in _trigger_steps(self._nodes, wanted.trigger):
            self._set(name, value, is_remembered=False)
        self._check_again(steps)

    def _features(self, wanted: SetUp) -> Iterator[tuple[str, Value]]:
        """Yield what the rest depends on: binning and the like are among the features."""
        if self._nodes.kind("AcquisitionMode") is not None and "AcquisitionMode" not in wanted.features:
            yield "AcquisitionMode", "Continuous"
        for name, value in wanted.features.items():
            yield name, value
            if self._nodes.kind(name) is Kind.COMMAND:
                self._clear_triggers()  # it may have loaded anything
        if wanted.pixel_format is not None:
            yield "PixelFormat", wanted.pixel_format

    def _fixed(self, wanted: SetUp) -> Iterator[tuple[str, Value]]:
        """Yield what shall not be automatic: until then it cannot be set, and with some cameras is not there at all."""
        for name, value in (
            (_EXPOSURE_AUTO, wanted.exposure_us),
            (_GAIN_AUTO, wanted.gain),
            (_RATE_AUTO, wanted.rate_hz),
        ):
            if value is not None and self._nodes.kind(name) is Kind.ENUMERATION:
                yield name, "Off"

    def _numbers(self, wanted: SetUp) -> Iterator[tuple[str, Value]]:
        if wanted.exposure_us is not None:
            yield self._name_of(_EXPOSURE), wanted.exposure_us
        if wanted.gain is not None:
            yield self._name_of(_GAIN), wanted.gain
        if wanted.rate_hz is not None:
            for name in _RATE_ENABLE:
                if self._nodes.kind(name) is Kind.BOOLEAN:
                    yield name, True
            yield self._name_of(_RATE), wanted.rate_hz

    def _name_of(self, aliases: Sequence[str]) -> str:
        return next((name for name in aliases if self._nodes.kind(name) is not None), aliases[0])

    def _clear_triggers(self) -> None:
        """Switch all triggers off: one that was left on would keep the camera waiting for ever."""
        nodes = self._nodes
        if nodes.kind("TriggerMode") is None:
            return
        has_selector = nodes.kind("TriggerSelector") is Kind.ENUMERATION
        for selector in nodes.entries("TriggerSelector") if has_selector else [None]:
            if selector is not None:
                nodes.write("TriggerSelector", selector)
            if nodes.kind("TriggerMode") is not None and nodes.read("TriggerMode") != "Off":
                nodes.write("TriggerMode", "Off")

    def _own_region(self) -> tuple[int, int, int, int] | None:
        if not all(name in self._own for name in _REGION):
            return None
        x, y, width, height = (int(self._own[name]) for name in _REGION)
        return x, y, width, height

    def _set_region(self, region: tuple[int, int, int, int] | None) -> None:
        if region is None:
            return
        for name in _REGION:
            self._remember(name)
        # What is allowed depends on the rest: without an offset any size is, and then any offset that fits.
        for name in _REGION[:2]:
            if (bounds := self._nodes.bounds(name)) is not None:
                self._set(name, int(bounds.low))
        x, y, width, height = region
        for name, value in (("Width", width), ("Height", height), ("OffsetX", x), ("OffsetY", y)):
            self._set(name, value)

    def _remember(self, name: str) -> None:
        if name not in self._own and self._nodes.kind(name) not in {None, Kind.COMMAND}:
            self._own[name] = self._nodes.read(name)

    def _set(self, name: str, value: Value, *, is_remembered: bool = True) -> None:
        if is_remembered:
            self._remember(name)
        set_feature(self._nodes, name, value)

    def _check_again(self, steps: Sequence[tuple[str, Value]]) -> None:
        """Make sure that nothing set later has changed what was set before."""
        for name, value in steps:
            if self._nodes.kind(name) is Kind.COMMAND or name.startswith("Trigger"):
                continue  # the trigger's selector has moved on
            found = self._nodes.read(name)
            bounds = self._nodes.bounds(name) if isinstance(found, float) else None
            if not is_same(found, value, bounds):
                msg = f"{name}: asked for {value!r}, and {found!r} after the other features were set; they contradict"
                raise ConfigError(msg)


def _covered(wanted: SetUp) -> set[str]:
    """Return the features that need not be put back, as they are set anew; by all the names that they may have."""
    names = {*wanted.features, *_REGION, "AcquisitionMode"}
    if wanted.pixel_format is not None:
        names.add("PixelFormat")
    if wanted.exposure_us is not None:
        names |= {_EXPOSURE_AUTO, *_EXPOSURE}
    if wanted.gain is not None:
        names |= {_GAIN_AUTO, *_GAIN}
    if wanted.rate_hz is not None:
        names |= {_RATE_AUTO, *_RATE_ENABLE, *_RATE}
    return names


def _trigger_steps(nodes: Nodes, trigger: TriggerSettings | None) -> Iterator[tuple[str, Value]]:
    if trigger is None or isinstance(trigger, PartSensorTrigger):
        return
    if isinstance(trigger, HardwareTrigger):
        selector, source, activation = trigger.selector, trigger.source, trigger.activation
    else:
        selector, source, activation = "FrameStart", "Software", None
    # What follows means the selected trigger; a camera that has only one of them needs no selector.
    if nodes.kind("TriggerSelector") is not None or selector != "FrameStart":
        yield "TriggerSelector", selector
    yield "TriggerSource", source
    if activation is not None and (nodes.kind("TriggerActivation") is not None or activation != "RisingEdge"):
        yield "TriggerActivation", activation
    yield "TriggerMode", "On"
