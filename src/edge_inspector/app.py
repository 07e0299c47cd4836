"""Choice: the only module, with the demo, that names concrete sources, detectors and sinks."""

import math
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import assert_never

import cv2

from edge_inspector.decision import ClassPolicy, Policy, Verdict
from edge_inspector.detectors.model_file import ModelPackage, Thresholds
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.detectors.tiled import TiledDetector
from edge_inspector.errors import ConfigError
from edge_inspector.events import OVERRIDE_LAPSED, Alarm, EventWriter, Severity
from edge_inspector.identity import session_id
from edge_inspector.pipeline.deliver import Deliverer, Losses
from edge_inspector.pipeline.flow import FlowOptions, Pipeline
from edge_inspector.pipeline.handover import HandoverOptions, WhenFull
from edge_inspector.pipeline.inspector import Inspector, Model
from edge_inspector.ports import EventSink, FrameSource
from edge_inspector.regions import Region
from edge_inspector.settings import (
    DEFAULT_DEADLINE_MS,
    ClassThresholds,
    DirectorySource,
    FlowSettings,
    LiveSettings,
    MqttSettings,
    NetworkSource,
    PiCameraSource,
    PolicySettings,
    Settings,
    SimulatedSource,
    SourceSettings,
    StationSettings,
    TilingSettings,
    UsbSource,
    VideoSource,
)
from edge_inspector.sinks.log import LogSink
from edge_inspector.sinks.mqtt import MqttSink
from edge_inspector.sources.address import read_address
from edge_inspector.sources.directory import DirectorySource as Directory
from edge_inspector.sources.freshness import ByArrival, ByStreamClock
from edge_inspector.sources.live import LiveOptions, LiveSource
from edge_inspector.sources.opencv import NetworkCamera, UsbCamera, prepare_ffmpeg
from edge_inspector.sources.picamera import PiCamera
from edge_inspector.sources.simulated import SimulatedLine
from edge_inspector.sources.video import VideoSource as Video
from edge_inspector.tiling import Tiling
from edge_inspector.topics import TopicTree
from edge_inspector.tracks import Tracker, TrackOptions, lowest_score

SHIPPED_MODEL = Path(__file__).parent / "shipped_model"
_PATIENCE = 3  # a camera is trusted from its third picture, each of which may take the read time-out
_SLACK_S = 10.0  # of a driver over its own time-outs, and to find out why a camera could not be opened


@contextmanager
def build(
    settings: Settings, stop: threading.Event, *, sinks: Mapping[str, EventSink] | None = None
) -> Iterator[Pipeline]:
    """Open everything that the settings name and yield the pipeline; close it all afterwards.

    Args:
        settings: The whole configuration.
        stop: Ends every wait.
        sinks: Further sinks, by name.

    Raises:
        ConfigError: If the policy contradicts the model, or a file that the settings name cannot be used.
        ModelError: If the model package cannot be used.
        SourceError: If the source cannot be opened.
    """
    started_at = datetime.now(UTC)
    session = session_id(started_at, os.urandom(10))
    writer = EventWriter(topic_tree(settings), session, settings.station.product, settings.station.lot)
    with ExitStack() as stack:
        follows = None if settings.source.is_triggered else TrackOptions(**settings.tracks.model_dump())
        model, alarms = stack.enter_context(open_model(settings, follows=follows))
        source = open_source(settings.source, stop, gray=model.is_gray, staleness_ms=settings.flow.staleness_ms)
        if isinstance(source, LiveSource):
            stack.enter_context(source)
        losses = Losses()
        all_sinks: dict[str, EventSink] = {"log": LogSink(), **(sinks or {})}
        if settings.mqtt is not None:
            all_sinks["mqtt"] = stack.enter_context(_mqtt_sink(settings.mqtt, writer, started_at, losses))
        yield Pipeline(
            source,
            Inspector(
                model,
                station_path=writer.topics.station_path,
                camera=writer.topics.camera,
                session=session,
            ),
            writer,
            Deliverer(writer, all_sinks, queue_size=settings.flow.deliver_queue_size, losses=losses),
            options=_flow_options(settings.flow, settings.source),
            session_started_at=started_at,
            tracker=None if follows is None else Tracker(model.class_names, model.policy, follows),
            standing_alarms=alarms,
        )


def topic_tree(settings: Settings) -> TopicTree:
    """Return the topics of the configured station."""
    station = settings.station
    return TopicTree(station.topic_prefix, station.site, station.line, station.station, station.camera)


