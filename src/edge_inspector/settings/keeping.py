"""What the device keeps, for how long, and where it goes from there."""

import re
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, field_validator, model_validator

from edge_inspector.sample_keys import prefix_problem
from edge_inspector.settings.section import Score, Section

LONGEST_KEY_PREFIX = 64  # bytes; the key of a sample is told in the event of its result


class StateSettings(Section):
    """Where the daemon keeps what must survive it."""

    dir: Path = Field(
        Path("state"),
        description="journal, samples, accounts and the last good configuration, in a folder named after the camera",
    )


class JournalSettings(Section):
    """The durable record of every event, and how much of it is kept."""

    durable: bool = Field(default=True, description="false: in memory only, lost when the daemon ends")
    commit_rows: int = Field(20, ge=1, le=1000, description="events that one sync to the disk may wait for")
    commit_ms: float = Field(100.0, ge=1, le=10_000, description="longest wait of an event for its sync to the disk")
    keep_days: float = Field(30.0, gt=0, le=3650, description="days of operation that delivered events are kept")
    keep_rows: int = Field(1_000_000, ge=1000, description="events kept at most")
    keep_mb: float = Field(1024.0, ge=4, description="size of the record at most, in megabytes")
    quota_rows: int = Field(
        500_000, ge=100, description="events that may wait for one sink; then the least important go, counted"
    )
    quota_mb: float = Field(512.0, ge=1, description="the same in megabytes")


HOURS = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")


class FolderTarget(Section):
    """Samples are moved to a folder; their sidecars then name the picture by its path in that folder."""

    type: Literal["folder"] = "folder"
    path: Path | None = Field(None, description="the folder `uploads` of the state folder when absent")


class S3Target(Section):
    """Samples are moved to a bucket; credentials come from the default chain, Greengrass' token exchange included."""

    type: Literal["s3"]
    bucket: str = Field(min_length=3, max_length=63)
    region: str = Field(min_length=1)
    endpoint: str | None = Field(None, description="http:// or https:// address of another S3 server than AWS'")

    @field_validator("endpoint")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https?://[^\s/@]+/?", value):
            msg = f"expected http://host[:port] or https://host[:port], found {value!r}"
            raise ValueError(msg)
        return value


Target: TypeAlias = Annotated[FolderTarget | S3Target, Field(discriminator="type")]


class UploadSettings(Section):
    """Where samples go, and when."""

    target: Target = FolderTarget()
    bandwidth_kb_s: float | None = Field(None, gt=0, description="kilobytes a second at most; unlimited when absent")
    quiet_hours: str | None = Field(None, description='no uploads then, in local time, for example "06:00-14:00"')
    retry_min_s: float = Field(1.0, gt=0, description="pause after a failed upload; doubled")
    retry_max_s: float = Field(300.0, gt=0, description="longest of these pauses")

    @field_validator("quiet_hours")
    @classmethod
    def _are_hours(cls, value: str | None) -> str | None:
        if value is not None and (not HOURS.fullmatch(value) or value[:5] == value[6:]):
            msg = f'expected two different times as "HH:MM-HH:MM", found {value!r}'
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _has_ordered_pauses(self) -> "UploadSettings":
        if self.retry_min_s > self.retry_max_s:
            msg = f"retry_min_s {self.retry_min_s:g} is above retry_max_s {self.retry_max_s:g}"
            raise ValueError(msg)
        return self


class BudgetSettings(Section):
    """Samples that one reason may take, each with one picture."""

    per_hour: int = Field(ge=0)
    per_day: int = Field(ge=0)
    quota_mb: float = Field(
        ge=0, description="space of those that wait for their upload, in megabytes; then the oldest go, counted"
    )


class SamplesSettings(Section):
    """Which frames are kept for a person to label."""

    mode: Literal["off", "select", "collect"] = Field(
        "select", description="collect: no model runs, frames are gathered for the first data set"
    )
    prefix: str = Field("samples", max_length=LONGEST_KEY_PREFIX, description="first part of every key")
    format: Literal["jpg", "png"] = Field("jpg", description="png is lossless and several times larger")
    jpeg_quality: int = Field(95, ge=50, le=100)
    random_share: Score = Field(0.01, description="share of the accepted parts that is kept, so that escapes show")
    before_defect: int = Field(
        0,
        ge=0,
        le=100,
        description="frames before a defect that are kept with it, on top of its budget; every frame is then encoded",
    )
    collect: BudgetSettings = BudgetSettings(per_hour=3600, per_day=20_000, quota_mb=4096)
    defect: BudgetSettings = BudgetSettings(per_hour=120, per_day=1000, quota_mb=1024)
    uncertain: BudgetSettings = BudgetSettings(per_hour=120, per_day=1000, quota_mb=512)
    random: BudgetSettings = BudgetSettings(per_hour=30, per_day=200, quota_mb=256)
    operator: BudgetSettings = BudgetSettings(per_hour=600, per_day=5000, quota_mb=1024)
    drift: BudgetSettings = BudgetSettings(per_hour=30, per_day=200, quota_mb=256)
    upload: UploadSettings = UploadSettings()

    @field_validator("prefix")
    @classmethod
    def _is_a_key_prefix(cls, value: str) -> str:
        if problem := prefix_problem(value):
            raise ValueError(problem)
        return value
