"""Takes the measurements in turn, each for its share of the time, however fast or slow the model is."""

import itertools
import statistics
import time
from collections.abc import Callable

from edge_inspector import __version__
from edge_inspector.app import open_model, topic_tree
from edge_inspector.app.detector import configured_package, with_model_in_force
from edge_inspector.bench.bare import BareModels, feeds_of
from edge_inspector.bench.figures import (
    HEADROOM,
    Feed,
    Figures,
    ModelFacts,
    Paced,
    Percentiles,
    Sustained,
    Turns,
    thread_counts,
)
from edge_inspector.bench.line import (
    DroppingSink,
    LineRun,
    MemoryCamera,
    Pictures,
    RecordingWriter,
    inspector_of,
    judge,
    run_line,
)
from edge_inspector.bench.machine import CpuClock, describe_machine, memory_mb
from edge_inspector.bench.timing import Call, repeat, take_turns
from edge_inspector.detectors.model_file import ModelFile, ModelPackage
from edge_inspector.detectors.tiled import TiledDetector
from edge_inspector.errors import FrameError
from edge_inspector.events import EventWriter
from edge_inspector.imaging import decode_image
from edge_inspector.pipeline.inspector import Inspector, Model
from edge_inspector.settings import (
    DirectorySource,
    IndustrialSettings,
    LiveCamera,
    Settings,
    SimulatedWebSource,
    SourceSettings,
)
from edge_inspector.sources.directory import list_images

# Shares of the time; loading and rendering come on top.
_SUSTAINED, _PACED, _TURNS, _THREADS, _PRECISIONS = 0.2, 0.25, 0.25, 0.2, 0.1
_WARM_UP_S = 0.5
_CAMERA_WH = (1920, 1080)  # where nobody says
# The order in which a part passes them; what a later version adds comes behind.
_STAGES = ("read", "queue", "preprocess", "inference", "postprocess", "decide", "total", "event")

Progress = Callable[[str], object]


def measure(
    settings: Settings, *, image_wh: tuple[int, int] | None = None, seconds: float = 30.0, progress: Progress
) -> Figures:
    """Measure the configured model on this machine; no camera, no broker, no network.

    Args:
        settings: Model, threads and policy; of the source the size of its images, whether it decodes them, its rate,
            and how many frames a part has.
        image_wh: Size of the frames; by default that of the configured source.
        seconds: Time for measuring, above 0. A model so slow that a few parts take longer gets longer.
        progress: Told what is done now.

    Raises:
        ModelError: If the package cannot be used, or the model fails on a frame.
        ConfigError: If the policy contradicts the model.
        SourceError: If the configured folder holds no images.
        FrameError: If its first image is none.
    """
    began_s, machine = time.monotonic(), describe_machine()
    settings = with_model_in_force(settings)
    package = ModelPackage.open(configured_package(settings))
    file, threads = package.file(settings.model.precision), settings.model.threads
    with open_model(settings) as (model, _):
        progress("rendering frames")
        feed, pictures = _feed(settings, image_wh, model)
        way = whole_way(_inspector(model, settings), _writer(settings), pictures)
        repeat(way, seconds=min(_WARM_UP_S, seconds), least=2)
        clock, clock_s = CpuClock.now(), time.monotonic()
        # First the line: afterwards further models are in memory, which no daemon has.
        progress("running the line as fast as it goes")
        sustained = _sustained(_line(model, settings, feed, pictures, seconds=seconds * _SUSTAINED))
        rate_hz = sustained.rate_hz * HEADROOM
        progress(f"running the line at {rate_hz:.3g} {feed.unit}/s")
        run = _line(model, settings, feed, pictures, seconds=seconds * _PACED, rate_hz=rate_hz)
        paced = Paced(rate_hz, _stages(run, decoded=feed.decoded))
        progress("timing the model alone and the whole way in turns")
        bare = BareModels(package, feeds_of(package, pictures.frame(0).image))
        runs = model.detector.views(feed.image_wh) if isinstance(model.detector, TiledDetector) else 1
        turns = _turns(bare.call(file, threads), way, seconds * _TURNS, runs)
    progress("timing threads")
    threads_ms = bare.by_threads(file, thread_counts(machine.whole_cores, threads), seconds * _THREADS)
    progress("timing precisions")
    precisions_ms = bare.by_precision(threads, seconds * _PRECISIONS)
    surroundings = clock.until(CpuClock.now(), time.monotonic() - clock_s)
    return Figures(
        version=__version__,
        seconds=time.monotonic() - began_s,
        machine=machine,
        surroundings=surroundings,
        model=_facts(package, file, threads),
        feed=feed,
        sustained=sustained,
        paced=paced,
        turns=turns,
        threads_ms=threads_ms,
        precisions_ms=precisions_ms,
        agreement=bare.agreement(threads),
    )


