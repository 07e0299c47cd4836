"""The `bench` command: measures, prints the report, and writes the numbers where asked."""

import json
import sys
from pathlib import Path

from edge_inspector.bench.figures import Figures
from edge_inspector.bench.measure import measure
from edge_inspector.bench.report import document, text
from edge_inspector.errors import SourceError
from edge_inspector.settings import Settings


def show(
    settings: Settings, *, image_wh: tuple[int, int] | None = None, seconds: float = 30.0, json_file: Path | None = None
) -> Figures:
    """Measure and print; return the figures.

    Args:
        settings: As in `measure`.
        image_wh: As in `measure`.
        seconds: As in `measure`.
        json_file: Where to write them as well, with the keys of `report.document`.

    Raises:
        InspectorError: As `measure`; SourceError if the file cannot be written, before anything is measured.
    """
    if json_file is not None:
        _write(json_file, "")
    figures = measure(settings, image_wh=image_wh, seconds=seconds, progress=_show_progress)
    _show_progress("")
    if json_file is not None:
        _write(json_file, json.dumps(document(figures), indent=2) + "\n")
    print(text(figures))
    return figures


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        msg = f"{path}: cannot be written: {error.strerror}"
        raise SourceError(msg) from error


def _show_progress(stage: str) -> None:
    """Show on a terminal what is measured; an empty stage clears the line."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{stage}{'...' if stage else ''}", end="", file=sys.stderr, flush=True)
