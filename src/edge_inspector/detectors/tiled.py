"""Looks at a large frame tile by tile, at the resolution of the model, and reports each defect once."""

import time
from dataclasses import replace
from functools import lru_cache

import numpy as np

from edge_inspector.detections import Detections, joined
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.frame import Frame
from edge_inspector.ports import Inference
from edge_inspector.tiling import Tiles, Tiling, larger_than, merge, plan_tiles


class TiledDetector:
    """Runs a detector on every tile of a frame; for one thread at a time."""

    def __init__(
        self, detector: OnnxDetector, tiling: Tiling, *, max_detections: int = 100, counts_from: float = 0.0
    ) -> None:
        """Wrap a detector, which stays the caller's to close.

        Args:
            detector: What looks at each tile.
            tiling: How frames are cut.
            max_detections: Boxes reported at most, of all tiles together.
            counts_from: Weaker boxes than this change nothing of the others.
        """
        self.identity = detector.identity
        self.class_names = detector.class_names
        self.is_gray = detector.is_gray
        self._detector = detector
        self._tiling = tiling
        self._max_detections, self._counts_from = max_detections, counts_from

    def views(self, image_wh: tuple[int, int]) -> int:
        """Return how many inferences a frame of that width and height takes."""
        tiles = len(_tiles(image_wh, self._tiling))
        return tiles + 1 if tiles > 1 and self._tiling.whole_frame else tiles

    def detect(self, frame: Frame) -> Inference:
        """Return what is on a frame, in frame pixels, each defect once.

        Raises:
            ModelError: If the model fails, or returns something that contradicts its contract.
        """
        height, width = frame.image.shape[:2]
        tiles = _tiles((width, height), self._tiling)
        if len(tiles) == 1:
            return self._detector.detect(frame)
        if self._tiling.whole_frame:
            tiles = np.append(tiles, [[0, 0, width, height]], axis=0)
        found, times = self._detector.run_many([frame.image[y1:y2, x1:x2] for x1, y1, x2, y2 in tiles])
        started = time.perf_counter_ns()
        placed = [
            replace(detections, xyxy=detections.xyxy + np.array([x, y, x, y], np.float32))
            for detections, (x, y, _, _) in zip(found, tiles, strict=True)
        ]
        if self._tiling.whole_frame:
            # What is smaller some tile has seen whole, and at a better resolution.
            placed[-1] = larger_than(placed[-1], self._tiling.overlap_px)
        merged = self._merge(placed, tiles)
        return Inference(
            replace(merged, xyxy=frame.to_captured(merged.xyxy)),
            times.preprocess_ms,
            times.inference_ms,
            postprocess_ms=times.postprocess_ms + (time.perf_counter_ns() - started) / 1e6,
        )

    def _merge(self, placed: list[Detections], tiles: Tiles) -> Detections:
        counted = [found.take(found.confidence >= self._counts_from) for found in placed]
        count, most = sum(map(len, counted)), self._max_detections
        merged = merge(counted, tiles, max_detections=most)
        if count == sum(map(len, placed)):
            return merged
        every = merge(placed, tiles, max_detections=most, candidates=count + most)
        both = joined([merged, every.take(every.confidence < self._counts_from)])
        return both.take(np.arange(min(len(both), most)))


@lru_cache(maxsize=8)
def _tiles(image_wh: tuple[int, int], tiling: Tiling) -> Tiles:
    """Return the tiles of a frame; a camera's frames all have one size."""
    return plan_tiles(image_wh, tiling)
