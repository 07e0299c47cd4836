"""What a camera can: its features with value, range and unit, and which configured ones it would refuse."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

from edge_inspector.commissioning.browsing import BrowsableNodes
from edge_inspector.commissioning.listing import table
from edge_inspector.errors import ConfigError
from edge_inspector.sources.genicam.features import FeatureSetter, SetUp
from edge_inspector.sources.genicam.nodes import Kind, Nodes, RefusedByCameraError, Value

_MATTER = (
    "DeviceVendorName", "DeviceModelName", "DeviceSerialNumber", "DeviceFirmwareVersion", "DeviceUserID",
    "SensorWidth", "SensorHeight", "Width", "Height", "OffsetX", "OffsetY",
    "BinningHorizontal", "BinningVertical", "PixelFormat",
    "ExposureAuto", "ExposureTime", "ExposureTimeAbs", "GainAuto", "Gain", "GainRaw",
    "AcquisitionMode", "AcquisitionFrameRateEnable", "AcquisitionFrameRate", "AcquisitionFrameRateAbs",
    "ResultingFrameRate", "ResultingFrameRateAbs", "AcquisitionLineRate", "AcquisitionLineRateAbs",
    "TriggerSelector", "TriggerMode", "TriggerSource", "TriggerActivation", "TriggerDelay", "TriggerSoftware",
    "DeviceLinkThroughputLimit", "GevSCPSPacketSize", "GevSCPD", "GevHeartbeatTimeout", "PayloadSize",
    "DeviceTemperature",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FeatureDescription:
    """One feature as it is now.

    Attributes:
        name: By GenICam.
        kind: What it is.
        value: Now; None of a command, and where the camera does not tell.
        unit: Of a number.
        allowed: What it may be: entries, or bounds.
        category: Where the camera's maker has put it.
    """

    name: str
    kind: str
    value: Value | None
    unit: str = ""
    allowed: str = ""
    category: str = ""

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        return asdict(self)


def describe(nodes: BrowsableNodes, *, all_of_them: bool = False) -> list[FeatureDescription]:
    """Return the features of a camera: those that matter for an inspection, or all by category."""
    if not all_of_them:
        return [found for name in _MATTER if (found := _described(nodes, name, "")) is not None]
    return list(_all(nodes))


def lines_of(features: Sequence[FeatureDescription]) -> list[str]:
    """Return a table for people."""
    lines: list[str] = []
    rows = table([(one.name, _text(one), one.unit, one.allowed) for one in features]) if features else []
    category = ""
    for one, row in zip(features, rows, strict=True):
        if one.category != category:
            category = one.category
            lines += ["", f"[{category}]"]
        lines.append(row)
    return lines


def refusals(nodes: Nodes, wanted: SetUp) -> list[str]:
    """Set a camera up as configured, as far as it lets itself, and return what it refused; it must not be acquiring.

    One refusal does not hide the others: what was refused is left out, and the rest is set again.
    """
    refused: list[str] = []
    setter = FeatureSetter(nodes)
    taken = SetUp()
    for larger in _steps_to(wanted):
        try:
            setter.apply(larger(taken))
        except ConfigError as error:
            refused.append(str(error))
        else:
            taken = larger(taken)
    return refused


def _steps_to(wanted: SetUp) -> Iterator[Callable[[SetUp], SetUp]]:
    """Yield for each configured feature what adds it to those before it."""
    for name, value in wanted.features.items():
        yield partial(_with_feature, name, value)
    for name in ("pixel_format", "region", "exposure_us", "gain", "rate_hz", "trigger"):
        if (value := getattr(wanted, name)) is not None:
            yield partial(_with, name, value)


def _with_feature(name: str, value: Value, taken: SetUp) -> SetUp:
    return replace(taken, features={**taken.features, name: value})


def _with(name: str, value: object, taken: SetUp) -> SetUp:
    return replace(taken, **{name: value})  # type: ignore[arg-type]


def _all(nodes: BrowsableNodes) -> Iterator[FeatureDescription]:
    seen: set[str] = set()
    for category, names in nodes.categories():
        for name in names:
            if name not in seen and (found := _described(nodes, name, category)) is not None:
                seen.add(name)
                yield found


def _described(nodes: BrowsableNodes, name: str, category: str) -> FeatureDescription | None:
    kind = nodes.kind(name)
    if kind is None:
        return None
    try:
        value = None if kind is Kind.COMMAND else nodes.read(name)
        bounds = nodes.bounds(name)
        allowed = ", ".join(nodes.entries(name)) if kind is Kind.ENUMERATION else "" if bounds is None else str(bounds)
        return FeatureDescription(name, kind.value, value, nodes.unit(name), allowed, category)
    except RefusedByCameraError:
        return FeatureDescription(name, kind.value, None, category=category)  # it is there, and cannot be read now


def _text(feature: FeatureDescription) -> str:
    match feature.value:
        case None:
            return "(command)" if feature.kind == Kind.COMMAND else "-"
        case bool():
            return str(feature.value).lower()
        case float():
            return f"{feature.value:.10g}"
    return str(feature.value)
