"""Features of cameras that are set, checked and put back, by whatever driver they are reached."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from pydantic import TypeAdapter

from edge_inspector.errors import ConfigError
from edge_inspector.settings import ProductCamera, TriggerSettings
from edge_inspector.settings.cameras import GenicamSource
from edge_inspector.sources.genicam.features import FeatureSetter, SetUp, set_up_of
from edge_inspector.sources.genicam.nodes import Bounds, Kind, RefusedByCameraError, Value
from edge_inspector.sources.genicam.setting import set_feature

SENSOR_WH = (2048, 1536)


@dataclass
class SpecialCamera:
    """A camera with the manners of real ones: offsets and sizes depend on each other, exposures come in steps.

    Attributes:
        values: Its features.
        writes: What was written, in order.
        ignores: Features whose writes do nothing.
    """

    values: dict[str, Value] = field(
        default_factory=lambda: {
            "AcquisitionMode": "Continuous", "PixelFormat": "Mono8", "OffsetX": 0, "OffsetY": 0, "Width": 2048,
            "Height": 1536, "ExposureAuto": "Continuous", "ExposureTime": 9994.0, "GainAuto": "Off", "Gain": 0.0,
            "AcquisitionFrameRateEnable": False, "AcquisitionFrameRate": 20.0, "TriggerSelector": "FrameStart",
            "TriggerSource": "Line1", "TriggerActivation": "RisingEdge", "TriggerDelay": 0.0,
        }
    )  # fmt: skip
    modes: dict[str, Value] = field(default_factory=lambda: {"FrameStart": "Off", "FrameBurstStart": "On"})
    writes: list[tuple[str, Value]] = field(default_factory=list)
    executed: list[str] = field(default_factory=list)
    ignores: set[str] = field(default_factory=set)

    ENTRIES = {  # noqa: RUF012 - read only
        "AcquisitionMode": ["Continuous", "SingleFrame"], "PixelFormat": ["Mono8", "BayerRG8"],
        "ExposureAuto": ["Off", "Continuous"], "GainAuto": ["Off", "Continuous"],
        "TriggerSelector": ["FrameBurstStart", "FrameStart"], "TriggerMode": ["Off", "On"],
        "TriggerSource": ["Line1", "Line2", "Software"], "TriggerActivation": ["RisingEdge", "FallingEdge"],
    }  # fmt: skip

    def kind(self, name: str) -> Kind | None:
        if name == "UserSetLoad":
            return Kind.COMMAND
        if name in self.ENTRIES:
            return Kind.ENUMERATION if name in self.values or name == "TriggerMode" else None
        if name == "ExposureTime" and self.values.get("ExposureAuto") == "Continuous":
            return None  # as some cameras do
        kinds = {bool: Kind.BOOLEAN, int: Kind.INTEGER, float: Kind.FLOAT, str: Kind.STRING}
        return kinds.get(type(self.values.get(name)))

    def read(self, name: str) -> Value:
        return self.modes[str(self.values["TriggerSelector"])] if name == "TriggerMode" else self.values[name]

    def write(self, name: str, value: Value) -> None:
        bounds = self.bounds(name)
        if bounds is not None and not bounds.low <= float(value) <= bounds.high:
            msg = f"{name} is out of range"
            raise RefusedByCameraError(msg)
        self.writes.append((name, value))
        if name in self.ignores:
            return
        if name == "TriggerMode":
            self.modes[str(self.values["TriggerSelector"])] = value
        elif name == "ExposureTime":
            self.values[name] = math.floor(float(value) / 9.5) * 9.5  # whole lines
        else:
            self.values[name] = float(value) if isinstance(self.values[name], float) else value

    def execute(self, name: str) -> None:
        self.executed.append(name)
        self.modes["FrameStart"] = "On"  # as it was stored

    def bounds(self, name: str) -> Bounds | None:
        ints = {key: value for key, value in self.values.items() if isinstance(value, int)}
        allowed = {
            "OffsetX": Bounds(0, SENSOR_WH[0] - ints["Width"], 16),
            "OffsetY": Bounds(0, SENSOR_WH[1] - ints["Height"], 2),
            "Width": Bounds(64, SENSOR_WH[0] - ints["OffsetX"], 16),
            "Height": Bounds(2, SENSOR_WH[1] - ints["OffsetY"], 2),
            "ExposureTime": Bounds(19, 1e6, 9.5),
            "Gain": Bounds(0, 24),
        }
        return allowed.get(name)

    def entries(self, name: str) -> Sequence[str]:
        return self.ENTRIES[name]


def trigger(**keys: object) -> TriggerSettings:
    return TypeAdapter[TriggerSettings](TriggerSettings).validate_python(keys)


def test_everything_that_is_configured_is_set() -> None:
    camera = SpecialCamera()
    FeatureSetter(camera).apply(
        SetUp("BayerRG8", (512, 256, 640, 480), 2000, 6, 30, {"TriggerDelay": 15.5}, trigger(by="command"))
    )
    asked = {
        "PixelFormat": "BayerRG8", "OffsetX": 512, "OffsetY": 256, "Width": 640, "Height": 480, "ExposureAuto": "Off",
        "GainAuto": "Off", "Gain": 6.0, "AcquisitionFrameRateEnable": True, "AcquisitionFrameRate": 30.0,
        "TriggerDelay": 15.5, "TriggerSource": "Software", "ExposureTime": 1995.0,
    }  # fmt: skip
    assert {name: camera.values[name] for name in asked} == asked
    assert camera.modes == {"FrameStart": "On", "FrameBurstStart": "Off"}


@pytest.mark.parametrize(
    "regions",
    [
        [(512, 256, 640, 480), (0, 0, 2048, 1536), (1408, 1056, 640, 480)],
        [(1984, 1534, 64, 2), (0, 0, 64, 2), (16, 2, 2032, 1534)],
    ],
)
def test_a_region_is_reached_from_any_other(regions: list[tuple[int, int, int, int]]) -> None:
    camera = SpecialCamera()
    setter = FeatureSetter(camera)
    for region in regions:
        setter.apply(SetUp(region=region))
        assert tuple(camera.values[name] for name in ("OffsetX", "OffsetY", "Width", "Height")) == region


def test_without_a_trigger_one_that_was_left_on_is_switched_off() -> None:
    camera = SpecialCamera()
    FeatureSetter(camera).apply(SetUp())
    assert camera.modes == {"FrameStart": "Off", "FrameBurstStart": "Off"}


def test_a_hardware_trigger_is_selected_before_it_is_set() -> None:
    camera = SpecialCamera()
    wanted = trigger(by="hardware", selector="FrameBurstStart", source="Line2", activation="FallingEdge")
    FeatureSetter(camera).apply(SetUp(trigger=wanted))
    assert camera.modes == {"FrameStart": "Off", "FrameBurstStart": "On"}
    assert camera.values["TriggerSource"] == "Line2"
    names = [name for name, _ in camera.writes]
    assert names.index("TriggerSelector") < names.index("TriggerSource") < len(names) - 1
    assert camera.writes[-1] == ("TriggerMode", "On")


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (SetUp("Mono12"), r"PixelFormat: asked for 'Mono12', allowed are Mono8, BayerRG8"),
        (SetUp(region=(0, 0, 650, 480)), r"Width: asked for 650, allowed is 64 to 2048 in steps of 16"),
        (SetUp(region=(1600, 0, 640, 480)), r"OffsetX: asked for 1600, allowed is 0 to 1408 in steps of 16"),
        (SetUp(gain=30), r"Gain: asked for 30, allowed is 0 to 24"),
        (SetUp(exposure_us=10), r"ExposureTime: asked for 10, allowed is 19 to 1000000 in steps of 9.5"),
        (SetUp(features={"Gama": 1.0}), r"Gama: asked for 1.0, but the camera has no such feature, or not now"),
        (SetUp(features={"Width": "wide"}), r"Width: asked for 'wide', expected a whole number"),
        (SetUp(features={"Width": 640.5}), r"Width: asked for 640.5, expected a whole number"),
        (SetUp(features={"AcquisitionFrameRateEnable": 1}), r"expected true or false"),
        (SetUp(features={"UserSetLoad": "Default"}), r"UserSetLoad: expected true, as it is a command"),
        (
            SetUp(trigger=trigger(by="hardware", source="Line9")),
            r"TriggerSource: asked for 'Line9', allowed are Line1, ",
        ),
        (
            SetUp(region=(0, 0, 640, 480), features={"Width": 1280}),
            r"Width: asked for 1280, and 640 after the other features were set; they contradict",
        ),
        (
            SetUp(exposure_us=2000, features={"ExposureAuto": "Continuous"}),
            r"ExposureAuto: asked for 'Continuous', and 'Off' after the other features were set; they contradict",
        ),
    ],
)
def test_what_cannot_be_set_is_one_error_with_what_is_allowed(wanted: SetUp, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FeatureSetter(SpecialCamera()).apply(wanted)


def test_a_value_that_the_camera_does_not_take_is_found_by_reading_it_back() -> None:
    camera = SpecialCamera(ignores={"Gain"})
    with pytest.raises(ConfigError, match=r"Gain: asked for 6, the camera made it 0.0; it allows 0 to 24"):
        set_feature(camera, "Gain", 6)


def test_a_value_that_is_so_already_is_not_written() -> None:
    camera = SpecialCamera()
    set_feature(camera, "PixelFormat", "Mono8")
    assert not camera.writes


def test_a_command_among_the_features_is_carried_out() -> None:
    camera = SpecialCamera()
    FeatureSetter(camera).apply(SetUp(features={"UserSetLoad": True}))
    assert camera.executed == ["UserSetLoad"]
    assert camera.modes["FrameStart"] == "Off", "a trigger that it loaded would keep the camera waiting"


@pytest.mark.parametrize("older", ["ExposureTimeAbs", "ExposureTimeRaw"])
def test_the_names_of_older_cameras_will_do(older: str) -> None:
    camera = SpecialCamera()
    del camera.values["ExposureTime"], camera.values["ExposureAuto"]
    camera.values[older] = 100
    FeatureSetter(camera).apply(SetUp(exposure_us=2000.0))
    assert camera.values[older] == 2000


def test_what_a_later_set_up_leaves_out_is_as_it_was_before_the_first() -> None:
    camera = SpecialCamera()
    before, setter = dict(camera.values), FeatureSetter(camera)
    setter.apply(SetUp())
    setter.apply(SetUp("BayerRG8", (512, 256, 640, 480), 1995, 6, 30, {"TriggerDelay": 15.5}))
    assert camera.values != before
    setter.apply(SetUp())
    assert camera.values == before


def test_a_products_camera_goes_before_the_sources() -> None:
    source = GenicamSource(
        type="genicam", region=(0, 0, 64, 2), exposure_us=100, gain=3, features={"Gamma": 1.0, "BlackLevel": 2}
    )
    product = ProductCamera(gain=0, features={"Gamma": 0.5})
    found = set_up_of(source, product)
    assert found == SetUp(None, (0, 0, 64, 2), 100, 0, None, {"Gamma": 0.5, "BlackLevel": 2}, None)
