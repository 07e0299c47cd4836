"""What a configuration says of a web, and what that makes of the flow."""

import math
from typing import Any

import pytest

from edge_inspector.app import open_model
from edge_inspector.app.source import flow_options
from edge_inspector.app.web import follower, web_of
from edge_inspector.errors import ConfigError
from edge_inspector.pipeline.handover import WhenFull
from edge_inspector.settings import Settings, parse
from edge_inspector.tracks import Tracker, TrackOptions, WebTracker

LINE_CAMERA = {"type": "genicam", "camera": "192.0.2.7", "web": {"frame_lines": 512, "overlap_lines": 128}}


def settings(source: dict[str, Any]) -> Settings:
    return parse({"source": source, "flow": {"queue_size": 5}})


@pytest.mark.parametrize("source", [LINE_CAMERA, {"type": "simulated_web"}])
def test_no_frame_of_a_web_is_passed_over_or_too_old(source: dict[str, Any]) -> None:
    options = flow_options(settings(source))
    assert (options.handover.size, options.handover.when_full) == (5, WhenFull.REFUSE)
    assert options.staleness_ms == math.inf


def test_a_simulated_web_without_a_rate_waits() -> None:
    source = {"type": "simulated_web", "lines_hz": None}
    assert flow_options(settings(source)).handover.when_full is WhenFull.WAIT


def test_defects_are_put_together_where_there_is_a_web_and_followed_where_there_is_a_belt() -> None:
    belt = settings({"type": "usb"})
    with open_model(Settings()) as (model, _):
        assert isinstance(follower(settings(LINE_CAMERA), model, TrackOptions()), WebTracker)
        assert isinstance(follower(belt, model, TrackOptions()), Tracker)
        assert follower(Settings(), model, None) is None
    assert web_of(belt.source) is None


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"web": {"frame_lines": 300, "overlap_lines": 151}}, "at most half of frame_lines"),
        ({"web": {"frame_lines": 300, "overlap_lines": 0}}, "overlap_lines"),
        ({"web": {"mm_per_line": 0}}, "mm_per_line"),
        ({"web": {}, "trigger": {"by": "command"}}, "a web has no parts"),
        ({"web": {}, "frames_per_part": 2}, "frames_per_part"),
        ({"web": {"roll_ends_after_s": 2}, "read_timeout_s": 2}, "expected more than read_timeout_s 2, found 2"),
    ],
)
def test_what_cannot_be_a_web_is_refused(wrong: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        settings({"type": "genicam", **wrong})
