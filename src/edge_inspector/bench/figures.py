"""Figures of one measurement, and the rules that turn them into suggestions and warnings. No clock, no file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from edge_inspector.bench.agreement import Agreement
from edge_inspector.bench.machine import Machine, Surroundings

HEADROOM = 0.7  # share of the sustained rate that a line should ask for: parts do not come evenly
_GOOD_ENOUGH = 1.10  # a setting within 10 % of the best is as good as the best
_NOISE = 0.10
STREAMED = frozenset({"network", "usb", "video"})  # sources whose pictures are decoded as they come
_FEW_SAMPLES = 100  # below this the slowest sample is the 99th percentile


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds of all samples of one kind.

    Attributes:
        p50, p95, p99: Interpolated linearly between samples.
        count: How many samples there were.
    """

    p50: float
    p95: float
    p99: float
    count: int

    @classmethod
    def of(cls, samples_ms: Sequence[float]) -> "Percentiles":
        """Return the percentiles of at least one sample."""
        if not samples_ms:
            msg = "samples_ms: expected at least one sample, found none"
            raise ValueError(msg)
        p50, p95, p99 = (float(value) for value in np.percentile(samples_ms, (50, 95, 99)))
        return cls(p50, p95, p99, len(samples_ms))


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What was run.

    Attributes:
        name, version: From `model.json`.
        precision: The file that ran.
        file_mb: Size of every file of the package by precision, in units of 10^6 bytes.
        model_wh: Width and height of the input in pixels.
        color, dtype: Of the input.
        threads: Threads inside one inference.
    """

    name: str
    version: str
    precision: str
    file_mb: Mapping[str, float]
    model_wh: tuple[int, int]
    color: str
    dtype: str
    threads: int


@dataclass(frozen=True, slots=True)
class Feed:
    """What the model was shown.

    Attributes:
        image_wh: Width and height of the frames in pixels.
        image_wh_from: Where that size comes from, for people.
        channels: 1 or 3.
        source: Type of the configured source, whose conditions are played.
        decoded: Each frame is decoded from a JPEG, as a folder's are; else it is in memory, as from a camera.
        memory_mb: What the frames of this measurement take in memory.
        unit: What a rate counts: `parts`, or `frames` of a free-running source.
        frames_per_part: Frames of a part.
        wanted_hz: Rate that the configuration asks for; None where it names none.
        deadline_ms: `flow.deadline_ms` of the configuration.
    """

    image_wh: tuple[int, int]
    image_wh_from: str
    channels: int
    source: str
    decoded: bool
    memory_mb: float
    unit: str = "parts"
    frames_per_part: int = 1
    wanted_hz: float | None = None
    deadline_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Sustained:
    """The running pipeline with a frame always waiting.

    Attributes:
        rate_hz: Parts a second, to the written event; frames of a free-running source.
        count: How many were counted.
        cores_used: CPU time of the process over wall time.
        resident_mb, peak_mb: Resident memory of the process, now and at its largest; None where the system hides it.
        lost: Frames not inspected and messages not delivered; an honest run has none.
    """

    rate_hz: float
    count: int
    cores_used: float
    resident_mb: float | None
    peak_mb: float | None
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Paced:
    """The running pipeline at a rate that leaves headroom.

    Attributes:
        rate_hz: Parts a second that were fed.
        stages: Milliseconds by stage in the order in which a part passes them; `total` is from capture to verdict,
            `event` is spent after it on the deliver thread.
    """

    rate_hz: float
    stages: Mapping[str, Percentiles]


@dataclass(frozen=True, slots=True)
class Turns:
    """The bare model and the whole way, taking turns on one thread.

    Attributes:
        bare: ONNX Runtime's `session.run` on a prepared tensor.
        whole: Frame to written event: decoding where there is any, preprocessing, inference, verdict, event.
        bare_halves_ms: Medians of the first and the second half of the bare samples.
        runs: Images that the model sees of one frame: more than one where it is tiled.
    """

    bare: Percentiles
    whole: Percentiles
    bare_halves_ms: tuple[float, float]
    runs: int = 1

    @property
    def ratio(self) -> float:
        """Median of the whole way over median of the bare model, once for each of its runs."""
        return self.whole.p50 / (self.bare.p50 * self.runs)

    @property
    def drift(self) -> float:
        """How far the slower half lies above the faster one, as a share."""
        return max(self.bare_halves_ms) / min(self.bare_halves_ms) - 1.0


@dataclass(frozen=True, slots=True)
class Figures:
    """All of one measurement.

    Attributes:
        seconds: How long it took.
        threads_ms: Median of the bare model by number of threads.
        precisions_ms: Median of the bare model by precision; empty when the package has one file.
        agreement: How the boxes of the precisions differ on the golden images; None where there is nothing to compare.
    """

    version: str
    seconds: float
    machine: Machine
    surroundings: Surroundings
    model: ModelFacts
    feed: Feed
    sustained: Sustained
    paced: Paced
    turns: Turns
    threads_ms: Mapping[int, float]
    precisions_ms: Mapping[str, float] = field(default_factory=dict)
    agreement: Agreement | None = None

    @property
    def largest_rate_hz(self) -> float:
        """The rate that a line may ask for with headroom: two digits, rounded down."""
        return round_down(self.sustained.rate_hz * HEADROOM)

    @property
    def suggested_threads(self) -> int:
        """The smallest number of threads that is as good as the best."""
        return suggest_threads(self.threads_ms)

    @property
    def suggested_precision(self) -> str:
        """The precision to run; the one that ran where nothing speaks for another."""
        return suggest_precision(self.precisions_ms, self.model.precision, self.agreement)


def suggest_threads(median_ms: Mapping[int, float]) -> int:
    """Return the smallest number of threads whose time is within 10 % of the best.

    Args:
        median_ms: Time of one inference by number of threads.
    """
    best_ms = min(median_ms.values())
    return min(threads for threads, ms in median_ms.items() if ms <= best_ms * _GOOD_ENOUGH)


def suggest_precision(median_ms: Mapping[str, float], running: str, agreement: Agreement | None) -> str:
    """Return float32 where it is within 10 % of the best, else the fastest if it is known to find the same boxes.

    Args:
        median_ms: Time of one inference by precision; empty when the package has one file.
        running: The precision that ran.
        agreement: How the boxes of the precisions differ; None if they were not compared.
    """
    if not median_ms:
        return running
    fastest = min(median_ms, key=median_ms.__getitem__)
    exact = "float32"
    if exact in median_ms and median_ms[exact] <= median_ms[fastest] * _GOOD_ENOUGH:
        return exact
    finds_the_same = agreement is not None and agreement.both > 0 == agreement.first_alone + agreement.second_alone
    return fastest if finds_the_same else running


def thread_counts(usable: int, configured: int) -> list[int]:
    """Return which numbers of threads to measure: all up to 4, then ever wider steps up to the usable cores."""
    steps = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
    return sorted({*(count for count in steps if count < usable), min(usable, 64), configured})


def round_down(value: float) -> float:
    """Return the value rounded down to two digits."""
    if value <= 0:
        return 0.0
    step = 10.0 ** (np.floor(np.log10(value)) - 1)
    # A value that is a whole number of steps already must not lose one to binary fractions.
    return float(round(np.floor(value / step + 1e-9) * step, 12))


def warnings(figures: Figures) -> list[str]:
    """Return what a person should know before trusting or using the figures."""
    return [*_about_the_machine(figures), *_about_the_line(figures)]


def _about_the_machine(figures: Figures) -> list[str]:
    machine, around, turns = figures.machine, figures.surroundings, figures.turns
    found = []
    if around.others_cores > max(0.1, 0.05 * machine.cores):
        found.append(
            f"other processes used {around.others_cores:.1f} of {machine.cores} cores meanwhile: "
            "the box can do better, and threads may gain more; run it again when it is quiet"
        )
    if around.stolen_cores > 0.02 * machine.cores:
        found.append(f"the hypervisor withheld {around.stolen_cores:.2f} cores meanwhile: the machine is shared")
    if turns.drift > _NOISE:
        first, second = turns.bare_halves_ms
        found.append(
            f"the bare model took {milliseconds(first)} ms in the first half and {milliseconds(second)} ms in the "
            "second: something else was busy, or the processor changed its clock; trust no difference below "
            f"{turns.drift:.0%}"
        )
    if machine.governor not in {None, "performance"}:
        found.append(f"the CPU governor is {machine.governor!r}: a quiet line runs at a lower clock than this test")
    if figures.model.threads > machine.whole_cores:
        found.append(f"threads = {figures.model.threads} is more than the usable cores ({machine.whole_cores})")
    return found


def _about_the_line(figures: Figures) -> list[str]:
    feed, stages, total = figures.feed, figures.paced.stages, figures.paced.stages["total"]
    found = []
    if "queue" in stages and stages["queue"].p50 > 1e3 / figures.paced.rate_hz:
        found.append("the line fell behind at the slower rate too: the box was faster when it ran at full speed")
    if figures.sustained.lost:
        found.append(f"{figures.sustained.lost} frames or messages were lost: see the log above")
    if total.count < _FEW_SAMPLES:
        found.append(f"only {total.count} {feed.unit} were timed: p99 is little more than the slowest of them")
    if feed.source in STREAMED:
        found.append(f"what decoding the {feed.source} stream takes comes on top: no camera was opened")
    if feed.wanted_hz is not None and feed.wanted_hz > figures.largest_rate_hz:
        found.append(
            f"the configuration asks for {feed.wanted_hz:g} {feed.unit}/s, which leaves too little headroom: "
            f"expected at most {figures.largest_rate_hz:g}"
        )
    if feed.deadline_ms is not None and total.p99 > feed.deadline_ms:
        found.append(f"more than 1 part in 100 misses flow.deadline_ms = {feed.deadline_ms:g}")
    return found


def milliseconds(value: float) -> str:
    """Return a time with three digits at least, so that small and large ones can be compared."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
