"""The operator page: where it is served, who may what, and how much it keeps and shows."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import Field, IPvAnyNetwork, field_validator, model_validator

from edge_inspector.settings.password_hash import PasswordHash
from edge_inspector.settings.section import Section

DEFAULT_PORT = 8380
LONGEST_USER = 64
RoleName: TypeAlias = Literal["viewer", "operator", "admin"]
_USER = re.compile(r"[^\x00-\x20\x7f:]+")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_HOST_NAME = re.compile(r"(?=.{1,253}\.?$)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_OWN_HEADERS = frozenset(
    (
        *("host", "cookie", "origin", "x-csrf-token", "sec-fetch-site"),
        *("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"),
    )
)


class PageUser(Section):
    """A person who may sign in."""

    role: RoleName = Field("operator", description="viewer looks, operator judges too, admin changes too")
    password: str | None = Field(
        None,
        repr=False,
        description="what `edge-inspector page hash-password` prints; absent: comes through the proxy alone",
    )

    @field_validator("password")
    @classmethod
    def _is_a_hash(cls, value: str | None) -> str | None:
        return value if value is None else str(PasswordHash.parse(value))


class ProxySettings(Section):
    """A reverse proxy that signs people in; its word counts from these addresses alone."""

    trusted: tuple[IPvAnyNetwork, ...] = Field(min_length=1, description="addresses or networks of it")
    user_header: str = Field("X-Forwarded-User", description="header with the name of the person")
    unknown_users: Literal["nothing", "viewer", "operator", "admin"] = Field(
        "nothing", description="role of a person whom page.users does not name"
    )

    @field_validator("user_header")
    @classmethod
    def _is_a_header(cls, value: str) -> str:
        if not _HEADER.fullmatch(value) or value.lower() in _OWN_HEADERS:
            msg = f"expected the name of a header of the proxy's own, letters, digits and hyphens, found {value!r}"
            raise ValueError(msg)
        return value

    @field_validator("trusted")
    @classmethod
    def _is_not_everybody(cls, value: tuple[IPvAnyNetwork, ...]) -> tuple[IPvAnyNetwork, ...]:
        if any(network.prefixlen == 0 for network in value):
            msg = (
                "expected the addresses of the proxy alone, found a network of all addresses: anybody could be anybody"
            )
            raise ValueError(msg)
        return value


class TlsFiles(Section):
    """What the page proves itself with; read when it starts."""

    certificate: Path
    key: Path


class RunRuleSettings(Section):
    """A warning that one kind of defect comes again and again."""

    defects: int = Field(3, ge=2, le=1000, description="so many defects of one class")
    parts: int = Field(20, ge=2, le=10_000, description="within so many parts")

    @model_validator(mode="after")
    def _can_be_met(self) -> "RunRuleSettings":
        if self.defects > self.parts:
            msg = f"defects {self.defects} is above parts {self.parts}; expected defects <= parts"
            raise ValueError(msg)
        return self


class PageSettings(Section):
    """The operator page; with no user and no proxy it only shows, and only to this machine."""

    enabled: bool = True
    host: str = Field("127.0.0.1", description="an address of this machine; others than loopback ask for users and TLS")
    port: int = Field(DEFAULT_PORT, ge=0, le=65535, description="0: any free port")
    names: tuple[str, ...] = Field(
        (), description="host names under which browsers reach it, beside this machine's own"
    )
    tls: TlsFiles | None = Field(None, description="absent: http")
    plain_http: bool = Field(default=False, description="true: passwords may cross the network without TLS")
    users: dict[str, PageUser] = Field(default_factory=dict, description="by name")
    proxy: ProxySettings | None = Field(None, description="absent: people sign in here")
    open_view: bool = Field(default=False, description="true: whoever reaches the page may look without signing in")
    session_hours: float = Field(12.0, gt=0, le=720, description="a person must sign in again after so long")
    shifts: tuple[str, ...] = Field(("06:00", "14:00", "22:00"), description="local times at which shifts begin")
    live_hz: float = Field(5.0, gt=0, le=30, description="pictures a second of the live view, while somebody watches")
    live_width: int = Field(960, ge=160, le=4096, description="its width in pixels at most")
    pictures_mb: float = Field(256.0, ge=1, description="pictures of results that were not accepted, kept on disk")
    preview_parts: int = Field(1000, ge=0, le=10_000, description="last parts on which other thresholds can be tried")
    run_rule: RunRuleSettings = RunRuleSettings()

    @field_validator("host")
    @classmethod
    def _is_a_host(cls, value: str) -> str:
        if not _can_be_host(value):
            msg = f"expected an address of this machine, as 127.0.0.1, 0.0.0.0 or ::, found {value!r}"
            raise ValueError(msg)
        return value

    @field_validator("names")
    @classmethod
    def _are_host_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not _can_be_host(name):
                msg = f"expected host names without scheme and port, as station-7.plant.example, found {name!r}"
                raise ValueError(msg)
        return value

    @field_validator("users")
    @classmethod
    def _have_names(cls, value: dict[str, PageUser]) -> dict[str, PageUser]:
        for name in value:
            if not is_user_name(name):
                msg = f"expected names of 1 to {LONGEST_USER} characters without spaces and colons, found {name!r}"
                raise ValueError(msg)
        return value

    @field_validator("shifts")
    @classmethod
    def _are_times(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or any(not _TIME.fullmatch(time) for time in value) or list(value) != sorted(set(value)):
            msg = f'expected one or more times of a day in order, as ["06:00", "14:00", "22:00"], found {list(value)}'
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _is_not_open_to_everybody(self) -> "PageSettings":
        if not is_loopback(self.host):
            if not self.has_people:
                msg = f"host: expected loopback while there are no users and no proxy, found {self.host!r}"
                raise ValueError(msg)
            if self.tls is None and not self.plain_http:
                msg = f"host: expected tls, or plain_http = true, beside an address that others reach ({self.host})"
                raise ValueError(msg)
        if self.proxy is None and (without := [name for name, user in self.users.items() if user.password is None]):
            msg = f"users.{without[0]}: password missing; only a person who comes through page.proxy needs none"
            raise ValueError(msg)
        return self

    @property
    def has_people(self) -> bool:
        """Whether anybody can be known by name: it has users, or a proxy that signs people in."""
        return bool(self.users) or self.proxy is not None


def is_user_name(text: str) -> bool:
    """Return whether a text can be the name of a person."""
    return len(text) <= LONGEST_USER and text.isprintable() and _USER.fullmatch(text) is not None


def is_loopback(host: str) -> bool:
    """Return whether an address is reached from this machine alone."""
    return host.lower() == "localhost" or ((address := address_of(host)) is not None and address.is_loopback)


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a text spells; None where it spells none."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def _can_be_host(text: str) -> bool:
    return address_of(text) is not None or _HOST_NAME.fullmatch(text) is not None
