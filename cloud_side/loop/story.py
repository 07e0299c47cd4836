"""What was played, as a value: the stages with what they brought, and how it ended. The report draws it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cloud_side.drawing.reports import Axes, Curve
from cloud_side.loop.measuring import Measured


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with what people need to understand it.

    Attributes:
        content: PNG.
        alternative: What it shows, for those who do not see it.
        caption: What stands below.
    """

    content: bytes
    alternative: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of which the first column names them; the cells of a row are as many as the head's."""

    label: str
    head: Sequence[str]
    rows: Sequence[Sequence[str | int]]


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves over one another; `label` says what they show."""

    label: str
    axes: Axes
    curves: Sequence[Curve]


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the story.

    Attributes:
        name: For people, a heading.
        began: When, aware UTC.
        seconds: How long it took.
        lines: What happened, a sentence each.
        numbers: What is to be known, by name.
        pictures: Parts, as they were seen.
        tables: Of numbers.
        charts: Of numbers.
        measured: Rates of this stage, by what they are of, e.g. the station.
        links: Other pages, by what they show: paths relative to the report.
    """

    name: str
    began: datetime
    seconds: float
    lines: Sequence[str] = ()
    numbers: Mapping[str, str] = field(default_factory=dict)
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    measured: Mapping[str, Measured] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the same line came to with one model, and with the next.

    Attributes:
        name: What it is of: a station, or all.
        before: With the old model.
        after: With the new one.
    """

    name: str
    before: Measured
    after: Measured


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended.

    Attributes:
        headline: In a sentence.
        as_promised: Whether what should come true has come true.
        lines: What else is to be said, a sentence each; of a failure: the stage, why, and where the logs are.
        comparisons: Rates before and after.
    """

    headline: str
    as_promised: bool
    lines: Sequence[str] = ()
    comparisons: Sequence[Comparison] = ()


@dataclass(frozen=True, slots=True)
class Story:
    """All of it; one that was cut short has the stages so far.

    Attributes:
        title: For people.
        began: When, aware UTC.
        seconds: How long it took.
        stages: In their order.
        outcome: How it ended.
        numbers: What is to be known of the whole, by name: the machine, the sizes.
    """

    title: str
    began: datetime
    seconds: float
    stages: Sequence[Stage]
    outcome: Outcome
    numbers: Mapping[str, str] = field(default_factory=dict)
