"""Holds the verdicts of the simulated line against its truth, and counts."""

import json
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TextIO

from edge_inspector.geometry import as_boxes, iou
from edge_inspector.settings import SimulatedSource
from edge_inspector.simulation import plan_tag
from edge_inspector.sources.simulated import part_number
from edge_inspector.topics import Message

_FOUND_AT_IOU = 0.3  # a person who sees the box sees the defect


@dataclass(slots=True)
class Score:
    """The running count.

    Attributes:
        found, missed: Defects of the truth that a box points at, or not.
        false_alarms: Boxes that point at no defect.
        parts: Parts so far.
        escapes: Defective parts that were accepted.
        overkill: Good parts that were not.
    """

    found: int = 0
    missed: int = 0
    false_alarms: int = 0
    parts: int = 0
    escapes: int = 0
    overkill: int = 0


class Scoreboard:
    """A sink that knows the truth: one line a part, with the running count."""

    def __init__(
        self, source: SimulatedSource, result_topic: str, *, reader_gone: threading.Event, out: TextIO | None = None
    ) -> None:
        """Start at zero.

        Args:
            source: The settings that the line runs with: they are its truth.
            result_topic: Topic of the results.
            reader_gone: Set when nobody reads the lines any more, as after `| head`.
            out: Where the lines go; standard output by default.
        """
        self.score = Score()
        self._source = source
        self._result_topic = result_topic
        self._reader_gone = reader_gone
        self._out = sys.stdout if out is None else out

    def send(self, message: Message) -> None:
        """Count one result; other messages pass."""
        if message.topic == self._result_topic and not self._reader_gone.is_set():
            line = self._count(json.loads(message.payload)["data"])
            try:
                print(line, file=self._out, flush=True)
            except OSError:  # a pipe that is broken, a terminal that was closed
                self._reader_gone.set()

    def _count(self, result: Mapping[str, Any]) -> str:
        source, score = self._source, self.score
        tag = plan_tag(
            source.seed,
            part_number(result["part_id"]),
            image_wh=source.image_wh,
            defect_rate=source.defect_rate,
            dark_share=source.dark_share,
        )
        truth = as_boxes([defect.xyxy for defect in tag.defects])
        boxes = as_boxes([detection["xyxy"] for detection in result["detections"]])
        overlaps = iou(truth, boxes) >= _FOUND_AT_IOU
        found, false_alarms = int(overlaps.any(axis=1).sum()), int((~overlaps.any(axis=0)).sum())
        accepted = result["outcome"] == "accept"
        score.parts += 1
        score.found += found
        score.missed += len(truth) - found
        score.false_alarms += false_alarms
        score.escapes += accepted and bool(len(truth))
        score.overkill += not accepted and not len(truth)
        confidences = ", ".join(f"{box['label']} {box['confidence']:.2f}" for box in result["detections"])
        return (
            f"{result['part_id']}  {result['outcome']:<10}  {confidences or '-':<40}  truth {len(truth)}"
            f"  |  defects found {score.found}, missed {score.missed}, false alarms {score.false_alarms}"
            f"  |  {result['latency_ms']['total']:.1f} ms"
        )
