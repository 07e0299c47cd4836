"""The one list of hyperparameters: what each means, its bounds, and what it is when nobody says it.

SageMaker and the command line give texts; a text that does not fit is refused by name.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge_inspector.errors import ConfigError

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


class Hyperparameters(BaseModel):
    """How a model is trained; every run records all of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: Annotated[Literal["nano", "small"], Field(description="of the network")] = "nano"
    iterations: Annotated[int, Field(ge=1, description="steps of each run")] = 2000
    batch: Annotated[int, Field(ge=1, description="images a step, over all processes")] = 8
    learning_rate: Annotated[float, Field(gt=0, description="highest")] = 2e-3
    cycles: Annotated[
        int,
        Field(
            ge=1,
            le=5,
            description="of the rate, each half as long and as high as the one before; their ends are averaged",
        ),
    ] = 1
    weight_decay: Annotated[float, Field(ge=0, description="of convolution weights")] = 0.05
    average: Annotated[float, Field(ge=0, lt=1, description="how slowly the averaged weights follow")] = 0.995
    seed: Annotated[Count, Field(description="of weights, order and variation")] = 1
    start_from: Annotated[Literal["scratch", "champion"], Field(description="weights to begin with")] = "scratch"
    precision: Annotated[
        Literal["auto", "float32", "bf16", "float64"], Field(description="of the convolutions; float64: to compare")
    ] = "auto"
    model_width: Annotated[Count, Field(multiple_of=32, description="of the input, pixels; 0: by the data")] = 0
    model_height: Annotated[Count, Field(multiple_of=32, description="of the input, pixels; 0: by the data")] = 0
    crop: Annotated[
        Literal["auto"] | Annotated[int, Field(ge=0, multiple_of=32)],
        Field(description="side of training crops, pixels; 0: whole images; auto: by the data"),
    ] = "auto"
    flip_share: Annotated[Share, Field(description="of images, for each of the two mirrorings")] = 0.5
    turn_deg: Annotated[float, Field(ge=0, le=180, description="largest rotation")] = 1.0
    stretch: Annotated[float, Field(ge=0, le=1, description="of each axis, as the logarithm")] = 0.2
    shift: Annotated[Share, Field(description="of the frame's sides")] = 0.08
    hide_share: Annotated[Share, Field(description="of defects, covered by the surface beside them")] = 0.0
    paste_share: Annotated[Share, Field(description="of images, given defects of others")] = 0.0
    surface_window: Annotated[int, Field(ge=3, le=255, description="wider than a defect, pixels; odd")] = 31
    surface_noise: Annotated[float, Field(ge=0, le=128, description="grey levels that are no defect")] = 10.0
    surface_tolerance: Annotated[float, Field(ge=1, le=255, description="between surfaces, grey levels")] = 60.0
    faintest: Annotated[float, Field(ge=0, le=255, description="of defects for others, grey levels")] = 70.0
    cut_share: Annotated[Share, Field(description="of defects for others, in two pieces")] = 0.3
    fade_share: Annotated[Share, Field(description="of defects for others: one end too faint to be labeled")] = 0.0
    faint_share: Annotated[Share, Field(description="of images, given defects too faint to be labeled")] = 0.0
    faint_from: Annotated[Count, Field(description="steps before fade_share and faint_share hold")] = 0
    light: Annotated[float, Field(ge=0, le=2, description="gamma and contrast, as the logarithm")] = 0.25
    brightness: Annotated[float, Field(ge=0, le=128, description="grey levels")] = 12.0
    slope: Annotated[float, Field(ge=0, le=128, description="grey levels from the middle to the edge")] = 12.0
    noise_share: Annotated[Share, Field(description="of images")] = 0.5
    noise: Annotated[float, Field(ge=0, le=64, description="grey levels")] = 5.0
    blur_share: Annotated[Share, Field(description="of images")] = 0.2
    simulated_tags: Annotated[Count, Field(description="simulated metal tags beside the images")] = 0
    simulated_share: Annotated[Share, Field(description="of a batch, where there are images too")] = 0.4
    box_weight: Annotated[float, Field(ge=0, description="of the overlap in the loss")] = 5.0
    side_weight: Annotated[float, Field(ge=0, description="of the four sides in the loss")] = 1.0
    validate_every: Annotated[Count, Field(description="steps; 0: ten times a run at most")] = 0
    checkpoint_every: Annotated[int, Field(ge=1, description="steps")] = 100
    workers: Annotated[Count, Field(description="processes that prepare batches; 0: none")] = 0
    threads: Annotated[Count, Field(description="of each process; 0: the host's cores, divided")] = 0
    processes: Annotated[Count, Field(description="that train on each host; 0: one a GPU, else one")] = 0

    @model_validator(mode="after")
    def _is_of_use(self) -> Self:
        if (self.fade_share or self.faint_share) and self.faint_from >= self.iterations:
            msg = f"expected faint_from below iterations, found {self.faint_from} and {self.iterations}"
            raise ValueError(msg)
        return self

    @classmethod
    def parse(cls, texts: Mapping[str, Any]) -> "Hyperparameters":
        """Return the hyperparameters that are said; texts as SageMaker and the command line give them.

        Raises:
            ConfigError: With a line for each that is unknown or does not fit.
        """
        try:
            return cls.model_validate(dict(texts))
        except ValidationError as error:
            raise ConfigError("\n".join(map(_told, error.errors(include_url=False)))) from error

    def texts(self) -> dict[str, str]:
        """Return all of them as SageMaker takes them."""
        return {name: str(value) for name, value in self.model_dump().items()}

    def sha256(self) -> str:
        """Return a hash of what decides how a model comes out: not of how the work is done."""
        decisive = self.model_dump(exclude={"validate_every", "checkpoint_every", "workers", "processes", "threads"})
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def _told(problem: Any) -> str:  # noqa: ANN401 - pydantic's error details
    if not problem["loc"]:  # of several together
        return f"hyperparameters: {problem['ctx']['error']}"
    name = str(problem["loc"][0])
    if problem["type"] == "extra_forbidden":
        known = ", ".join(sorted(Hyperparameters.model_fields))
        return f"hyperparameter {name}: expected one of {known}, found that name"
    return f"hyperparameter {name}: {problem['msg']}, found {str(problem['input'])[:80]!r}"
