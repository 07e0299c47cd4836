"""A camera that was set up for a product that does not come is put back in any case, be it by opening it again."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest

from edge_inspector.app.detector import open_model
from edge_inspector.app.source import OpenSource
from edge_inspector.camera import SetUpFor
from edge_inspector.errors import ConfigError, SourceError
from edge_inspector.settings import ProductCamera
from edge_inspector.sources.freshness import ByArrival
from edge_inspector.sources.live import Grabbed, LiveSource, SetUp
from tests.line_camera import OPTIONS, FiredCamera, Reader, picture
from tests.mosquitto import eventually
from tests.products.line import PATIENCE_S, A, B, Line, settings_of

OLD, NEW = ProductCamera(gain=1.0), ProductCamera(gain=2.0)


class MoodyCamera(FiredCamera):
    """Refuses its next set-ups with what the test says.

    Attributes:
        moods: The errors; None for a set-up that succeeds.
    """

    def __init__(self) -> None:
        super().__init__()
        self.moods: list[Exception | None] = []

    def set_up(self, wanted: ProductCamera) -> Sequence[Grabbed]:
        if self.moods and (error := self.moods.pop(0)) is not None:
            raise error
        return super().set_up(wanted)


def changed(camera: MoodyCamera, source: LiveSource) -> Reader:
    """Read until the camera is set up for the new product."""
    source.begin_with(SetUp("old", OLD))
    reader = Reader(source)
    done = source.change_over(SetUp("new", NEW))
    reader.until(lambda _: done.done(), what="the change-over")
    assert camera.set_ups == [OLD, NEW]
    return reader


@pytest.mark.parametrize("refusal", [ConfigError("Gain: refused"), SourceError("control lost"), OSError("broken")])
def test_a_camera_that_refuses_is_opened_again_as_before(refusal: Exception) -> None:
    camera = MoodyCamera()
    with LiveSource("camera", camera.open, ByArrival(1.0), OPTIONS) as source:
        reader = changed(camera, source)
        camera.moods = [refusal]
        done = source.change_over(SetUp("old", OLD, in_any_case=True))
        reader.until(lambda _: done.done() and camera.opened == 2, what="it is opened again")
        eventually(lambda: camera.set_ups == [OLD, NEW, OLD], what="it is set up as before")
        camera.push(picture())
        (frame,) = reader.parts(1)
    assert frame.product == "old"


def test_a_camera_that_is_away_is_set_up_as_before_when_it_comes_back() -> None:
    camera = MoodyCamera()
    with LiveSource("camera", camera.open, ByArrival(1.0), OPTIONS) as source:
        reader = changed(camera, source)
        camera.gone = SourceError("unplugged")
        reader.until(lambda reader: any(fault for _, fault, _ in reader.reports), what="it is away")
        done = source.change_over(SetUp("old", OLD, in_any_case=True))
        reader.until(lambda _: done.done(), what="it is promised")
        camera.gone = None
        eventually(lambda: camera.set_ups == [OLD, NEW, OLD], what="it is set up as before")
        camera.push(picture())
        (frame,) = reader.parts(1)
    assert frame.product == "old"


def test_while_a_driver_hangs_in_a_change_over_none_begins_and_then_it_is_put_back(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    with open_model(settings) as (model, _):
        opened = OpenSource(settings, threading.Event(), model, given=Line(), product=A)
    hangs: Future[None] = Future()
    hangs.set_running_or_notify_cancel()
    opened.put_back(hangs, settings, A)
    with pytest.raises(SourceError, match="still changes its features"):
        opened.change_over(settings, B).result(0)
    hangs.set_result(None)
    assert opened.source.read(PATIENCE_S) == SetUpFor(A)
    begun = opened.change_over(settings, B)
    items = [opened.source.read(PATIENCE_S) for _ in range(3)]
    assert SetUpFor(B) in items
    assert begun.result(0) is None
