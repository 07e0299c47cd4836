"""What a station watches of itself, and when it says so."""

from pydantic import Field, model_validator

from edge_inspector.settings.section import Section


class WatchdogSettings(Section):
    """When a part of the daemon that does no work is taken for stuck."""

    inspection_s: float = Field(30.0, gt=0, description="an inspection that takes longer is stuck")
    thread_s: float = Field(60.0, gt=0, description="so is another thread that has work and does none for so long")
    exits_per_hour: int = Field(
        2, ge=0, le=100, description="exits for a supervisor to restart the daemon; then it runs on without verdicts"
    )


class ImageQualitySettings(Section):
    """What a picture must be like; measured on a small copy, a few times a second at most."""

    enabled: bool = True
    sharpness_share: float = Field(
        0.4, gt=0, lt=1, description="out of focus below this share of the sharpness that is usual here"
    )
    dark_mean: float = Field(12.0, ge=0, le=255, description="underexposed below this mean gray value")
    bright_mean: float = Field(243.0, ge=0, le=255, description="overexposed above it")
    clipped_share: float = Field(0.5, gt=0, le=1, description="overexposed where more of the picture is at its limit")
    shift_share: float = Field(
        0.15,
        gt=0,
        le=1,
        description="position off when a part lies so far from where it usually does, as share of the width",
    )


class HealthSettings(Section):
    """Limits of the station's own checks; each alarm is raised and cleared with hysteresis."""

    watchdog: WatchdogSettings = WatchdogSettings()
    image: ImageQualitySettings = ImageQualitySettings()
    min_free_mb: float = Field(
        512.0, ge=0, description="free space below which samples are given up and an alarm is raised"
    )
    backlog_rows: int = Field(50_000, ge=1, description="events waiting for a sink above which the journal is growing")
    reject_rate_window: int = Field(
        200, ge=20, le=10_000, description="parts over which the reject rate is compared with the usual one"
    )
    clock_synchronized: bool = Field(
        default=True, description="false: no time service keeps this machine's clock, and that is known"
    )
    metrics_port: int | None = Field(
        None, ge=0, le=65535, description="/metrics and /healthz on loopback; 0: any free port; off when absent"
    )
    metrics_host: str = Field(
        "127.0.0.1", description="an address of this machine; others than loopback are reachable from outside"
    )

    @model_validator(mode="after")
    def _has_ordered_limits(self) -> "HealthSettings":
        if self.image.dark_mean >= self.image.bright_mean:
            msg = f"image: dark_mean {self.image.dark_mean:g} is not below bright_mean {self.image.bright_mean:g}"
            raise ValueError(msg)
        return self
