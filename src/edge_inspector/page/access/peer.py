"""The peer: what the other end says of the browser behind it, which counts from a trusted proxy alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from starlette.requests import HTTPConnection

from edge_inspector.page.doors import Turned
from edge_inspector.settings import ProxySettings
from edge_inspector.settings.page import address_of, is_user_name


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end.

    Attributes:
        address: Of the browser, as far as it can be trusted.
        host: Under which the browser asked for the page, port included.
        is_secure: TLS all the way, as far as we and a trusted proxy know.
        user: Whom a trusted proxy has signed in.
    """

    address: str
    host: str
    is_secure: bool
    user: str | None


def peer_of(request: HTTPConnection, proxy: ProxySettings | None, *, is_secure: bool) -> Peer:
    """Return who is at the other end of a request.

    Args:
        request: Its headers and the address of the connection.
        proxy: Whose headers count.
        is_secure: The connection itself is TLS.

    Raises:
        Turned: 400 where a trusted proxy names several people, or one with an impossible name: then it passes on what
            browsers send, and could be told anything.
    """
    headers = request.headers
    address = "" if request.client is None else request.client.host
    host = headers.get("host", "")
    if proxy is None or not is_trusted(address, proxy):
        return Peer(address, host, is_secure, None)
    forwarded = [part.strip() for line in headers.getlist("x-forwarded-for") for part in line.split(",")]
    return Peer(
        address=_first_stranger(forwarded, proxy) or address,
        host=headers.get("x-forwarded-host", host),
        is_secure=is_secure or headers.get("x-forwarded-proto", "").lower() == "https",
        user=_user(headers.getlist(proxy.user_header), proxy.user_header),
    )


def _user(values: Sequence[str], header: str) -> str | None:
    values = [value for value in values if value]
    if not values:
        return None
    name = values[0].encode("latin-1").decode("utf-8", "replace")
    if len(values) > 1 or not is_user_name(name) or "\ufffd" in name:  # the last: bytes that are no text
        raise Turned(400, "bad_proxy", f"{header}: expected one name of a person, found {values!r:.200}")
    return name


def _first_stranger(forwarded: Sequence[str], proxy: ProxySettings) -> str | None:
    """Return the address before the proxies: what stands further left anybody may have written."""
    for text in reversed(forwarded):
        if not is_trusted(text, proxy):
            return None if (address := plain_address(text)) is None else f"{address}"
    return None


def is_trusted(text: str, proxy: ProxySettings) -> bool:
    """Return whether an address is the proxy's."""
    address = plain_address(text)
    return address is not None and any(_is_in(address, network) for network in proxy.trusted)


def plain_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address without its zone, and as one of IPv4 what a socket for IPv6 spells in its own way."""
    address = address_of(text.partition("%")[0])
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _is_in(address: IPv4Address | IPv6Address, network: IPv4Network | IPv6Network) -> bool:
    return address.version == network.version and address in network
