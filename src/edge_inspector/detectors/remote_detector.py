"""A detector that has an endpoint look; where that does not answer in time, the station's own model does."""

import math
import time

from edge_inspector.detectors.remote import Remote
from edge_inspector.detectors.remote_link import UnreachableError
from edge_inspector.errors import ModelError
from edge_inspector.frame import Frame
from edge_inspector.ports import Detector, Inference


class RemoteDetector:
    """Has an endpoint look at frames, and where that does not answer the station's own model; for one thread."""

    def __init__(
        self, remote: Remote, local: Detector, *, min_confidence: float, is_gray: bool, deadline_s: float | None = None
    ) -> None:
        """Join the two.

        Args:
            remote: The endpoint.
            local: The same model here.
            min_confidence: Lowest score reported, in [0, 1].
            is_gray: The model needs no colors.
            deadline_s: A part closes so long after the capture of its first frame; never when None.
        """
        self._remote, self._local = remote, local
        self._min_confidence, self._is_gray = min_confidence, is_gray
        self._deadline_s = math.inf if deadline_s is None else deadline_s
        self._part_id: str | None = None
        self._closes_s = -math.inf
        self._local_s = 0.0  # that the own model took, the last time that it looked

    def detect(self, frame: Frame) -> Inference:
        """Return what is on a frame, in frame pixels.

        Raises:
            ModelError: If the model fails; without a fallback also if the endpoint does not answer.
        """
        most_s = self._left_s(frame) - self._reserve_s()
        try:
            return self._remote.look(frame, min_confidence=self._min_confidence, is_gray=self._is_gray, most_s=most_s)
        except UnreachableError as error:
            if not self._remote.falls_back:
                raise ModelError(str(error)) from error
        began_s = time.monotonic()
        inference = self._local.detect(frame)
        self._local_s = time.monotonic() - began_s
        return inference

    def _reserve_s(self) -> float:
        """Return what is kept for the own model: what it last took, but an endpoint that comes first gets its time.

        A model that is slower than the deadline would keep the endpoint from being asked for good.
        """
        return min(self._local_s, max(0.0, self._deadline_s - self._remote.timeout_s))

    def _left_s(self, frame: Frame) -> float:
        """Return how much time is left of the deadline of a frame's part."""
        if frame.part_id is None:
            return math.inf
        captured_s = frame.captured_monotonic_ns / 1e9
        if frame.part_id != self._part_id or captured_s > self._closes_s:
            self._part_id, self._closes_s = frame.part_id, captured_s + self._deadline_s
        return self._closes_s - time.monotonic()
