"""How a connection to the broker is made, and what its failures mean in words.

Every attempt gets a paho client of its own: nothing is left over from the one before, and a password or certificate
that was renewed on disk is read again.
"""

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_inspector.errors import ConfigError
from edge_inspector.settings import MqttSettings, ProtocolVersion, TlsSettings
from edge_inspector.topics import Message

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

CONNECT_TIMEOUT_S = 5.0
SOON_S = 5.0
LARGEST_PACKET = 16_384  # bytes: nothing larger than a command is for us, and a broker may pass on 256 MB

_PROTOCOLS = {ProtocolVersion.V5: MQTTProtocolVersion.MQTTv5, ProtocolVersion.V311: MQTTProtocolVersion.MQTTv311}


def build_client(
    settings: MqttSettings, *, client_id: str, will: Message, secret: Callable[[str], str] | None = None
) -> Client:
    """Return a client that is ready to connect; its packets are written by `loop_write` only.

    Args:
        settings: The broker.
        client_id: Unique at the broker.
        will: What the broker publishes when this client vanishes.
        secret: Returns the secret of a name; raises ConfigError where it cannot.

    Raises:
        ConfigError: If a file or a secret of the settings cannot be used.
    """
    is_v5 = settings.protocol is ProtocolVersion.V5
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if is_v5 else True,
        protocol=_PROTOCOLS[settings.protocol],
        reconnect_on_failure=False,  # else paho falls back to MQTT 3.1 behind our back
    )
    client.will_set(will.topic, will.payload, will.delivery.qos, will.delivery.retain)
    client.username_pw_set(settings.username, read_password(settings, secret))
    if settings.tls is not None:
        client.tls_set_context(build_tls_context(settings.tls))
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.max_inflight_messages = 0  # the queue keeps the window
    client.on_socket_open = _send_small_packets_at_once
    client.on_socket_register_write = _leave_writing_to_the_loop
    limits = Properties(PacketTypes.CONNECT) if is_v5 else None  # type: ignore[no-untyped-call]
    if limits is not None:
        limits.MaximumPacketSize = LARGEST_PACKET
    client.connect_async(settings.host, settings.port, settings.keepalive_s, clean_start=True, properties=limits)
    return client


def read_password(settings: MqttSettings, secret: Callable[[str], str] | None = None) -> str | None:
    """Return the password from the settings, or from the file or secret they name; None when there is none.

    Raises:
        ConfigError: If the file cannot be read or is empty, if there is no secret of that name, or if there is no user
            to go with the password.
    """
    password = settings.password
    if name := settings.password_secret:
        if secret is None:
            msg = "mqtt.password_secret: secrets are there only under Greengrass; use mqtt.password_file elsewhere"
            raise ConfigError(msg)
        password = secret(name)
    if path := settings.password_file:
        try:
            password = path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            msg = f"mqtt.password_file: cannot read {path}: {_words(error)}"
            raise ConfigError(msg) from error
        if not password:
            msg = f"mqtt.password_file: {path} is empty; expected the password"
            raise ConfigError(msg)
    if password is not None and settings.username is None:
        msg = "mqtt.username: missing; MQTT sends a password only together with a user"
        raise ConfigError(msg)
    return password


def build_tls_context(tls: TlsSettings) -> ssl.SSLContext:
    """Return a context that verifies the broker and its host name, and may identify us.

    Raises:
        ConfigError: If a file cannot be used, naming it.
    """
    for key, path in (("ca", tls.ca), ("certificate", tls.certificate), ("key", tls.key)):
        if path is not None:
            _check_readable(f"mqtt.tls.{key}", path)
    try:
        context = ssl.create_default_context(cafile=tls.ca)
    except ssl.SSLError as error:
        msg = f"mqtt.tls.ca: {tls.ca} holds no certificate in PEM format: {_words(error)}"
        raise ConfigError(msg) from error
    if tls.certificate is not None:
        try:
            context.load_cert_chain(tls.certificate, tls.key, password="")  # "": never ask on the terminal
        except ssl.SSLError as error:
            msg = (
                f"mqtt.tls.certificate and mqtt.tls.key: {tls.certificate} and {tls.key} cannot be used:"
                f" {_words(error)}; expected PEM files that belong together, the key without a passphrase"
            )
            raise ConfigError(msg) from error
    context.sslsocket_class = TlsSocket
    return context


