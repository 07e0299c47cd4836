"""Secret links: on a laptop each person has one, and who follows it is known from then on by a cookie."""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from cloud_side.labeling.page.guard import Turned
from edge_inspector.durable import make_folders, write_lasting
from edge_inspector.errors import ConfigError

_NAME: Final = re.compile(r"[^\s,\x00-\x1f\x7f](?:[^,\x00-\x1f\x7f]{0,62}[^\s,\x00-\x1f\x7f])?")
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{20,100}")
_SECRET_BYTES: Final = 24
_KEPT_S: Final = 90 * 86_400


class SecretLinks:
    """Knows people by the secrets in their links; a script sends its own as `Authorization: Bearer …`."""

    def __init__(self, secrets_of: Mapping[str, str], kept_in: Path) -> None:
        """Take the secret of each person.

        Args:
            secrets_of: By name.
            kept_in: Where they are kept. Browsers share cookies between all ports of a machine: pages that know other
                people call theirs otherwise, and one that comes to know more people does not.
        """
        self._secrets = dict(secrets_of)
        self._cookie = f"edge-inspector-labeling-{hashlib.sha256(str(kept_in).encode()).hexdigest()[:8]}"

    def person(self, request: Request) -> str:
        """Return who asks.

        Raises:
            Turned: 401.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        secret = token if scheme.lower() == "bearer" else request.cookies.get(self._cookie, "")
        name = self._named(secret)
        if name is None:
            raise Turned(401, "nobody is known here by this browser: open your own link, as the page's start told it")
        return name

    def enter(self, secret: str, response: Response) -> None:
        """Have a browser remember who followed a link.

        Raises:
            Turned: 401 where it is nobody's.
        """
        if self._named(secret) is None:
            raise Turned(401, "this link is nobody's: ask for yours where the page was started")
        response.set_cookie(self._cookie, secret, max_age=_KEPT_S, path="/", httponly=True, samesite="strict")

    def path(self, name: str) -> str:
        """Return the path of a person's link."""
        return f"/?key={self._secrets[name]}"

    def _named(self, secret: str) -> str | None:
        """Return whose secret it is; compares with all, so that the time tells nothing."""
        found = [name for name, own in self._secrets.items() if hmac.compare_digest(own.encode(), secret.encode())]
        return found[0] if found else None


def people_of(text: str) -> tuple[str, ...]:
    """Return the names in a list of them.

    Raises:
        ConfigError: If one is no name, or stands there twice.
    """
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if not _NAME.fullmatch(name):
            msg = f"--people: expected names of 1 to 64 characters with commas between them, found {name!r:.100}"
            raise ConfigError(msg)
    if len({name.casefold() for name in names}) != len(names):
        msg = f"--people: expected each person once, found {', '.join(names)}"
        raise ConfigError(msg)
    return names


def keep_secrets(file: Path, people: Sequence[str]) -> dict[str, str]:
    """Return a secret for each person: those that the file has, and new ones, which it has from now on.

    Raises:
        ConfigError: If the file can be neither read nor written.
    """
    try:
        known = _read(file)
        missing = {name: secrets.token_urlsafe(_SECRET_BYTES) for name in people if name not in known}
        if missing:
            make_folders(file.parent)
            write_lasting(file, f"{json.dumps(known | missing, indent=2, ensure_ascii=False)}\n".encode())
    except (OSError, ValueError, AttributeError, TypeError) as error:
        msg = f"{file}: cannot keep people's secret links: {error}; expected a file of this page, or none"
        raise ConfigError(msg) from error
    return {name: (known | missing)[name] for name in people}


def _read(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    document = json.loads(file.read_text(encoding="utf-8"))
    return {str(name): secret for name, secret in document.items() if _SECRET.fullmatch(secret)}
