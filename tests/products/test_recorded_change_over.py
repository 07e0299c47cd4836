"""A recording of a line that was changed over is replayed with the same products at the same frames."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge_inspector.replay.compare import compare
from edge_inspector.replay.record import open_recorder
from edge_inspector.replay.recording import open_recording
from edge_inspector.replay.rerun import recorded_settings, rerun
from tests.products.line import A, B, C, Line, Station, settings_of


def test_a_recording_of_several_products_gives_the_same_results_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = {"type": "simulated", "rate_hz": 400, "frames_per_part": 3}
    settings = settings_of(tmp_path, source=source, state={"dir": str(tmp_path / "state")})
    with Station(settings) as station:
        station.change(C)  # what the recording starts with is not what is configured
    recorder, session = open_recorder(settings, tmp_path / "recording", most_frames=10_000)
    around = {
        "around_source": recorder.around_source,
        "around_writer": recorder.around_writer,
        "watch_frame": recorder.note_inspected,
        "session": session,
    }
    line = Line(0.005, frames_per_part=3)
    with recorder, Station(settings, line, **around) as station:
        for code in (B, C, A, B):
            station.goes_on(15)
            station.change(code)
        line.stands_in_a_part()
        station.stands()
        monkeypatch.setattr("edge_inspector.sources.marked._PART_S", 0.1)  # the rest of the part does not come
        station.change(A)
        line.goes_on()
        station.goes_on(20)
        station.end()
        told = station.told.of("result")
    recording = open_recording(tmp_path / "recording")
    assert recording.header.settings["station"]["product"] == C
    assert recording.header.model is not None
    assert recording.header.model.version == "1.0.0"
    assert {frame.product for frame in recording.frames} == {A, B, C}
    again = rerun(recording, recorded_settings(recording))
    assert len(again) == len(told)
    found = compare(recording.results, again, is_whole=recording.is_whole)
    assert (found.compared, found.different, found.extra) == (len(told), (), ())
    sections = recording.header.settings
    products = {code: {**product, "camera": {"exposure_us": 400.0}} for code, product in sections["products"].items()}
    changed = {**sections, "source": {"type": "genicam"}, "products": products}
    header = recording.header.model_copy(update={"settings": changed})
    assert recorded_settings(replace(recording, header=header)) == recorded_settings(recording)  # none is set up again
    # A part in hand may end before the change-over, so that none need be torn; the end may cut the last one short.
    causes = [each["no_verdict"]["cause"] for each in told if each["outcome"] == "no_verdict"]
    assert set(causes[:-1]) <= {"product_mismatch"}
    assert set(causes[-1:]) <= {"product_mismatch", "frame_missing", "stopped"}
