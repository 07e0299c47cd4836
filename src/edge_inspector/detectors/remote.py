"""An endpoint that looks at frames, with a time-out, and is left alone for a while where it fails.

It must serve the very model that the station has: so thresholds, classes and verdicts are the same, whoever looks.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import cv2
import numpy as np
from pydantic import BaseModel, Field, ValidationError

from edge_inspector.detections import Detections
from edge_inspector.detectors.remote_link import LateError, Link, NotAskedError, UnreachableError
from edge_inspector.frame import Frame
from edge_inspector.geometry import clip
from edge_inspector.inspection import ModelIdentity
from edge_inspector.ports import Inference

ATTRIBUTES: Final = "X-Amzn-SageMaker-Custom-Attributes"
_Number = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Breaker:
    """Whether an endpoint is asked, after how it answered before.

    Attributes:
        failures: In a row.
        rests_until_s: It is left alone until then, on the monotonic clock.
    """

    failures: int = 0
    rests_until_s: float = float("-inf")

    def asks(self, now_s: float) -> bool:
        """Return whether it is asked now."""
        return now_s >= self.rests_until_s

    def after_failure(self, now_s: float, *, most: int, rest_s: float) -> "Breaker":
        """Return it after one more failure: from `most` in a row on the endpoint rests after each."""
        failures = self.failures + 1
        return Breaker(failures, now_s + rest_s if failures >= most else self.rests_until_s)


@dataclass(frozen=True, slots=True)
class RemoteOptions:
    """How an endpoint is asked.

    Attributes:
        timeout_s: Of one frame, from its encoding to its answer.
        falls_back: The station's own model looks where the endpoint does not answer; else that frame has no verdict.
        encoding: `png` or `jpeg`.
        jpeg_quality: From 50 to 100.
        failures: So many in a row, and the endpoint rests.
        rest_s: So long.
    """

    timeout_s: float = 0.2
    falls_back: bool = True
    encoding: Literal["png", "jpeg"] = "png"
    jpeg_quality: int = 95
    failures: int = 3
    rest_s: float = 10.0


class Remote:
    """An endpoint: asked by one thread, its problem read by all.

    Attributes:
        falls_back: As in its options.
        timeout_s: Likewise.
    """

    def __init__(
        self,
        link: Link,
        options: RemoteOptions,
        model: ModelIdentity,
        class_names: tuple[str, ...],
        *,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask nothing yet.

        Args:
            link: The way to it.
            options: How it is asked.
            model: What it must serve.
            class_names: Of that model, order = class id.
            monotonic_s: The clock by which it rests.
        """
        self.falls_back, self.timeout_s = options.falls_back, options.timeout_s
        self._link, self._options, self._model = link, options, model
        self._class_ids = {name: class_id for class_id, name in enumerate(class_names)}
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._breaker = Breaker()
        self._problem: str | None = None

    def problem(self) -> str | None:
        """Return why the endpoint rests, or None while it is asked; for all threads."""
        with self._lock:
            return self._problem

    def look(self, frame: Frame, *, min_confidence: float, is_gray: bool, most_s: float = math.inf) -> Inference:
        """Return what the endpoint finds on a frame, in frame pixels.

        Args:
            frame: What was captured.
            min_confidence: Lowest score reported, in [0, 1].
            is_gray: The model needs no colors.
            most_s: It gets no more time than this.

        Raises:
            NotAskedError: If it rests, an earlier frame is still under way, or there is no time for it.
            UnreachableError: If it does not answer in time, or its answer cannot be used.
        """
        if not self._breaker.asks(self._monotonic_s()):
            msg = f"{self._link.url}: left alone for a while: {self._problem}"
            raise NotAskedError(msg)
        if most_s <= 0:
            msg = f"{self._link.url}: not asked: the part's deadline leaves no time for it"
            raise NotAskedError(msg)
        try:
            inference = self._asked(frame, min_confidence, min(self._options.timeout_s, most_s), is_gray=is_gray)
        except NotAskedError:
            raise
        except UnreachableError as error:
            if not isinstance(error, LateError) or most_s >= self._options.timeout_s / 2:
                self._note(str(error))  # else the station gave it too little time to be blamed for that
            raise
        self._note(None)
        return inference

    def close(self) -> None:
        """End the connection."""
        self._link.close()

    def _note(self, problem: str | None) -> None:
        now_s, options = self._monotonic_s(), self._options
        with self._lock:
            if problem is None:
                self._breaker, self._problem = Breaker(), None
                return
            self._breaker = self._breaker.after_failure(now_s, most=options.failures, rest_s=options.rest_s)
            if self._breaker.failures >= options.failures:
                self._problem = problem

    def _asked(self, frame: Frame, min_confidence: float, timeout_s: float, *, is_gray: bool) -> Inference:
        started = time.perf_counter()
        body = self._encoded(frame, is_gray=is_gray)
        encoded = time.perf_counter()
        left_s = timeout_s - (encoded - started)
        if left_s <= 0:
            msg = f"{self._link.url}: encoding alone took {(encoded - started) * 1000:.0f} ms"
            raise LateError(msg)
        headers = {
            "Content-Type": f"image/{self._options.encoding}",
            "Accept": "application/json",
            ATTRIBUTES: f"min_confidence={min_confidence!r},exact=true",
        }
        answer = self._link.ask(body, headers, timeout_s=left_s)
        answered = time.perf_counter()
        detections = self._read(answer, frame)
        return Inference(
            detections,
            preprocess_ms=(encoded - started) * 1000,
            inference_ms=(answered - encoded) * 1000,
            postprocess_ms=(time.perf_counter() - answered) * 1000,
        )

    def _encoded(self, frame: Frame, *, is_gray: bool) -> bytes:
        image = frame.image
        if is_gray and image.ndim == 3:
            image = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)  # as the model's own preprocessing
        suffix, options = ".png", [cv2.IMWRITE_PNG_COMPRESSION, 1]
        if self._options.encoding == "jpeg":
            suffix, options = ".jpg", [cv2.IMWRITE_JPEG_QUALITY, self._options.jpeg_quality]
        try:
            is_whole, content = cv2.imencode(suffix, image, options)
        except cv2.error as error:
            msg = f"a picture of shape {image.shape} cannot be written as {self._options.encoding}: {error.err}"
            raise UnreachableError(msg) from error
        if not is_whole:
            msg = f"a picture of shape {image.shape} cannot be written as {self._options.encoding}"
            raise UnreachableError(msg)
        return content.tobytes()

    def _read(self, answer: bytes, frame: Frame) -> Detections:
        try:
            said = _Answer.model_validate_json(answer)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            msg = f"{self._link.url}: expected an answer of an endpoint, found {where}: {first['msg']}"
            raise UnreachableError(msg) from error
        served = ModelIdentity(said.model.name, said.model.version, said.model.sha256)
        if served != self._model:
            expected, found = (f"{each.name} {each.version} ({each.sha256[:12]})" for each in (self._model, served))
            msg = f"{self._link.url}: expected the model that this station has, {expected}, found {found}"
            raise UnreachableError(msg)
        height, width = frame.image.shape[:2]
        unknown = {each.label for each in said.detections} - set(self._class_ids)
        if said.image_wh != (width, height) or unknown:
            msg = f"{self._link.url}: expected {(width, height)} pixels, found {said.image_wh}; other labels: {unknown}"
            raise UnreachableError(msg)
        boxes = sorted(said.detections, key=lambda each: -each.confidence)
        xyxy = np.array([each.xyxy for each in boxes], np.float32).reshape(-1, 4)
        return Detections(
            frame.to_captured(clip(xyxy, (width, height))),
            np.array([each.confidence for each in boxes], np.float32),
            np.array([self._class_ids[each.label] for each in boxes], np.int64),
        )


class _Served(BaseModel):
    name: str
    version: str
    sha256: str


class _Found(BaseModel):
    label: str
    confidence: Annotated[float, Field(ge=0, le=1)]
    xyxy: tuple[_Number, _Number, _Number, _Number]


class _Answer(BaseModel):
    schema_: Literal["edge-inspector/inference/1"] = Field(alias="schema")
    model: _Served
    image_wh: tuple[int, int]
    detections: Annotated[tuple[_Found, ...], Field(max_length=1000)]
