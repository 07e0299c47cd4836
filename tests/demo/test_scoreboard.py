import io
import json
import threading

from edge_inspector.demo.scoreboard import Scoreboard
from edge_inspector.settings import SimulatedSource
from edge_inspector.simulation import plan_tag
from edge_inspector.sources.simulated import part_name
from edge_inspector.topics import CATALOGUE, Channel, Message

LINE = SimulatedSource(seed=4, defect_rate=1.0, dark_share=1.0)


def test_the_truth_is_that_of_the_line_as_it_is_set_up() -> None:
    scoreboard = Scoreboard(LINE, "result", reader_gone=threading.Event(), out=io.StringIO())
    tags = [plan_tag(4, number, defect_rate=1.0, dark_share=1.0) for number in range(3)]
    for tag, outcome in zip(tags, ("reject", "reject", "accept"), strict=True):
        boxes = [] if outcome == "accept" else [defect.xyxy for defect in tag.defects]
        found = [{"label": "scratch", "confidence": 0.9, "xyxy": box} for box in boxes]
        result = {
            "part_id": part_name(tag.number),
            "outcome": outcome,
            "detections": found,
            "latency_ms": {"total": 1.0},
        }
        scoreboard.send(Message("result", json.dumps({"data": result}).encode(), CATALOGUE[Channel.RESULT]))
    score = scoreboard.score
    assert score.found == sum(len(tag.defects) for tag in tags[:2])
    assert (score.missed, score.false_alarms, score.escapes) == (len(tags[2].defects), 0, 1)
