import base64
import re
from collections.abc import Sequence
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cloud_side.drawing.reports import Axes, Curve
from cloud_side.loop.measuring import Judged, Look, Measured, measure
from cloud_side.loop.pictures import part_picture
from cloud_side.loop.report import report
from cloud_side.loop.story import Chart, Comparison, Outcome, Picture, Stage, Story, Table
from edge_inspector.simulation import plan_tag, render_tag

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
TAG = plan_tag(3, 1, defect_rate=1.0, dark_share=1.0)


def measured(escaped: int, found: int, *, look: Look = Look.DARK) -> Measured:
    defective = [Judged(look, "accept")] * escaped + [Judged(look, "reject")] * found
    return measure(defective + [Judged(None, "accept")] * 20)


def story(*stages: Stage, outcome: Outcome | None = None) -> Story:
    ended = outcome or Outcome("The escape rate fell", as_promised=True)
    return Story("The loop", NOW, 754.2, stages, ended, {"parts": "600"})


def text_of(page: bytes) -> str:
    words = re.sub(r"<[^>]+>", "\n", page.decode().split("</style>", 1)[1])
    return re.sub(r"\s+", " ", words.replace("\N{NO-BREAK SPACE}", " "))


def pixels(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def test_the_outcome_comes_first_and_says_the_rates_before_and_after() -> None:
    comparison = Comparison("line-1", measured(30, 60), measured(3, 87))
    outcome = Outcome("The escape rate fell", as_promised=True, lines=("Nothing was lost.",), comparisons=(comparison,))
    page = report(story(Stage("Yesterday", NOW, 61.0), outcome=outcome))
    said = text_of(page)
    assert said.index("The escape rate fell") < said.index("1. Yesterday")
    assert "Nothing was lost." in said
    assert re.search(r"line-1: escapes 33\.3 % \(.*?; 30 of 90\) 3\.3 % \(.*?; 3 of 90\) -30\.0 \(", said)
    assert "line-1: overkill 0.0 %" in said
    assert "bright" not in said  # of a look that no part has there is nothing to say
    assert b'class="failure"' not in page


def test_a_story_that_broke_off_says_why_and_shows_the_stages_so_far() -> None:
    outcome = Outcome("It broke off", as_promised=False, lines=("Training: no free port", "the logs are in logs"))
    page = report(story(Stage("Yesterday", NOW, 61.0, lines=("600 parts came.",)), outcome=outcome))
    (failure,) = re.findall(r'<div class="failure">(.*?)</div>', page.decode())
    assert all(line in failure for line in ("It broke off", *outcome.lines))
    assert "600 parts came." in text_of(page)


def test_a_story_without_a_stage_is_a_page_too() -> None:
    outcome = Outcome("It broke off", as_promised=False)
    assert "It broke off" in text_of(report(Story("The loop", NOW, 0.3, (), outcome)))


def test_the_stages_are_listed_with_their_times_in_their_order() -> None:
    said = text_of(report(story(Stage("Yesterday", NOW, 61.0), Stage("Today", NOW, 9.5))))
    assert re.search(r"1\. Yesterday 2026-03-04 05:06:07 1 min 1 s 2\. Today 2026-03-04 05:06:07 9\.5 s", said)
    assert "12 min 34 s" in said


def test_a_stage_shows_all_that_it_brought() -> None:
    stage = Stage(
        "Training",
        NOW,
        5.0,
        lines=("It learned.",),
        numbers={"images": "320"},
        pictures=(Picture(part_picture(TAG), "a tag", "part-000001"),),
        tables=(Table("frames", ("", "captured"), (("line-1", 1200),)),),
        charts=(Chart("loss", Axes("step", "loss"), (Curve("train", ((0, 3.0), (10, 1.0))),)),),
        measured={"canary-1": measured(1, 9)},
        links={"the evaluation": "engine/s3/evaluation 1.html"},
    )
    page = report(story(stage))
    said, html = text_of(page), page.decode()
    for told in ("It learned.", "images 320", "part-000001", "line-1 1,200", "train", "canary-1 30 0 10.0 %"):
        assert told in said
    assert "<svg" in html
    assert '<a href="engine/s3/evaluation%201.html">the evaluation</a>' in html
    (inside,) = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    assert base64.b64decode(inside) == stage.pictures[0].content


def test_the_page_needs_nothing_from_elsewhere_and_data_never_becomes_markup() -> None:
    evil = "<script>alert(1)</script>"
    outcome = Outcome(evil, as_promised=False, lines=(evil,))
    page = report(story(Stage(evil, NOW, 1.0, lines=(evil,), numbers={evil: evil}), outcome=outcome)).decode()
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 6
    assert not re.search(r"(src|href)=\"(https?:)?//", page)


def _difference(detections: Sequence[dict[str, object]]) -> NDArray[np.bool_]:
    """Return where a picture differs from the part's own frame."""
    frame = cv2.cvtColor(render_tag(TAG), cv2.COLOR_GRAY2BGR)
    changed: NDArray[np.bool_] = (pixels(part_picture(TAG, detections=detections)) != frame).any(axis=2)
    return changed


def test_a_picture_shows_the_truth_in_white_and_what_was_found_in_color() -> None:
    box = [300.0, 200.0, 380.0, 250.0]
    picture = pixels(part_picture(TAG, detections=[{"label": "scratch", "confidence": 0.7, "xyxy": box}]))
    x0, y0, _, y1 = TAG.defects[0].xyxy
    assert (picture[int(y0 + y1) // 2, int(x0)] == 255).all()
    b, g, r = picture[225, 300].tolist()
    assert max(b, g, r) - min(b, g, r) > 100  # the frame itself is gray


def test_a_picture_of_a_good_part_that_was_accepted_is_its_frame() -> None:
    clean = plan_tag(3, 1, defect_rate=0.0)
    assert np.array_equal(pixels(part_picture(clean))[:, :, 0], render_tag(clean))


@pytest.mark.parametrize("labels", [("hole",), ("scratch", "dent", "scratch")])
def test_a_picture_takes_any_labels(labels: tuple[str, ...]) -> None:
    found = [{"label": label, "confidence": 0.5, "xyxy": [10.0, 250.0, 60.0, 280.0]} for label in labels]
    assert _difference(found)[250:280, 10:60].any()
