"""The limits of the gate: what each means, its bounds, and what it is when nobody says it."""

import argparse
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cloud_side.training.exporting.int8_rules import Int8Limits
from edge_inspector.errors import ConfigError

_INT8 = Int8Limits()
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Above = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


class Limits(BaseModel):
    """What a model must reach, and how much worse than the approved one it may be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    least_map50: Annotated[Share, Field(description="mAP50")] = 0.5
    least_map50_95: Annotated[Share, Field(description="mAP50-95")] = 0.0
    most_escapes: Annotated[Share, Field(description="share of defective parts accepted, as measured")] = 0.05
    most_possible_escapes: Annotated[Share, Field(description="the same that the test leaves possible")] = 0.3
    most_overkill: Annotated[Share, Field(description="share of good parts not accepted")] = 0.1
    least_groups: Annotated[Count, Field(description="groups of parts in the test")] = 10
    least_defective: Annotated[Count, Field(description="defective parts in the test")] = 20
    least_clean: Annotated[Count, Field(description="good parts in the test; below 20, defects' surroundings help")] = 0
    margin: Annotated[Share, Field(description="mAP50 that could be lost to the approved model, by its range")] = 0.02
    must_improve: Annotated[bool, Field(description="surely better than the approved model, not only no worse")] = False
    escapes_margin: Annotated[Share, Field(description="share of escapes above the approved model's")] = 0.0
    cost_margin: Annotated[Above, Field(description="cost of a part above the approved model's")] = 0.0
    class_margin: Annotated[Share, Field(description="AP50 and part recall that a class may lose")] = 0.05
    least_class_boxes: Annotated[Count, Field(description="defects that make a class comparable")] = 20
    most_latency_ms: Annotated[Above, Field(description="median of a frame on the evaluating machine; 0: any")] = 0.0
    most_latency_ratio: Annotated[Above, Field(description="of the approved model's median")] = 1.25
    most_parity_score: Annotated[Share, Field(description="difference of a score from the trained weights'")] = 0.01
    most_parity_px: Annotated[Above, Field(description="difference of a box side from the trained weights'")] = 1.0
    most_int8_drop: Annotated[Share, Field(description="mAP50 that the INT8 file may lose")] = _INT8.map50_drop
    most_int8_score: Annotated[Share, Field(description="mean difference of the INT8 file's scores")] = _INT8.score
    most_int8_ratio: Annotated[Above, Field(description="of the INT8 file's time to the float file's")] = (
        _INT8.speed_ratio
    )


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Add an option for each limit; `limits_of` reads them."""
    for name, field in Limits.model_fields.items():
        parser.add_argument(
            _option(name),
            dest=name,
            metavar="true|false" if isinstance(field.default, bool) else "NUMBER",
            help=f"{field.description} (default: {str(field.default).lower()})",
        )


def limits_of(options: argparse.Namespace) -> Limits:
    """Return the limits that were said, and the usual ones for the others.

    Raises:
        ConfigError: With a line for each that does not fit.
    """
    said = {name: value for name in Limits.model_fields if (value := getattr(options, name)) is not None}
    try:
        return Limits.model_validate(said)
    except ValidationError as error:
        lines = [
            f"{_option(str(problem['loc'][0]))}: {problem['msg']}, found {str(problem['input'])[:80]!r}"
            for problem in error.errors(include_url=False)
        ]
        raise ConfigError("\n".join(lines)) from error


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
