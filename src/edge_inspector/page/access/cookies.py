"""The cookie that carries a session: no script can read it, and no other site can have it sent along."""

from starlette.requests import HTTPConnection
from starlette.responses import Response


def cookie_name(installation: str, *, is_secure: bool) -> str:
    """Return the name of the cookie.

    Browsers share cookies between all ports of a machine, so each installation has a name of its own; and one that
    begins with `__Host-` is taken from this very host over TLS alone.
    """
    return f"{'__Host-' if is_secure else ''}edge-inspector-{installation}"


def token_in(request: HTTPConnection, installation: str, *, is_secure: bool) -> str | None:
    """Return the token that a browser sends; None where it sends none."""
    return request.cookies.get(cookie_name(installation, is_secure=is_secure))


def give(response: Response, token: str, installation: str, *, is_secure: bool, longest_s: float) -> None:
    """Have the browser keep a token."""
    response.set_cookie(
        cookie_name(installation, is_secure=is_secure),
        token,
        max_age=int(longest_s),
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="strict",
    )


def take_back(response: Response, installation: str, *, is_secure: bool) -> None:
    """Have the browser forget its token."""
    response.delete_cookie(
        cookie_name(installation, is_secure=is_secure), path="/", secure=is_secure, httponly=True, samesite="strict"
    )
