"""What finds defects, and what turns them into verdicts and alerts."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from edge_inspector.settings.remote import RemoteSettings
from edge_inspector.settings.section import LARGEST_IMAGE_SIDE, SMALLEST_IMAGE_SIDE, Polygon, Score, Section


class TilingSettings(Section):
    """Frames much larger than the model's input are looked at tile by tile; all sizes in pixels of the frame."""

    tile_wh: tuple[int, int] | None = Field(
        None, description="as large as what the model saw in training; the model's input, pixel for pixel, when absent"
    )
    overlap_px: int | None = Field(
        None,
        ge=1,
        description="a defect up to this size lies whole in one tile; a fifth of the tile's shorter side when absent",
    )
    whole_frame: bool = Field(default=True, description="look at the resized frame too, for defects larger than that")

    @field_validator("tile_wh")
    @classmethod
    def _is_a_picture(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        if value is not None and (min(value) < SMALLEST_IMAGE_SIDE or max(value) > LARGEST_IMAGE_SIDE):
            msg = f"expected sides of {SMALLEST_IMAGE_SIDE} to {LARGEST_IMAGE_SIDE} pixels, found {list(value)}"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _advances(self) -> "TilingSettings":
        if self.tile_wh is not None:
            self.sizes(self.tile_wh)
        return self

    def sizes(self, model_wh: tuple[int, int]) -> tuple[tuple[int, int], int]:
        """Return `tile_wh` and `overlap_px` as they are in force for a model's input.

        Raises:
            ValueError: If the overlap is more than half a tile: every pixel would be looked at three times and more.
        """
        tile_wh = self.tile_wh or model_wh
        overlap_px = min(tile_wh) // 5 if self.overlap_px is None else self.overlap_px
        if 2 * overlap_px > min(tile_wh):
            msg = f"overlap_px: expected at most half the shorter side of a tile of {list(tile_wh)}, found {overlap_px}"
            raise ValueError(msg)
        return tile_wh, overlap_px


class UpdateSettings(Section):
    """How a new model comes into force on a running line: checked, in shadow if wanted, then on probation."""

    folder: Path | None = Field(
        None, description="its file `current` names the model that shall run, as name/version; watched. Off when absent"
    )
    shadow_parts: int = Field(
        0, ge=0, le=1_000_000, description="parts that a new model judges beside the old one before it takes over"
    )
    shadow_minutes: float = Field(60.0, gt=0, le=10_080, description="a shadow that takes longer ends with what it has")
    max_disagreement: Score | None = Field(
        None, description="share of other verdicts in the shadow above which it is refused; reported only, when absent"
    )
    max_latency_ms: float | None = Field(
        None, gt=0, description="95 of 100 inspections must be faster; flow.deadline_ms when absent, if there is one"
    )
    probation_parts: int = Field(
        200, ge=0, le=1_000_000, description="parts after which a new model is trusted; 0: no probation"
    )
    probation_minutes: float = Field(60.0, gt=0, le=10_080, description="or so long, where fewer parts come")
    max_failed: Score = Field(
        0.02, description="share of parts without a verdict during probation above which it is rolled back"
    )
    max_reject_rate: Score | None = Field(
        None,
        description="reject rate during probation above which it is rolled back; a significant jump when absent",
    )


class ModelSettings(Section):
    """Which model package, and how it runs."""

    path: Path | None = Field(None, description="model package folder; the shipped demo model when absent")
    precision: Literal["float32", "int8"] = "float32"
    threads: int = Field(1, ge=1, le=64)
    tiling: TilingSettings | None = Field(None, description="absent: the frame is resized to the model's input")
    updates: UpdateSettings = UpdateSettings()
    remote: RemoteSettings | None = Field(None, description="absent: this station looks at its frames itself")

    @model_validator(mode="after")
    def _has_one_that_looks(self) -> "ModelSettings":
        if self.remote is not None and self.tiling is not None:
            msg = "remote: an endpoint looks at whole frames; leave it out, or tiling"
            raise ValueError(msg)
        if self.remote is not None and self.updates.folder is not None:
            msg = "remote: a model that an endpoint serves is not updated here; leave it out, or updates.folder"
            raise ValueError(msg)
        return self


class ClassThresholds(Section):
    """Scores at which one class is reviewed and rejected."""

    review_at: Score
    reject_at: Score

    @model_validator(mode="after")
    def _are_in_order(self) -> "ClassThresholds":
        if self.review_at > self.reject_at:
            msg = f"review_at {self.review_at} is above reject_at {self.reject_at}; expected review_at <= reject_at"
            raise ValueError(msg)
        return self


class ThresholdOverride(Section):
    """Thresholds that replace the model's, valid for one model file only."""

    model_sha256: str
    classes: dict[str, ClassThresholds]

    @field_validator("model_sha256")
    @classmethod
    def _is_a_sha256(cls, value: str) -> str:
        if not re.fullmatch(r"[0-9a-f]{64}", value):
            msg = f"expected 64 lower-case hexadecimal digits, found {value!r}"
            raise ValueError(msg)
        return value


class PolicySettings(Section):
    """What turns detections into a verdict; regions are polygons in fractions of the frame."""

    override: ThresholdOverride | None = None
    min_area_px: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    roi: tuple[Polygon, ...] = ()
    ignore: tuple[Polygon, ...] = ()
    fail_safe: Literal["reject", "review", "accept"] = "reject"

    @field_validator("roi", "ignore")
    @classmethod
    def _are_polygons(cls, value: tuple[Polygon, ...]) -> tuple[Polygon, ...]:
        for polygon in value:
            if len(polygon) < 3:
                msg = f"expected at least 3 points [x, y] in fractions of the frame, found {len(polygon)}"
                raise ValueError(msg)
        return value


class TrackSettings(Section):
    """When a free-running camera announces a defect, and when it has gone."""

    confirm_frames: int = Field(
        2,
        ge=1,
        le=100,
        description="frames on which a defect must be seen before it is announced; 1 announces every glitch too, "
        "for belts so fast that a defect is seen once",
    )
    end_after_frames: int = Field(
        5, ge=1, le=10_000, description="a defect that was not seen on so many frames running has gone"
    )
    keep_share: float = Field(
        0.5, gt=0, le=1, description="an announced defect stays as long as its score is this share of its review_at"
    )
