"""The session: who somebody is here, and where "here" is; signing in and out."""

from collections.abc import Sequence

from pydantic import Field
from starlette.responses import Response

from edge_inspector import __version__
from edge_inspector.page.access.entrance import Entrance
from edge_inspector.page.access.roles import Role, SignedInBy, Visitor
from edge_inspector.page.application import answer_of
from edge_inspector.page.doors import Asked, Document, Door, Nothing
from edge_inspector.settings.page import LONGEST_USER
from edge_inspector.topics import TopicTree

PATH = "/api/v1/session"
_LONGEST_PASSWORD = 1024  # of what is tried


class StationName(Document):
    """Where the page's station stands."""

    site: str
    line: str
    station: str
    camera: str


class Session(Document):
    """Who asks, and of which station."""

    user: str | None = Field(description="null where nobody has signed in")
    role: str = Field(description="nothing, viewer, operator or admin")
    csrf: str | None = Field(description="what every change repeats in the header X-CSRF-Token")
    can_sign_in: bool = Field(description="whether there are people who sign in here")
    signed_in_by: SignedInBy | None
    station: StationName
    is_triggered: bool = Field(description="whether there are parts; else the source is free-running")
    version: str


class Credentials(Document):
    """Who wants to sign in."""

    user: str = Field(max_length=LONGEST_USER)
    password: str = Field(max_length=_LONGEST_PASSWORD)


def doors(entrance: Entrance, station: TopicTree, *, is_triggered: bool) -> Sequence[Door]:
    """Return the doors of the session.

    Args:
        entrance: Lets people in and out.
        station: Where the station stands.
        is_triggered: There are parts.
    """
    name = StationName(site=station.site, line=station.line, station=station.station, camera=station.camera)

    def session_of(visitor: Visitor) -> Session:
        return Session(
            user=visitor.user,
            role=visitor.role.label,
            csrf=visitor.csrf,
            can_sign_in=entrance.guard.can_sign_in,
            signed_in_by=visitor.by,
            station=name,
            is_triggered=is_triggered,
            version=__version__,
        )

    def tell(asked: Asked) -> Session:
        return session_of(asked.visitor)

    def sign_in(asked: Asked) -> Response:
        signed_in = entrance.sign_in(asked.request, asked.body.user, asked.body.password)
        response = answer_of(session_of(signed_in.visitor))
        entrance.give_cookie(asked.request, response, signed_in.token)
        return response

    def sign_out(asked: Asked) -> Response:
        entrance.sign_out(asked.request)
        response = answer_of(Nothing())
        entrance.take_cookie(asked.request, response)
        return response

    wrong = {401: "user or password wrong", 403: "nobody signs in here", 429: "too many attempts; see Retry-After"}
    return (
        Door("GET", PATH, Role.NOTHING, "Who asks, and of which station", tell, answer=Session),
        Door(
            *("POST", PATH, Role.NOTHING, "Sign in", sign_in),
            body=Credentials,
            answer=Session,
            errors=wrong,
            needs_csrf=False,
        ),
        Door("DELETE", PATH, Role.NOTHING, "Sign out", sign_out, answer=Nothing),
    )
