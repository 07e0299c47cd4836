"""How the daemon uses the Greengrass nucleus that started it."""

from pydantic import Field, field_validator

from edge_inspector.settings.section import Section
from edge_inspector.topics import Channel

CHANNELS = tuple(channel.name.lower() for channel in Channel)
_CLOUD = tuple(name for name in CHANNELS if name != "result")


class GreengrassSettings(Section):
    """Which messages go where; in force only under a nucleus: `edge-inspector run --greengrass`."""

    local: tuple[str, ...] = Field(CHANNELS, description="channels that go to the device's local publish/subscribe")
    iot_core: tuple[str, ...] = Field(
        _CLOUD, description="channels that go to AWS IoT Core; results are many, and stay local unless named here"
    )
    heartbeat_s: float = Field(
        30.0, ge=1, le=3600, description="a subscription that does not echo for two of these is made again"
    )
    defer_updates: bool = Field(
        default=True, description="ask the nucleus to wait with component updates while a new model proves itself"
    )

    @field_validator("local", "iot_core")
    @classmethod
    def _are_channels(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted(set(value) - set(CHANNELS)):
            msg = f"expected some of {', '.join(CHANNELS)}; found {', '.join(map(repr, unknown))}"
            raise ValueError(msg)
        return value