class TlsSocket(ssl.SSLSocket):
    """A TLS socket that closes itself when the handshake fails and remembers the broker's last alert.

    paho leaves the first to the garbage collector and keeps the second to itself. With TLS 1.3 a broker that rejects
    our certificate says so only after the handshake, and has hung up by then: the alert is read when sending fails.
    """

    alert: ssl.SSLError | None = None

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - ssl's signature
        """Do the handshake."""
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Return what was received."""
        try:
            return super().recv(buflen, flags)
        except ssl.SSLError as error:
            if "ALERT" in (error.reason or ""):
                self.alert = error
            raise

    def send(self, data: "ReadableBuffer", flags: int = 0) -> int:
        """Return how many bytes were sent."""
        try:
            return super().send(data, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except OSError:
            with suppress(OSError):
                self.recv(1)
            raise


def explain_refusal(answer: str) -> str:
    """Say what the broker answered to CONNECT and which setting to change.

    Args:
        answer: Name of the reason code, as in MQTT 5.
    """
    return f"refused the connection with {answer!r}; check {_SETTING_BY_ANSWER.get(answer, 'the log of the broker')}"


_SETTING_BY_ANSWER = {
    "Bad user name or password": "mqtt.username and mqtt.password or mqtt.password_file",
    "Not authorized": "mqtt.username and mqtt.password or mqtt.password_file, and what the broker allows this client",
    "Client identifier not valid": "mqtt.client_id",
    "Unsupported protocol version": "mqtt.protocol",
    "Topic name invalid": "station.topic_prefix, which the broker does not allow for the last will",
}


def explain_end(reason: str, *, stood_s: float) -> str:
    """Say why a connection that had been accepted ended.

    Not every broker tells a client that another one took its name over; a connection that is lost at once is the sign.

    Args:
        reason: Name of the reason code of the broker's DISCONNECT, or paho's.
        stood_s: How long the connection stood, in seconds.
    """
    if reason == "Session taken over" or stood_s < SOON_S:
        check = "; check that no other client has the same client id (mqtt.client_id), and the log of the broker"
        return f"the connection was lost soon after it was accepted{_reason(reason)}{check}"
    return f"the connection was lost{_reason(reason)}"


def explain_silence(reason: str, settings: MqttSettings) -> str:
    """Say what to check when the broker ended a connection without an answer to CONNECT."""
    tls = "mqtt.tls (now absent)" if settings.tls is None else "mqtt.tls.certificate and mqtt.tls.key"
    checks = f"mqtt.port, mqtt.protocol (now {settings.protocol}) and {tls}"
    return f"the connection ended without an answer{_reason(reason)}; check {checks}"


def explain_error(error: Exception) -> str:
    """Say why no connection came about and which setting to change."""
    match error:
        case ConfigError():
            problem, check = f"not asked: {error}", ""
        case ssl.SSLCertVerificationError():
            problem = f"its certificate is not trusted: {error.verify_message}"
            check = _certificate_check(error.verify_message)
        case ssl.SSLError() if _is_about_our_certificate(error.reason or ""):
            problem = f"it did not accept our certificate: {_words(error)}"
            check = "mqtt.tls.certificate and mqtt.tls.key, and which authority the broker trusts"
        case ssl.SSLError():
            problem, check = f"the TLS handshake failed: {_words(error)}", "mqtt.port and mqtt.tls"
        case socket.gaierror() | UnicodeError():
            problem, check = f"no address: {_words(error)}", "mqtt.host"
        case ConnectionRefusedError():
            problem, check = "nothing listens there", "that it runs, mqtt.host and mqtt.port"
        case TimeoutError():
            problem, check = f"no answer in {CONNECT_TIMEOUT_S:g} s", "the network, mqtt.host and mqtt.port"
        case ConnectionError():
            problem, check = f"it hung up: {_words(error)}", "mqtt.port and mqtt.tls"
        case OSError():
            problem, check = f"not reached: {_words(error)}", "the network, mqtt.host and mqtt.port"
        case _:
            problem, check = f"it answered what is not MQTT: {type(error).__name__}: {error}", "mqtt.host and mqtt.port"
    return f"{problem}; check {check}" if check else problem


def _is_about_our_certificate(reason: str) -> bool:
    causes = ("CERT", "UNKNOWN_CA", "ACCESS_DENIED", "HANDSHAKE_FAILURE")
    return "ALERT" in reason and any(cause in reason for cause in causes)


def _certificate_check(message: str) -> str:
    if "mismatch" in message:
        return "mqtt.host, which must be a name in the certificate"
    if "expired" in message or "not yet valid" in message:
        return "the broker's certificate and this device's clock"
    return "mqtt.tls.ca"


def _reason(reason: str) -> str:
    return "" if reason in {"", "Unspecified error", "Normal disconnection"} else f" ({reason!r})"


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _check_readable(key: str, path: Path) -> None:
    try:
        with path.open("rb"):
            return
    except OSError as error:
        msg = f"{key}: cannot read {path}: {_words(error)}"
        raise ConfigError(msg) from error


def _send_small_packets_at_once(_client: Client, _userdata: object, sock: object) -> None:
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _leave_writing_to_the_loop(_client: Client, _userdata: object, _sock: object) -> None:
    """Being there is enough: without it paho writes, and calls back, from inside `publish`."""
