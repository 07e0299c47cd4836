"""What an execution of the workflow is asked for: by an event, or by a person."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import Field, model_validator

from cloud_side.deployment.documents import Document, checked
from edge_inspector.errors import ConfigError

SOURCE: Final = "aws.sagemaker"
STATE_CHANGE: Final = "SageMaker Model Package State Change"
APPROVED: Final = "Approved"
STATES: Final = "aws.states"
ENDED: Final = "Step Functions Execution Status Change"
_Text = Annotated[str, Field(min_length=1, max_length=1024)]


class Asked(Document):
    """What somebody asks for.

    Attributes:
        package: ARN of a model package; None to take a rollout back.
        rollback: Id of a rollout that has ended; None to bring a model.
        by, why: Who asks, and why.
        is_event: Nobody asked: a model was approved, or the execution of a rollout has ended.
    """

    package: _Text | None = None
    rollback: _Text | None = None
    by: _Text
    why: _Text
    is_event: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.package is None) == (self.rollback is None):
            msg = "expected a package, or a rollout to take back"
            raise ValueError(msg)
        return self


def asked_for(document: Any) -> Asked:  # noqa: ANN401 - any JSON
    """Return what an execution's input asks for.

    Raises:
        ConfigError: If it is no event of an approved package or of an execution that has ended, and nothing that a
            person may say.
    """
    if not isinstance(document, Mapping) or "detail-type" not in document:
        return checked(Asked, document, "input")
    detail = document.get("detail") or {}
    kind = (document.get("source"), document["detail-type"])
    if kind == (STATES, ENDED):
        why = f"its execution ended on the way: {detail.get('status')}"
        said = {"rollback": detail.get("name"), "by": "workflow", "why": why, "is_event": True}
        return checked(Asked, said, "input")
    if kind != (SOURCE, STATE_CHANGE) or detail.get("ModelApprovalStatus") != APPROVED:
        msg = f"input: expected the event of an approved model package, found {kind[1]!r} of {kind[0]!r}"
        raise ConfigError(msg)
    why = detail.get("ApprovalDescription") or "the model was approved"
    by = (detail.get("CustomerMetadataProperties") or {}).get("judged_by") or "approval"
    said = {"package": detail.get("ModelPackageArn"), "by": by, "why": str(why)[:1024], "is_event": True}
    return checked(Asked, said, "input")
