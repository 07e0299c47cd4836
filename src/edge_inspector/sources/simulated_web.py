"""The simulated web: brushed metal with known scratches runs under a line-scan camera, with or without an encoder.

With one, a slow web only takes longer. Without one lines come all the time: a slow web is seen stretched, a web that
stands as one line again and again, and the source says how long each line is.
"""

import threading
import time
from datetime import UTC, datetime

import numpy as np

from edge_inspector.errors import EndOfSource
from edge_inspector.frame import Frame
from edge_inspector.settings import SimulatedWebSource, WebSettings
from edge_inspector.simulation.web import WebStyle, render_web
from edge_inspector.sources.web import RollEnds, WebBlock

_NAME = "simulated-web"
_BLOCK_LINES = 64
_SHORTEST_SECTION = 100
# With speed changes: from this line of each cycle on the web runs at this share of its speed; 0 is a stop.
_CYCLE_LINES = 6400
_SPEEDS = ((0, 1.0), (3200, 0.5), (4800, 0.25), (5120, 0.0), (5184, 1.0))
_STOP_S = 2.0
_STANDING_LINES = 640  # of a web that stands, without an encoder


def web_style(web: WebSettings, defect_rate: float) -> WebStyle:
    """Return a web of which one scratch in five lies across an edge of the frames that these settings cut."""
    step = web.frame_lines - web.overlap_lines
    steps = -(-_SHORTEST_SECTION // step)
    seams = {number * step + seam for number in range(steps) for seam in (0, web.overlap_lines % step)}
    try:
        return WebStyle(steps * step, tuple(sorted(seams)), defect_rate)
    except ValueError:  # frames so small that no scratch lies between their edges
        return WebStyle(steps * step, (), defect_rate)


class SimulatedWeb:
    """Renders the lines that have passed; the lines of a stopped web do not come."""

    def __init__(self, settings: SimulatedWebSource, stop: threading.Event) -> None:
        """Start at the first line of the first roll.

        Args:
            settings: What to simulate.
            stop: Ends a wait.
        """
        self._settings, self._stop = settings, stop
        self._style = web_style(settings.web, settings.defect_rate)
        self._roll, self._line, self._blocks = 0, 0, 0
        self._stood_at: tuple[int, int] | None = None
        self._due_ns: int | None = None

    def read(self, timeout_s: float) -> Frame | WebBlock | RollEnds | None:
        """Return the next block of lines, or the end of a roll; None when its time has not come in `timeout_s`.

        Raises:
            EndOfSource: After the last roll.
        """
        settings = self._settings
        if settings.rolls is not None and self._roll >= settings.rolls:
            raise EndOfSource
        left = _BLOCK_LINES if settings.roll_lines is None else settings.roll_lines - self._line
        if left <= 0:
            self._roll, self._line = self._roll + 1, 0
            return RollEnds()
        lines, speed = min(_BLOCK_LINES, left), self._speed(self._line)
        is_stretched = settings.line_rate == "fixed"
        if is_stretched and not speed and self._stood_at != (self._roll, self._line):
            self._stood_at = self._roll, self._line
            return self._block(1, _STANDING_LINES, 0.0)
        if not self._wait(lines, timeout_s):
            return None
        times = round(1 / speed) if is_stretched and speed else 1
        block = self._block(lines, times, 1 / times)
        self._line += lines
        return block

    def _block(self, lines: int, times: int, speed: float) -> Frame | WebBlock:
        """Return the next lines of the web, each seen so many times."""
        settings, number = self._settings, self._blocks
        self._blocks += 1
        image = render_web(settings.seed + self._roll, self._line, lines, self._style)
        image = image if times == 1 else np.repeat(image, times, axis=0)
        frame = Frame(image, number, datetime.now(UTC), time.monotonic_ns(), _NAME)
        full_mm = settings.web.mm_per_line
        return frame if speed == 1 or full_mm is None else WebBlock(frame, full_mm * speed)

    def _speed(self, line: int) -> float:
        """Return the share of its full speed at which the web runs from a line on."""
        if not self._settings.speed_changes:
            return 1.0
        place = line % _CYCLE_LINES
        return next(speed for begin, speed in reversed(_SPEEDS) if place >= begin)

    def _wait(self, lines: int, timeout_s: float) -> bool:
        """Return whether the block's lines have passed; those that nobody fetched in time come at once."""
        lines_hz = self._settings.lines_hz
        if lines_hz is None:
            return True
        now_ns = time.monotonic_ns()
        if self._due_ns is None:
            self._due_ns = now_ns + self._takes_ns(lines / lines_hz, 0)
        remaining_s = (self._due_ns - now_ns) / 1e9
        if remaining_s > 0 and (self._stop.wait(min(remaining_s, timeout_s)) or remaining_s > timeout_s):
            return False
        self._due_ns += self._takes_ns(lines / lines_hz, self._line + lines)
        return True

    def _takes_ns(self, full_s: float, line: int) -> int:
        """Return how long lines from that one on take that would take `full_s` at full speed."""
        speed = self._speed(line)
        return int((full_s / speed if speed else full_s + _STOP_S) * 1e9)
