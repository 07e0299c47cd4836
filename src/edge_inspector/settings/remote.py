"""An endpoint that looks at frames in this station's place."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from edge_inspector.settings.section import Section

_HERE = ("localhost", "127.0.0.1", "::1")


def _is_an_endpoint(value: str) -> str:
    parts = urlsplit(value)
    is_whole = parts.scheme in {"http", "https"} and parts.hostname and value.isascii() and value.isprintable()
    if not is_whole or parts.username is not None or parts.query or parts.fragment or " " in value:
        msg = "expected http://HOST[:PORT][/PATH] or https://…, without a user, a query or a fragment"
        raise ValueError(msg)
    _ = parts.port  # a ValueError of its own where it is none
    return value


class RemoteSettings(Section):
    """An endpoint's server, and what is done when it does not answer."""

    url: Annotated[str, AfterValidator(_is_an_endpoint)] = Field(
        description="of `edge-inspector-cloud endpoint serve`, or what stands before it; the path is /invocations"
    )
    timeout_ms: float = Field(
        200.0, gt=0, le=60_000, description="of one frame, encoding and answer; then the fallback looks at it"
    )
    fallback: Literal["local", "none"] = Field(
        "local", description="none: a frame that the endpoint does not answer has no verdict"
    )
    encoding: Literal["png", "jpeg"] = Field(
        "png", description="png loses nothing; jpeg is smaller, and changes scores"
    )
    jpeg_quality: int = Field(95, ge=50, le=100)
    failures: int = Field(3, ge=1, le=1000, description="so many in a row, and the endpoint is left alone for a while")
    rest_s: float = Field(10.0, gt=0, le=3600, description="so long; then one frame tries it again")
    authorization_file: Path | None = Field(
        None, description="file with the value of the header Authorization; read at every connection, https only"
    )

    @model_validator(mode="after")
    def _keeps_its_secret(self) -> "RemoteSettings":
        parts = urlsplit(self.url)
        if self.authorization_file is not None and parts.scheme == "http" and parts.hostname not in _HERE:
            msg = "url: expected https where authorization_file is given: everybody on the way could read it"
            raise ValueError(msg)
        return self