@contextmanager
def open_model(
    settings: Settings, *, min_confidence: float = 1.0, follows: TrackOptions | None = None
) -> Iterator[tuple[Model, tuple[Alarm, ...]]]:
    """Open the configured model package, or the shipped demo model, and yield it with the alarms that it gives rise to.

    Args:
        settings: Model and policy.
        min_confidence: Weaker detections than the policy asks for are found too, from this confidence on.
        follows: How the defects of a free-running source are followed: it needs to see them when they are weak.

    Raises:
        ModelError: If the package cannot be used.
        ConfigError: If the policy contradicts it.
    """
    # OpenCV's own threads would fight the detector's for the same cores.
    cv2.setNumThreads(1)
    # What it cannot decode is an error of ours already; its own lines would break logs that are JSON.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    package = ModelPackage.open(SHIPPED_MODEL if settings.model.path is None else settings.model.path)
    file = package.file(settings.model.precision)
    policy, alarms = build_policy(settings.policy, package.thresholds(file), file.sha256)
    report_at = min(limits.review_at for limits in policy.classes.values())
    floor = report_at if follows is None else lowest_score(policy, follows)
    with OnnxDetector(
        package, file, threads=settings.model.threads, min_confidence=min(floor, min_confidence)
    ) as detector:
        tiling = _tiling(settings.model.tiling, package.manifest.input.model_wh)
        looks = detector if tiling is None else TiledDetector(detector, tiling)
        yield Model(looks, looks.identity, looks.class_names, policy, looks.is_gray, report_at), alarms


def smallest_wh(settings: Settings) -> tuple[int, int] | None:
    """Return the width and height of the model's input, beyond which a frame's pixels are only resized away.

    None where every pixel counts: tiles are looked at as they are.

    Raises:
        ModelError: If the package cannot be used.
    """
    if settings.model.tiling is not None:
        return None
    return ModelPackage.open(settings.model.path or SHIPPED_MODEL).manifest.input.model_wh


def _tiling(settings: TilingSettings | None, model_wh: tuple[int, int]) -> Tiling | None:
    if settings is None:
        return None
    try:
        tile_wh, overlap_px = settings.sizes(model_wh)
    except ValueError as error:
        msg = f"model.tiling: {error}"
        raise ConfigError(msg) from error
    return Tiling(tile_wh, overlap_px, settings.whole_frame)


def build_policy(
    settings: PolicySettings, model: Mapping[str, Thresholds], sha256: str
) -> tuple[Policy, tuple[Alarm, ...]]:
    """Return the policy in force for a model, and what a person should know about it.

    The model's thresholds rule. Thresholds in the configuration were made for one model file; they lapse, with an
    alarm, when another one runs.

    Args:
        settings: What the configuration asks for.
        model: The model's thresholds, one entry a class.
        sha256: The model's file.

    Raises:
        ConfigError: If the policy names a class that the model lacks.
    """
    override = settings.override
    alarms: tuple[Alarm, ...] = ()
    if override is not None and override.model_sha256 != sha256:
        alarms = (_override_lapsed(override.model_sha256, sha256),)
        override = None
    replaced = {} if override is None else override.classes
    named = set(settings.min_area_px) | set(replaced)
    if missing := sorted(named - set(model)):
        msg = f"policy: the model has no class {', '.join(missing)}; its classes are {', '.join(sorted(model))}"
        raise ConfigError(msg)
    thresholds: dict[str, Thresholds | ClassThresholds] = {**model, **replaced}
    classes = {
        label: ClassPolicy(entry.review_at, entry.reject_at, settings.min_area_px.get(label, 0.0))
        for label, entry in thresholds.items()
    }
    policy = Policy(
        classes,
        roi=Region.of(settings.roi) if settings.roi else None,
        ignore=Region.of(settings.ignore) if settings.ignore else None,
        fail_safe=Verdict(settings.fail_safe),
    )
    return policy, alarms


def check(settings: Settings) -> list[str]:
    """Open everything that needs no network, close it again, and return what a person should know.

    Raises:
        InspectorError: As `build`.
    """
    with open_model(settings) as (model, alarms):
        remarks = [f"model {model.identity.name} {model.identity.version}, classes {', '.join(model.class_names)}"]
        if isinstance(model.detector, TiledDetector) and isinstance(settings.source, SimulatedSource):
            width, height = settings.source.image_wh
            remarks.append(f"a frame of {width} x {height} px takes {model.detector.views((width, height))} inferences")
    open_source(settings.source, threading.Event())
    remarks += [f"{alarm.text} {alarm.what_to_do}" for alarm in alarms]
    if settings.mqtt is None:
        remarks.append("no [mqtt] section: verdicts go to the log alone")
    else:
        _mqtt_sink(settings.mqtt, EventWriter(topic_tree(settings), session=""), datetime.now(UTC), Losses())
    if settings.station.topic_prefix != StationSettings().topic_prefix:
        remarks.append("topic_prefix is not the default: merge the accessControl of the Greengrass recipe accordingly")
    return [*remarks, "usable"]


