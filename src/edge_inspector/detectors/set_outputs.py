"""The `output` section of model.json for models whose boxes need no suppression: queries, and chosen boxes."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

from edge_inspector.postprocess import Activation, Background, BoxFormat, Decode


class Section(BaseModel):
    """Base of every part of model.json: fixed once read, and nothing in it is overlooked."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DetrOutput(Section):
    """Queries: one tensor of boxes and one of logits, or both joined as columns in this order.

    Attributes:
        name: The joined tensor; instead of `boxes` and `logits`.
        normalized: Whether boxes are fractions of the model input instead of its pixels.
    """

    name: str | None = None
    boxes: str | None = None
    logits: str | None = None
    decode: Literal[Decode.DETR]
    activation: Activation = Activation.SIGMOID
    background: Background | None = None
    normalized: bool = True

    @property
    def tensors(self) -> tuple[str, ...]:
        """The tensors that are read."""
        return tuple(name for name in (self.name, self.boxes, self.logits) if name is not None)

    @model_validator(mode="after")
    def _is_complete(self) -> "DetrOutput":
        named = {"name": self.name, "boxes": self.boxes, "logits": self.logits}
        _must_name(named, {"name"}, {"boxes", "logits"})
        if self.activation is Activation.SOFTMAX and self.background is None:
            msg = "activation softmax: expected background 'first' or 'last', the logit of no object, found none"
            raise ValueError(msg)
        return self


class End2EndOutput(Section):
    """Chosen boxes: one tensor of box, score and class as columns in this order, or a tensor for each.

    Attributes:
        name: The joined tensor; instead of the others.
        boxes: The boxes; with a score as fifth column where `scores` is absent.
        count: How many rows are filled, where a tensor says so.
        normalized: Whether boxes are fractions of the model input instead of its pixels.
    """

    name: str | None = None
    boxes: str | None = None
    scores: str | None = None
    classes: str | None = None
    count: str | None = None
    decode: Literal[Decode.END2END]
    box_format: BoxFormat = BoxFormat.XYXY
    normalized: bool = False

    @model_validator(mode="after")
    def _is_complete(self) -> "End2EndOutput":
        named = {"name": self.name, "boxes": self.boxes, "scores": self.scores, "classes": self.classes}
        _must_name(named, {"name"}, {"boxes", "classes"}, {"boxes", "scores", "classes"})
        if self.count is not None and self.count in named.values():
            msg = f"count: expected a tensor of its own, found {self.count!r}"
            raise ValueError(msg)
        return self

    @property
    def tensors(self) -> tuple[str, ...]:
        """The tensors that are read."""
        named = (self.name, self.boxes, self.scores, self.classes, self.count)
        return tuple(name for name in named if name is not None)


def _must_name(named: dict[str, str | None], *choices: set[str]) -> None:
    """Raise ValueError unless the tensors that are named are one of `choices`, each tensor once."""
    found = {field: tensor for field, tensor in named.items() if tensor is not None}
    if set(found) not in choices or len(set(found.values())) != len(found):
        wanted = " or ".join(" + ".join(field for field in named if field in choice) for choice in choices)
        msg = f"expected the names of different tensors as {wanted}, found {found or 'none'}"
        raise ValueError(msg)
