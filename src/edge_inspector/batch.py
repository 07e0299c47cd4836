"""Inspects image files once, without a line: one JSON line an image on standard output."""

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_inspector.app import open_model
from edge_inspector.decision import decide
from edge_inspector.drawing import draw_detections
from edge_inspector.errors import FrameError, SourceError
from edge_inspector.events import Json, detection_documents, reason_documents
from edge_inspector.frame import Frame
from edge_inspector.imaging import SUFFIXES, decode_for, decode_image
from edge_inspector.settings import Settings
from edge_inspector.sources.directory import list_images


def inspect_files(
    paths: Sequence[Path], settings: Settings, *, min_confidence: float | None = None, save: Path | None = None
) -> int:
    """Inspect images and print one JSON line for each; return how many could not be inspected.

    A damaged image gets a line with the outcome `no_verdict`, and an error on standard error; the others go on.

    Args:
        paths: Image files, and folders of them.
        settings: Model and policy.
        min_confidence: Weakest detection that is printed, in [0, 1]; by default what the model's thresholds ask for.
            The outcome does not depend on it.
        save: Folder for copies with the boxes drawn, none of the images' own; no copies when absent.

    Raises:
        InspectorError: If a path, the model or the policy cannot be used.
    """
    images = [image for path in paths for image in list_images(path)]
    if save is not None:
        _make_folder(save, images)
    failed = 0
    with open_model(settings, min_confidence=1.0 if min_confidence is None else min_confidence) as (model, _):
        for number, path in enumerate(images):
            _show_progress(number, len(images))
            try:
                content = _read(path)
                decoded = decode_for(content, str(path), smallest_wh=model.smallest_wh, gray=model.is_gray)
            except FrameError as error:
                failed += 1
                print(f"edge-inspector: error: {error}", file=sys.stderr)
                _print_line(path, "no_verdict", [], [], error=str(error))
                continue
            frame = Frame(
                decoded.pixels, number, datetime.now(UTC), time.monotonic_ns(), path.name, full_wh=decoded.full_wh
            )
            detections = model.detector.detect(frame).detections
            decision = decide(detections, model.class_names, model.policy, image_wh=frame.image_wh)
            if min_confidence is not None:
                detections = detections.take(detections.confidence >= min_confidence)
            boxes = detection_documents(detections, model.class_names)
            _print_line(path, decision.verdict, reason_documents(decision.reasons), boxes)
            if save is not None:
                is_whole = decoded.full_wh is None and not model.is_gray  # a person gets every pixel, and the colors
                shown = decoded.pixels if is_whole else decode_image(content, str(path))
                marked = draw_detections(shown, detections, model.class_names, caption=decision.verdict)
                _write(save / path.name, marked)
    _show_progress(len(images), len(images))
    return failed


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise FrameError(msg) from error


def _make_folder(folder: Path, images: Sequence[Path]) -> None:
    for image in images:
        if image.parent.resolve() == folder.resolve():
            msg = f"{folder}: expected another folder than that of {image.name}, which would be overwritten"
            raise SourceError(msg)
    if twice := [name for name, count in Counter(image.name for image in images).items() if count > 1]:
        msg = f"{folder}: expected images of different names, found {twice[0]} twice: one copy would replace the other"
        raise SourceError(msg)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{folder}: expected a folder to write to, found: {error.strerror}"
        raise SourceError(msg) from error


def _write(path: Path, image: NDArray[np.uint8]) -> None:
    _, content = cv2.imencode(path.suffix if path.suffix.lower() in SUFFIXES else ".png", image)
    try:
        path.write_bytes(content.tobytes())
    except OSError as error:
        msg = f"{path}: cannot be written: {error.strerror}"
        raise SourceError(msg) from error


def _print_line(path: Path, outcome: str, reasons: Json, detections: Json, **more: str) -> None:
    line: Mapping[str, Json] = {
        "image": str(path), "outcome": outcome, "reasons": reasons, "detections": detections, **more
    }  # fmt: skip
    # A file name need not be valid UTF-8; a line must be. The escapes are JSON's: who parses them has the name.
    print(json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace").decode())


def _show_progress(done: int, total: int) -> None:
    """Show the count on a terminal, unless the lines themselves scroll there."""
    if total > 1 and sys.stderr.isatty() and not sys.stdout.isatty():
        print(f"\r{done}/{total} images", end="\n" if done == total else "", file=sys.stderr, flush=True)
