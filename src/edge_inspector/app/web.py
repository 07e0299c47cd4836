"""A continuous web: which sources see one, what makes frames of its lines, and what follows its defects."""

from collections.abc import Callable

from edge_inspector.linescan.assembler import WebOptions
from edge_inspector.pipeline.inspector import Model
from edge_inspector.settings import IndustrialSettings, Settings, SimulatedWebSource, SourceSettings, WebSettings
from edge_inspector.sources.rolls import RollDesk
from edge_inspector.sources.web import BlockSource, WebSource
from edge_inspector.tracks import Follower, Tracker, TrackOptions, WebTracker


def web_of(source: SourceSettings) -> WebSettings | None:
    """Return how the lines of a source become frames; None where it sees no web."""
    return source.web if isinstance(source, SimulatedWebSource | IndustrialSettings) else None


def web_source(
    blocks: BlockSource, web: WebSettings, rolls: RollDesk, mm_per_line: Callable[[], float | None] | None = None
) -> WebSource:
    """Return the frames of a source of blocks; `mm_per_line` returns their resolution where the speed decides it."""
    options = WebOptions(web.frame_lines, web.overlap_lines, web.mm_per_line)
    return WebSource(blocks, options, rolls, mm_per_line=mm_per_line, roll_ends_after_s=web.roll_ends_after_s)


def follower(settings: Settings, model: Model, options: TrackOptions | None) -> Follower | None:
    """Return what makes alerts of the detections on frames that belong to no part; None where there are parts."""
    if options is None:
        return None
    if (web := web_of(settings.source)) is not None:
        return WebTracker(model.class_names, model.policy, options, overlap_lines=web.overlap_lines)
    return Tracker(model.class_names, model.policy, options)