def open_source(
    settings: SourceSettings, stop: threading.Event, *, gray: bool = False, staleness_ms: float = math.inf
) -> FrameSource:
    """Open the configured source; a live camera is opened only when its first frame is asked for.

    Args:
        settings: Which one.
        stop: Ends its waits.
        gray: The model needs no colors.
        staleness_ms: Pictures of a live camera that may be older are passed over.

    Raises:
        SourceError: If it cannot be opened.
        ConfigError: If a file that it names cannot be used.
    """
    match settings:
        case SimulatedSource():
            return SimulatedLine(settings, stop)
        case DirectorySource():
            return Directory(settings.path, loop=settings.loop, rate_hz=settings.rate_hz, stop=stop, gray=gray)
        case VideoSource():
            return Video(settings.path, loop=settings.loop, rate_hz=settings.rate_hz, stop=stop, gray=gray)
        case UsbSource() | NetworkSource() | PiCameraSource():
            return _live_source(settings, gray=gray, staleness_s=staleness_ms / 1000)
    assert_never(settings)


def _live_source(settings: LiveSettings, *, gray: bool, staleness_s: float) -> LiveSource:
    options = LiveOptions(
        staleness_s,
        patience_s=_PATIENCE * settings.read_timeout_s,
        stuck_after_s=settings.open_timeout_s + settings.read_timeout_s + _SLACK_S,
        reopen_min_s=settings.reopen_min_s,
        reopen_max_s=settings.reopen_max_s,
        frozen_after_s=settings.frozen_after_s or None,
        gray=gray,
    )
    by_arrival = ByArrival(staleness_s)
    match settings:
        case UsbSource():
            return LiveSource(str(settings.device), partial(UsbCamera, settings), by_arrival, options)
        case NetworkSource():
            prepare_ffmpeg(settings.transport)
            address = read_address(settings)
            freshness = ByStreamClock() if address.has_clock else by_arrival
            # The password file is read at every attempt: it may have been renewed.
            return LiveSource(
                address.public, lambda: NetworkCamera(settings, read_address(settings)), freshness, options
            )
        case PiCameraSource():
            return LiveSource(f"Pi camera {settings.camera}", partial(PiCamera, settings), by_arrival, options)
    assert_never(settings)


def _mqtt_sink(settings: MqttSettings, writer: EventWriter, started_at: datetime, losses: Losses) -> MqttSink:
    topics = writer.topics
    return MqttSink(
        settings,
        client_id=settings.client_id or f"{topics.prefix}/{topics.station_path}/{topics.camera}",
        will=writer.status("offline", session_started_at=started_at),
        on_undelivered=lambda cause, message: losses.add(f"mqtt_{cause}", message.topic),
    )


def _flow_options(flow: FlowSettings, source: SourceSettings) -> FlowOptions:
    match source:
        case SimulatedSource():
            newest_wins = HandoverOptions(1, WhenFull.REPLACE)
            handover = HandoverOptions(flow.queue_size, WhenFull.REFUSE) if source.is_triggered else newest_wins
        case DirectorySource():
            # Images on disk can wait; a paced folder still plays a camera that cannot.
            handover = HandoverOptions(flow.queue_size, WhenFull.WAIT if source.rate_hz is None else WhenFull.REFUSE)
        case VideoSource():
            handover = HandoverOptions(1, WhenFull.WAIT if source.rate_hz is None else WhenFull.REPLACE)
        case UsbSource() | NetworkSource() | PiCameraSource():
            handover = HandoverOptions(1, WhenFull.REPLACE)
        case _:
            assert_never(source)
    frames_per_part = source.frames_per_part if isinstance(source, SimulatedSource | DirectorySource) else 1
    return FlowOptions(
        handover,
        frames_per_part=frames_per_part,
        deadline_ms=flow.deadline_ms or (DEFAULT_DEADLINE_MS if frames_per_part > 1 else None),
        # A frame that the line waits for is never too old.
        staleness_ms=math.inf if handover.when_full is WhenFull.WAIT else flow.staleness_ms,
        max_results_hz=flow.max_results_hz,
        stats_interval_s=flow.stats_interval_s,
    )


def _override_lapsed(wanted: str, running: str) -> Alarm:
    return Alarm(
        OVERRIDE_LAPSED,
        Severity.WARNING,
        f"The thresholds in the configuration were made for model {wanted[:12]}, but {running[:12]} is running: "
        "the model's own thresholds are in force.",
        "Check the verdicts of the new model, then remove policy.override or bind it to this model.",
    )
