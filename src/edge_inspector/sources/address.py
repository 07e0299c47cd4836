"""A network camera's address: with its secrets for the camera, without them for people, and what is wrong with it."""

import socket
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import SplitResult, quote, urlsplit

from edge_inspector.errors import ConfigError
from edge_inspector.settings import NetworkSource

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a network camera is.

    Attributes:
        url: Without user and password.
        username: None where the camera asks for none.
        password: The same.
    """

    url: str
    username: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"Address({self.public})"

    @property
    def public(self) -> str:
        """The address for logs and events: no user, no password, no query, where some cameras want theirs."""
        parts = urlsplit(self.url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{parts.scheme}://{host}:{self.port}{parts.path}"

    @property
    def secret(self) -> str:
        """The address as the camera wants it."""
        if self.username is None:
            return self.url
        parts = urlsplit(self.url)
        user = f"{quote(self.username, safe='')}:{quote(self.password or '', safe='')}"
        return parts._replace(netloc=f"{user}@{parts.netloc}").geturl()

    @property
    def has_clock(self) -> bool:
        """Whether its pictures carry a time that is real; FFmpeg only counts those of MJPEG over HTTP."""
        return self.url.startswith("rtsp")

    @property
    def port(self) -> int:
        """The port, also where the address leaves it out."""
        parts = urlsplit(self.url)
        return parts.port or _PORTS[parts.scheme]


def read_address(settings: NetworkSource) -> Address:
    """Return the address with the password from the settings or from the file they name.

    Raises:
        ConfigError: If the file cannot be read or is empty.
    """
    password = settings.password
    if path := settings.password_file:
        password = _read_password(path)
    return Address(settings.url, settings.username, password)


def _read_password(path: Path) -> str:
    try:
        password = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        words = error.strerror if isinstance(error, OSError) else error
        msg = f"source.password_file: cannot read {path}: {words}"
        raise ConfigError(msg) from error
    if not password:
        msg = f"source.password_file: {path} is empty; expected the password"
        raise ConfigError(msg)
    return password


def explain_silence(address: Address, timeout_s: float) -> str:
    """Ask a camera that could not be opened why, and say what it answered and what to check.

    FFmpeg tells a program only that it failed; so we knock ourselves, without any password.

    Args:
        address: Where it should be.
        timeout_s: How long to wait for each answer, in seconds.
    """
    parts = urlsplit(address.url)
    try:
        if parts.scheme.startswith("http"):
            status = _ask_http(parts, address.port, timeout_s)
        else:
            status = _ask_rtsp(address, timeout_s)
    except socket.gaierror:
        return "its host name has no address; check source.url"
    except ConnectionRefusedError:
        return "nothing listens there; check that it is on, and source.url"
    except TimeoutError:
        return f"no answer in {timeout_s:g} s; check that it is on, the network, and source.url"
    except (OSError, HTTPException, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else None
        return f"not reached: {words or type(error).__name__}; check the network and source.url"
    return _explain_status(status, has_password=address.password is not None)


def _explain_status(status: int, *, has_password: bool) -> str:
    match status:
        case 401 | 403 if has_password:
            return f"it asks for a password ({status}); check source.username and source.password_file"
        case 401 | 403:
            return f"it asks for a password ({status}); give source.username and source.password_file"
        case 404:
            return "it has no such stream (404); check the path in source.url"
        case _ if status >= 400:
            return f"it answers with error {status}; check source.url and how many viewers it allows"
        case _:
            return "it answers, but no video could be opened; check the path in source.url and the camera's codec"


def _ask_http(parts: SplitResult, port: int, timeout_s: float) -> int:
    connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = connect(parts.hostname or "", port, timeout=timeout_s)
    try:
        connection.request("GET", parts._replace(scheme="", netloc="").geturl() or "/")
        return connection.getresponse().status
    finally:
        connection.close()


def _ask_rtsp(address: Address, timeout_s: float) -> int:
    host = urlsplit(address.url).hostname or ""
    with socket.create_connection((host, address.port), timeout_s) as connection:
        if address.url.startswith("rtsps"):
            return 0  # it listens; what it says is encrypted
        request = f"DESCRIBE {address.url} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n"
        connection.sendall(request.encode())
        answer = connection.recv(64).split()
    return int(answer[1]) if answer[:1] == [b"RTSP/1.0"] and len(answer) > 1 else 0
