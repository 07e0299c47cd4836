"""Behind a load balancer that signs people in: who asks is in a header that it has signed.

Source:
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html, "User claims
    encoding and signature verification": ES256; the header of the token names the signer and has its expiry; the
    signature covers the padding of the parts too.
"""

import hmac
import math
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.requests import Request

from cloud_side.labeling.page.guard import Turned
from edge_inspector.errors import ConfigError

HEADER: Final = "x-amzn-oidc-data"
_ARN: Final = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):elasticloadbalancing:(?P<region>[a-z0-9-]+):\d{12}:loadbalancer/app/\S+"
)
_KEY_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_LONGEST_NAME: Final = 128
_LARGEST_KEY: Final = 4096
_MOST_KEYS: Final = 16
_TIMEOUT_S: Final = 5.0
_KEPT_S: Final = 3600.0
_LEEWAY_S: Final = 30.0


class PublicKeys:
    """The load balancer's public keys, fetched when one is first met, and kept for a while; for all threads."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Take where they are: a key's id is put behind the address."""
        if urlsplit(url).scheme not in {"http", "https"}:
            msg = f"--alb-keys: expected an address that begins with https://, found {url!r:.200}"
            raise ConfigError(msg)
        self._url, self._clock = url.rstrip("/"), clock
        self._kept: dict[str, tuple[float, bytes]] = {}
        self._fetching = threading.Lock()

    def key(self, key_id: str) -> bytes:
        """Return a key as PEM.

        Raises:
            Turned: 401 where there is none of this name, 503 where that cannot be told now.
        """
        if not _KEY_ID.fullmatch(key_id):
            raise Turned(401, "login: expected a token with the id of a key")
        return self._known(key_id) or self._learned(key_id)  # what is known waits for no other key

    def _known(self, key_id: str) -> bytes | None:
        at, content = self._kept.get(key_id, (0.0, b""))
        return content if content and self._clock() - at <= _KEPT_S else None

    def _learned(self, key_id: str) -> bytes:
        with self._fetching:
            content = self._known(key_id)
            if content is None:
                content = self._fetched(key_id)
                self._kept = dict([*self._kept.items(), (key_id, (self._clock(), content))][-_MOST_KEYS:])
        return content

    def _fetched(self, key_id: str) -> bytes:
        try:
            with urllib.request.urlopen(f"{self._url}/{key_id}", timeout=_TIMEOUT_S) as answer:  # noqa: S310 - see above
                return bytes(answer.read(_LARGEST_KEY))
        except urllib.error.HTTPError as error:
            with error:
                if error.code in {403, 404}:
                    raise Turned(401, "login: no load balancer has a key of this name") from error
            raise Turned(503, f"login: the load balancer's keys cannot be fetched now: {error}") from error
        except OSError as error:
            raise Turned(503, f"login: the load balancer's keys cannot be fetched now: {error}") from error


class Login:
    """Knows people by what one load balancer says of them."""

    def __init__(
        self, arn: str, keys: PublicKeys, *, client: str | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        """Trust one load balancer.

        Args:
            arn: Of it.
            keys: Its public keys.
            client: Id that the provider gave to this application; None: whoever came by any application's login.
            clock: Seconds since 1970.

        Raises:
            ConfigError: If what checks signatures is not installed.
        """
        self._arn, self._keys, self._client, self._clock = arn, keys, client, clock
        self._jwt = _jwt()

    def person(self, request: Request) -> str:
        """Return who asks: their address where it is theirs for sure, else the subject that their provider has.

        Raises:
            Turned: 401 where the load balancer does not say so, 503 where that cannot be told now.
        """
        found = request.headers.getlist(HEADER)
        if len(found) != 1:
            raise Turned(401, f"{HEADER}: expected this header once, as the load balancer adds it; found {len(found)}")
        return _name_of(self._claims(found[0]))

    def _claims(self, token: str) -> dict[str, Any]:
        jwt = self._jwt
        try:
            header = jwt.get_unverified_header(token)
            self._check(header)
            key = self._keys.key(str(header.get("kid", "")))
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=["ES256"], leeway=_LEEWAY_S, options={"verify_aud": False}
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise Turned(401, f"login: the load balancer did not sign this: {error}") from error
        return claims

    def _check(self, header: dict[str, Any]) -> None:
        """Look at who signed, for whom, and until when it holds; the signature covers all of it."""
        if header.get("alg") != "ES256":
            raise Turned(401, f"login: expected a token signed by ES256, found {header.get('alg')!r:.40}")
        if not hmac.compare_digest(f"{header.get('signer')}".encode(), self._arn.encode()):
            raise Turned(401, f"login: expected a token of {self._arn}, found one of {header.get('signer')!r:.200}")
        if self._client is not None and header.get("client") != self._client:
            text = f"login: expected one to the client {self._client}, found one to {header.get('client')!r:.200}"
            raise Turned(401, text)
        expires = header.get("exp")
        least = self._clock() - _LEEWAY_S
        if isinstance(expires, bool) or not isinstance(expires, int | float) or not least <= expires < math.inf:
            raise Turned(401, "login: the token has expired; load the page again")


def keys_url(arn: str) -> str:
    """Return where the public keys of a load balancer are.

    Raises:
        ConfigError: If it is the ARN of none.
    """
    found = _ARN.fullmatch(arn)
    if found is None:
        msg = f"--alb-arn: expected arn:aws:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/app/…, found {arn!r:.200}"
        raise ConfigError(msg)
    region = found["region"]
    if found["partition"] == "aws-us-gov":
        return f"https://s3-{region}.amazonaws.com/aws-elb-public-keys-prod-{region}"
    return f"https://public-keys.auth.elb.{region}.amazonaws.com"


def _name_of(claims: dict[str, Any]) -> str:
    email, subject = claims.get("email"), claims.get("sub")
    is_theirs = str(claims.get("email_verified", True)).lower() == "true"
    name = email.lower() if isinstance(email, str) and email and is_theirs else subject
    if not isinstance(name, str) or not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise Turned(401, "login: expected the claim email or sub, found neither")
    return name


def _jwt() -> Any:  # noqa: ANN401 - a module
    try:
        import cryptography  # noqa: F401, PLC0415 - only behind a load balancer
        import jwt  # noqa: PLC0415
    except ImportError as error:
        msg = "--alb-arn needs the extra `page`: pip install 'edge-inspector-cloud[page]'"
        raise ConfigError(msg) from error
    return jwt
