"""Figures -> text for people, and the same as a JSON document."""

from collections.abc import Iterator
from dataclasses import asdict

from edge_inspector.bench.figures import HEADROOM, Figures, Percentiles, milliseconds, round_down, warnings

SCHEMA = "edge-inspector/bench/1"
_WORDS = {"read": "decode the file", "total": "capture to verdict", "event": "write the event"}


def document(figures: Figures) -> dict[str, object]:
    """Return the figures under stable keys: the attributes of `Figures` and of the values in it, by their names.

    Beside them: `schema`; `turns.ratio` and `turns.drift`; `suggested_threads`, `suggested_precision`,
    `largest_rate_hz` and `warnings`, as the text has them. Times are milliseconds where a key says `ms` and in every
    `p50`, `p95` and `p99`.
    """
    content = asdict(figures)
    content["turns"] |= {"ratio": figures.turns.ratio, "drift": figures.turns.drift}
    return {
        "schema": SCHEMA,
        **content,
        "suggested_threads": figures.suggested_threads,
        "suggested_precision": figures.suggested_precision,
        "largest_rate_hz": figures.largest_rate_hz,
        "warnings": warnings(figures),
    }


def text(figures: Figures) -> str:
    """Return the report, of at most 100 columns but for the warnings."""
    return "\n".join(
        [
            *_setting(figures),
            "",
            *_stage_table(figures),
            "",
            *_comparisons(figures),
            "",
            *_verdict(figures),
        ]
    )


def _setting(figures: Figures) -> Iterator[str]:
    machine, model, feed = figures.machine, figures.model, figures.feed
    load = "" if machine.load is None else f", load average {machine.load:.2f} before"
    memory = "" if machine.memory_mb is None else f", {machine.memory_mb / 1024:.1f} GB memory"
    usable = f"{machine.cores} cores"
    if machine.usable_cores < machine.cores:
        usable = f"{machine.usable_cores:g} of {machine.cores} cores by the cgroup's quota"
    yield _row("machine", f"{machine.cpu}, {usable}{memory}{load}")
    files = ", ".join(f"{name} {size:.1f} MB" for name, size in model.file_mb.items())
    yield _row(
        "model", f"{model.name} {model.version} ({files}), input {_by(model.model_wh)} {model.color} {model.dtype}"
    )
    yield _row("", f"ran as {model.precision} with threads = {model.threads}")
    colors = "gray" if feed.channels == 1 else "color"
    place = "each decoded from a JPEG" if feed.decoded else "in memory"
    several = f", {feed.frames_per_part} a part" if feed.frames_per_part > 1 else ""
    yield _row("frames", f"simulated tags of {_by(feed.image_wh)} ({feed.image_wh_from}), {colors}, {place}{several}")


def _stage_table(figures: Figures) -> Iterator[str]:
    paced, count = figures.paced, f"{figures.paced.stages['total'].count:,} {figures.feed.unit}"
    yield f"{count} at {_about(paced.rate_hz)} a second, {HEADROOM:.0%} of what it sustains, in milliseconds:"
    yield f"  {'':<20}{'p50':>9}{'p95':>9}{'p99':>9}"
    for stage, times in paced.stages.items():
        yield f"  {_WORDS.get(stage, stage):<20}{_cells(times)}"


def _comparisons(figures: Figures) -> Iterator[str]:
    line, turns, unit = figures.sustained, figures.turns, figures.feed.unit
    runs = f"{turns.runs} times " if turns.runs > 1 else ""
    memory = ""
    if line.resident_mb is not None and line.peak_mb is not None:
        frames_mb = figures.feed.memory_mb
        memory = (
            f", {line.resident_mb:.0f} MB resident (peak {line.peak_mb:.0f}; {frames_mb:.0f} of it are these frames)"
        )
    yield _row(
        "sustained", f"{_about(line.rate_hz)} {unit}/s over {line.count:,} {unit}, {line.cores_used:.2f} cores{memory}"
    )
    yield _row(
        "overhead",
        f"frame to event {milliseconds(turns.whole.p50)} ms, bare model {runs}{milliseconds(turns.bare.p50)} ms: "
        f"{turns.ratio:.2f}x (medians of {turns.bare.count:,} turns)",
    )
    yield _row("threads", _threads(figures))
    yield _row("precision", _precisions(figures))
    if (found := figures.agreement) is not None:
        first, second = list(figures.precisions_ms)[:2]
        yield _row(
            "boxes",
            f"on {found.images} golden images {found.both} found by both, {found.first_alone} by {first} alone, "
            f"{found.second_alone} by {second} alone;",
        )
        yield _row("", f"those of both differ by at most {found.confidence:.3f} confidence and {found.xyxy_px:.1f} px")
    elif figures.precisions_ms:
        yield _row("boxes", "not compared: the package has no golden images")


def _threads(figures: Figures) -> str:
    one_ms = figures.threads_ms[min(figures.threads_ms)]
    times = [
        f"{threads}: {milliseconds(ms)} ms" + (f" ({one_ms / ms:.2f}x)" if ms != one_ms else "")
        for threads, ms in figures.threads_ms.items()
    ]
    suggested, current = figures.suggested_threads, figures.model.threads
    advice = f"keep threads = {current}" if suggested == current else f"threads = {suggested} is worth trying"
    return f"{'; '.join(times)}: {advice}"


def _precisions(figures: Figures) -> str:
    medians_ms, running, suggested = figures.precisions_ms, figures.model.precision, figures.suggested_precision
    if not medians_ms:
        return f"the package has {running} only"
    slowest_ms = max(medians_ms.values())
    times = "; ".join(f"{name}: {milliseconds(ms)} ms ({slowest_ms / ms:.2f}x)" for name, ms in medians_ms.items())
    return f"{times}: " + (f"keep {running}" if suggested == running else f"{suggested} is worth trying")


def _verdict(figures: Figures) -> Iterator[str]:
    threads, rate_hz, unit = figures.model.threads, figures.sustained.rate_hz, figures.feed.unit
    total = figures.paced.stages["total"]
    within = f"within {_at_most(total.p99)} ms in 99 of 100 cases"
    yield f"With threads = {threads} this box inspects about {_about(rate_hz)} {unit}/s. Ask it for at most"
    yield f"{figures.largest_rate_hz:g} {unit}/s (rate_hz): then each is judged {within}."
    for warning in warnings(figures):
        yield f"warning: {warning}"


def _row(name: str, content: str) -> str:
    return f"{name:<11}{content}"


def _cells(times: Percentiles) -> str:
    return "".join(f"{milliseconds(value):>9}" for value in (times.p50, times.p95, times.p99))


def _by(wh: tuple[int, int]) -> str:
    return f"{wh[0]}x{wh[1]}"


def _about(rate_hz: float) -> str:
    """Return a rate as precisely as such a measurement repeats."""
    return f"{round_down(rate_hz):g}"


def _at_most(ms: float) -> str:
    """Return a time rounded up: whole milliseconds, below 10 tenths of them."""
    step = 1.0 if ms >= 10 else 0.1
    return f"{-(-ms // step) * step:g}"
