"""The broker that messages go to."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field, model_validator

from edge_inspector.settings.section import Section


class ProtocolVersion(StrEnum):
    """MQTT protocol versions."""

    V5 = "5"
    V311 = "3.1.1"


class TlsSettings(Section):
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


class MqttSettings(Section):
    """The broker; it belongs to the user."""

    host: str = "127.0.0.1"
    port: int = Field(1883, ge=1, le=65535)
    protocol: ProtocolVersion = ProtocolVersion.V5
    client_id: str | None = Field(None, description="made of the station's levels when absent")
    username: str | None = None
    password: str | None = Field(None, repr=False)
    password_file: Path | None = Field(None, description="file that holds the password, so that no secret is in here")
    password_secret: str | None = Field(
        None,
        min_length=1,
        description="name or ARN of the secret that holds it, under Greengrass with its secret manager component",
    )
    tls: TlsSettings | None = None
    keepalive_s: int = Field(30, ge=5, le=3600)
    reconnect_min_s: float = Field(1.0, gt=0)
    reconnect_max_s: float = Field(60.0, gt=0)

    @model_validator(mode="after")
    def _has_one_password(self) -> "MqttSettings":
        given = [self.password, self.password_file, self.password_secret]
        if sum(each is not None for each in given) > 1:
            msg = "password, password_file and password_secret: give one of them"
            raise ValueError(msg)
        if self.reconnect_min_s > self.reconnect_max_s:
            msg = f"reconnect_min_s {self.reconnect_min_s} is above reconnect_max_s {self.reconnect_max_s}"
            raise ValueError(msg)
        return self
