"""What a model finds on an encoded image, and what that leads to: the device's own decoder, detector and policy."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

# OpenCV reads it when it is loaded. A request of a few kilobytes can claim a picture of gigabytes; this one has 64 MP.
os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(1 << 26)

import cv2

from edge_inspector.decision import ClassPolicy, Policy, decide
from edge_inspector.detections import Detections
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.detectors.verification import verify
from edge_inspector.errors import ModelError
from edge_inspector.events import Json, detection_documents, model_document, reason_documents
from edge_inspector.frame import Frame
from edge_inspector.imaging import decode_for

SCHEMA: Final = "edge-inspector/inference/1"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request may ask for.

    Attributes:
        min_confidence: Weakest detection that is told, in [0, 1]; None: as the model's thresholds ask for. The outcome
            does not depend on it.
        exact: Numbers of detections are not rounded, so that who decides by them decides as here.
    """

    min_confidence: float | None = None
    exact: bool = False


class Looker:
    """A model that is open, and its own thresholds; for one thread at a time.

    Attributes:
        identity: Which model it is.
    """

    def __init__(self, package: ModelPackage, *, precision: str = "float32") -> None:
        """Check, load and warm up the model, with one thread inside an inference.

        Args:
            package: Opened package.
            precision: Of its file.

        Raises:
            ModelError: If the package has no such file, or it cannot be used.
        """
        file = package.file(precision)
        limits = package.thresholds(file)
        self._package = package
        self._policy = Policy({label: ClassPolicy(each.review_at, each.reject_at) for label, each in limits.items()})
        self._report_at = min(each.review_at for each in limits.values())
        self._detector = OnnxDetector(package, file, threads=1)
        self.identity = self._detector.identity

    @classmethod
    def tested(cls, folder: Path, *, precision: str = "float32") -> Self:
        """Open the package in a folder, and run the images that it brings to be tested with.

        Raises:
            ModelError: If it cannot be used, or finds other than it promises; every difference is named.
        """
        looker = cls(ModelPackage.open(folder), precision=precision)
        looker.check()
        return looker

    def again(self) -> "Looker":
        """Return a second one of the same file, with its own memory, for another thread.

        Raises:
            ModelError: If the file can no longer be read, or is another one by now.
        """
        precisions = {file.sha256: file.precision for file in self._package.manifest.files}
        return Looker(self._package, precision=precisions[self.identity.sha256])

    def check(self) -> None:
        """Let pass a model that finds on the golden images of its package what that promises.

        Raises:
            ModelError: If it finds something else; every difference is named.
        """
        problems = [
            f"{self._package.folder}: golden image {check.image}: {problem}"
            for check in verify(self._package, self._detector)
            for problem in check.problems
        ]
        if problems:
            raise ModelError("\n".join(problems))

    def look(self, content: bytes, wish: Wish | None = None) -> dict[str, Json]:
        """Return what is on an image and what it leads to, as `edge-inspector inspect` tells it.

        Args:
            content: A whole JPEG, PNG, BMP, TIFF or WebP file.
            wish: What is told; as `edge-inspector inspect` without options when None.

        Returns:
            The answer's document, schema `edge-inspector/inference/1`; times in milliseconds.

        Raises:
            FrameError: If it is no whole image, or too large a one.
            ModelError: If the model fails.
        """
        started, wish = time.perf_counter_ns(), wish or Wish()
        min_confidence = wish.min_confidence
        floor = self._report_at if min_confidence is None else min(self._report_at, min_confidence)
        detector = self._detector if floor == self._report_at else self._detector.seeing(floor, counts_from=floor)
        decoded = decode_for(
            content, "image", smallest_wh=self._package.manifest.input.model_wh, gray=self._detector.is_gray
        )
        decoded_at = time.perf_counter_ns()
        frame = Frame(decoded.pixels, 0, datetime.now(UTC), time.monotonic_ns(), "request", full_wh=decoded.full_wh)
        inference = detector.detect(frame)
        decision = decide(inference.detections, detector.class_names, self._policy, image_wh=frame.image_wh)
        told = inference.detections
        if min_confidence is not None:
            told = told.take(told.confidence >= min_confidence)
        ended = time.perf_counter_ns()
        times = {
            "decode": (decoded_at - started) / 1e6,
            "preprocess": inference.preprocess_ms,
            "inference": inference.inference_ms,
            "postprocess": inference.postprocess_ms,
            "total": (ended - started) / 1e6,
        }
        return {
            "schema": SCHEMA,
            "model": model_document(self.identity),
            "image_wh": list(frame.image_wh),
            "outcome": decision.verdict.value,
            "reasons": reason_documents(decision.reasons),
            "detections": _exact(told, detector.class_names)
            if wish.exact
            else detection_documents(told, detector.class_names),
            "latency_ms": {stage: round(value, 3) for stage, value in times.items()},
        }


def _exact(detections: Detections, class_names: Sequence[str]) -> list[Json]:
    columns = detections.class_id.tolist(), detections.confidence.tolist(), detections.xyxy.tolist()
    return [
        {"label": class_names[class_id], "confidence": confidence, "xyxy": xyxy}
        for class_id, confidence, xyxy in zip(*columns, strict=True)
    ]


def leave_processors_alone() -> None:
    """Keep OpenCV to the thread that calls it, and its words out of the log: the sessions have the processors."""
    cv2.setNumThreads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