def whole_way(inspector: Inspector, writer: EventWriter, pictures: Pictures) -> Call:
    """Return a call that takes the next frame from its pixels, or its JPEG, to a written event."""
    sink, numbers = DroppingSink(), itertools.count()

    def judge_next() -> None:
        for message in writer.of_result(judge(inspector, pictures.frame(next(numbers)))):
            sink.send(message)

    return judge_next


def _feed(settings: Settings, image_wh: tuple[int, int] | None, model: Model) -> tuple[Feed, Pictures]:
    """Render what the model is shown, as the configured source would deliver it."""
    source = settings.source
    decoded = isinstance(source, DirectorySource)
    wh, wh_from = _image_wh(source) if image_wh is None else (image_wh, "asked for")
    least_wh = model.smallest_wh if decoded else None
    pictures = Pictures.tags(wh, gray=model.is_gray, decoded=decoded, smallest_wh=least_wh)
    feed = Feed(
        wh,
        wh_from,
        1 if model.is_gray else 3,
        source.type,
        decoded=decoded,
        memory_mb=pictures.memory_mb,
        unit="parts" if source.is_triggered else "frames",
        frames_per_part=getattr(source, "frames_per_part", 1),
        wanted_hz=_wanted_hz(source),
        deadline_ms=settings.flow.deadline_ms,
    )
    return feed, pictures


def _wanted_hz(source: SourceSettings) -> float | None:
    """Return how many frames a second a source brings; None where the camera or the line decides."""
    if isinstance(source, SimulatedWebSource):
        advance = source.web.frame_lines - source.web.overlap_lines
        return None if source.lines_hz is None else source.lines_hz / advance
    trigger = source.trigger if isinstance(source, LiveCamera) else None
    rate_hz: float | None = getattr(source if trigger is None else trigger, "rate_hz", None)
    return rate_hz


def _image_wh(source: SourceSettings) -> tuple[tuple[int, int], str]:
    """Return the size of a source's images, and where it is from; no camera is opened."""
    if isinstance(source, DirectorySource):
        path = list_images(source.path)[0]
        try:
            height, width = decode_image(path.read_bytes(), str(path)).shape[:2]
        except OSError as error:
            msg = f"{path}: cannot be read: {error.strerror}"
            raise FrameError(msg) from error
        return (width, height), f"as {path.name}"
    wh: tuple[int, int] | None = getattr(source, "image_wh", None)
    if isinstance(source, IndustrialSettings) and source.region is not None:
        wh = source.region[2:]
    return (
        (_CAMERA_WH, "the camera's is not known: see --image") if wh is None else (wh, f"as the {source.type} source")
    )


def _writer(settings: Settings) -> RecordingWriter:
    return RecordingWriter(topic_tree(settings), "bench", settings.station.product, settings.station.lot)


def _inspector(model: Model, settings: Settings) -> Inspector:
    return inspector_of(model, topic_tree(settings), "bench")


def _line(  # noqa: PLR0913 - what runs, and for how long
    model: Model, settings: Settings, feed: Feed, pictures: Pictures, *, seconds: float, rate_hz: float | None = None
) -> LineRun:
    camera = MemoryCamera(pictures, seconds=seconds, rate_hz=rate_hz, frames_per_part=feed.frames_per_part)
    return run_line(model, _writer(settings), camera)


def _sustained(run: LineRun) -> Sustained:
    resident_mb, peak_mb = memory_mb()
    return Sustained(run.rate_hz, len(run.samples), run.cores_used, resident_mb, peak_mb, run.lost)


def _stages(run: LineRun, *, decoded: bool) -> dict[str, Percentiles]:
    times: dict[str, list[float]] = {"read": list(run.read_ms)} if decoded else {}
    for sample in run.samples:
        for stage, value in {**sample.latency_ms, "event": sample.event_ms}.items():
            times.setdefault(stage, []).append(value)
    stages = sorted(times, key=lambda stage: _STAGES.index(stage) if stage in _STAGES else len(_STAGES))
    return {stage: Percentiles.of(times[stage]) for stage in stages}


def _turns(bare: Call, whole: Call, seconds: float, runs: int) -> Turns:
    bare_ms, whole_ms = take_turns((bare, whole), seconds=seconds)
    half = len(bare_ms) // 2
    halves = statistics.median(bare_ms[:half]), statistics.median(bare_ms[half:])
    return Turns(Percentiles.of(bare_ms), Percentiles.of(whole_ms), halves, runs)


def _facts(package: ModelPackage, file: ModelFile, threads: int) -> ModelFacts:
    manifest = package.manifest
    return ModelFacts(
        manifest.name,
        manifest.version,
        file.precision,
        {other.precision: (package.folder / other.path).stat().st_size / 1e6 for other in manifest.files},
        manifest.input.model_wh,
        manifest.input.color.value,
        manifest.input.dtype,
        threads,
    )
