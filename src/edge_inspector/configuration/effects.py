"""What a changed key asks for: the one table of it."""

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Effect(StrEnum):
    """What it takes to bring a changed key into force, from the least to the most."""

    LIVE = "live"  # between two frames, or two parts
    SOURCE = "source"  # the source is closed and opened again
    RESTART = "restart"  # the flow is built anew in the same process; parts in flight are finished first


ANY = "*"  # in the place of a name that a person has chosen, as the code of a product
_ORDER = (Effect.LIVE, Effect.SOURCE, Effect.RESTART)

_LIVE = (
    "log.level",
    "log.format",
    "policy.override",
    "policy.min_area_px",
    "policy.roi",
    "policy.ignore",
    "policy.fail_safe",
    "flow.max_results_hz",
    "flow.stats_interval_s",
    "health.watchdog.inspection_s",
    f"products.{ANY}.policy.override",
)

_SOURCE = (
    "flow.staleness_ms",  # a live camera judges it too
    "source.seed",
    "source.count",
    "source.defect_rate",
    "source.dark_share",
    "source.image_wh",
    "source.path",
    "source.loop",
    "source.open_timeout_s",
    "source.read_timeout_s",
    "source.reopen_min_s",
    "source.reopen_max_s",
    "source.frozen_after_s",
    "source.device",
    "source.fourcc",
    "source.url",
    "source.transport",
    "source.username",
    "source.password",
    "source.password_file",
    "source.camera",
    "source.pixel_format",
    "source.region",
    "source.features",
    "source.buffers",
    "source.packet_size",
    "source.packet_delay_ns",
    "source.lines_hz",
    "source.roll_lines",
    "source.rolls",
    "source.speed_changes",
    "source.line_rate",
    "source.exposure_us",
    "source.gain",
)

# A section may stand here as a whole: what is not known to be less takes a restart.
_RESTART = (
    "station",
    "source.type",
    "source.trigger",
    "source.frames_per_part",
    "source.web",
    "source.rate_hz",  # whether a folder has one decides whether its images may wait
    "model",
    "flow.queue_size",
    "flow.deadline_ms",
    "flow.deliver_queue_size",
    "tracks",
    "products",
    "plc",
    "identity",
    "gate",
    "mqtt",
    "greengrass",
    "state",
    "journal",
    "samples",
    "health",
    "page",
)

EFFECTS: Mapping[str, Effect] = {
    **dict.fromkeys(_LIVE, Effect.LIVE),
    **dict.fromkeys(_SOURCE, Effect.SOURCE),
    **dict.fromkeys(_RESTART, Effect.RESTART),
}


def effect_of(key: str) -> Effect:
    """Return what a change of a dotted key asks for.

    Raises:
        KeyError: If the table has neither the key nor a section above it; a test holds it against the settings.
    """
    above = key
    while above not in EFFECTS:
        above, dot, _ = above.rpartition(".")
        if not dot:
            raise KeyError(key)
    return EFFECTS[above]


def strongest(effects: Iterable[Effect]) -> Effect:
    """Return the effect that includes all of these; `LIVE` for none."""
    return max(effects, key=_ORDER.index, default=Effect.LIVE)
