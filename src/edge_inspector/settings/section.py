"""What all sections of the configuration share."""

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

SMALLEST_IMAGE_SIDE, LARGEST_IMAGE_SIDE = 64, 8192

Score = Annotated[float, Field(ge=0.0, le=1.0)]
Polygon: TypeAlias = tuple[tuple[Score, Score], ...]


class Section(BaseModel):
    """A section: unknown keys are errors, and values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
