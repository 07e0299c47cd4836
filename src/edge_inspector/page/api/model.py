"""The model: which one runs, which was good before, what may take its place; and the way back."""

from typing import Any, Final

from pydantic import Field

from edge_inspector.commands import CommandName
from edge_inspector.page.access.roles import Role
from edge_inspector.page.api.dispositions import name_of
from edge_inspector.page.api.documents import ModelDocument
from edge_inspector.page.desk import Desk
from edge_inspector.page.doors import Asked, Document, Door, Turned

_PATH: Final = "/api/v1/model"
_SHA256: Final = r"^[0-9a-f]{64}$"


class ModelNow(Document):
    """Which model runs; the other fields are those of `model` in the `stats` message.

    `candidate` is the package that is looked at now, with its `stage` and how it does in the shadow; `probation` counts
    the parts since another model took over, until it is trusted; `rejected` how many are remembered as refused.
    """

    running: ModelDocument
    previous: ModelDocument | None
    candidate: dict[str, Any] | None
    probation: dict[str, int] | None
    rejected: int
    class_names: tuple[str, ...]
    can_roll_back: bool


class RollbackBody(Document):
    """The way back."""

    to_sha256: str | None = Field(None, pattern=_SHA256, description="refused where the model before is another one")


class Requested(Document):
    """A command that will run: the event `command.answered` with this id tells what became of it."""

    request_id: str


def doors(desk: Desk) -> list[Door]:
    """Return the doors to the model.

    Args:
        desk: Of the station.
    """

    def asked_for(_: Asked) -> Document:
        return _model_now(desk)

    def roll_back(asked: Asked) -> Document:
        if not _model_now(desk).can_roll_back:
            raise Turned(409, "refused", "there is no model to go back to: expected one that was good before this one")
        wanted: RollbackBody = asked.body
        arguments = {"by": name_of(asked.visitor)}
        if wanted.to_sha256 is not None:
            arguments["to_sha256"] = wanted.to_sha256
        return Requested(request_id=desk.command(CommandName.MODEL_ROLLBACK, arguments))

    return [
        Door("GET", _PATH, Role.VIEWER, "Which model runs, and what is there beside it", asked_for, answer=ModelNow),
        Door(
            "POST",
            f"{_PATH}/rollback",
            Role.ADMIN,
            "Go back to the model before; what runs now is refused from then on",
            roll_back,
            body=RollbackBody,
            answer=Requested,
            status=202,
            errors={409: "there is none, or too many commands wait"},
        ),
    ]


def _model_now(desk: Desk) -> ModelNow:
    match desk.values().get("model"):
        case {"running": running, "previous": previous, "candidate": candidate, "probation": probation, "rejected": n}:
            return ModelNow.model_validate(
                {
                    "running": running,
                    "previous": previous,
                    "candidate": candidate,
                    "probation": probation,
                    "rejected": n,
                    "class_names": tuple(desk.class_names()),
                    "can_roll_back": previous is not None,
                }
            )
        case _:
            raise Turned(503, "no_model", "nothing is known of the model yet; ask again")
