"""The story as it is played: each stage is told on the console in a line, and kept for the report."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cloud_side.loop.measuring import Measured
from cloud_side.loop.story import Chart, Outcome, Picture, Stage, Story

Say = Callable[[str], None]


@dataclass
class Page:
    """What is known of a stage that is being played; the members are those of a `Stage`."""

    name: str
    lines: list[str] = field(default_factory=list)
    numbers: dict[str, str] = field(default_factory=dict)
    pictures: list[Picture] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    measured: dict[str, Measured] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def tell(self, line: str) -> None:
        """Add a sentence."""
        self.lines.append(line)


class Teller:
    """Tells the stages of a story."""

    def __init__(self, title: str, say: Say, numbers: Mapping[str, str]) -> None:
        """Begin.

        Args:
            title: Of the story.
            say: Takes lines for the console.
            numbers: What is to be known of the whole.
        """
        self._title, self._say, self._numbers = title, say, numbers
        self._began, self._began_s = datetime.now(UTC), time.monotonic()
        self._stages: list[Stage] = []
        self.current = ""

    @contextmanager
    def stage(self, name: str) -> Iterator[Page]:
        """Play a stage; one that fails is kept as far as it came."""
        page, began, began_s = Page(name), datetime.now(UTC), time.monotonic()
        self.current = name
        self._say(f"{self._clock()}  {name} ...")
        try:
            yield page
        finally:
            seconds = time.monotonic() - began_s
            self._stages.append(
                Stage(
                    name,
                    began,
                    seconds,
                    lines=tuple(page.lines),
                    numbers=page.numbers,
                    pictures=tuple(page.pictures),
                    charts=tuple(page.charts),
                    measured=page.measured,
                    links=page.links,
                )
            )
            for line in page.lines:
                self._say(f"       {line}")

    def story(self, outcome: Outcome) -> Story:
        """Return the story so far."""
        seconds = time.monotonic() - self._began_s
        return Story(self._title, self._began, seconds, tuple(self._stages), outcome, self._numbers)

    def _clock(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._began_s), 60)
        return f"{minutes:02}:{seconds:02}"
