"""Live cameras as sources: which camera it is, and what makes parts of its frames."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias, assert_never

from edge_inspector.errors import ConfigError
from edge_inspector.settings import (
    CommandTrigger,
    DigitalTrigger,
    GenicamSource,
    HardwareTrigger,
    IdentitySettings,
    IndustrialSettings,
    LiveSettings,
    NetworkSource,
    PartSensorTrigger,
    PiCameraSource,
    PlcSettings,
    PlcTrigger,
    PylonSource,
    Settings,
    TimerTrigger,
    UsbSource,
)
from edge_inspector.sources.address import read_address
from edge_inspector.sources.framing import FrameMaker
from edge_inspector.sources.freshness import ByArrival, ByStreamClock, Freshness
from edge_inspector.sources.genicam.camera import GenicamCamera
from edge_inspector.sources.genicam.pylon import PylonCamera
from edge_inspector.sources.line_scan import LineScan
from edge_inspector.sources.live import Camera, LiveOptions, LiveSource, Taker, TakerMaker
from edge_inspector.sources.opencv import NetworkCamera, UsbCamera, prepare_ffmpeg
from edge_inspector.sources.outlet import Outlet
from edge_inspector.sources.picamera import PiCamera
from edge_inspector.sources.rolls import RollDesk
from edge_inspector.sources.triggers.command import CommandSignal
from edge_inspector.sources.triggers.desk import Desk
from edge_inspector.sources.triggers.digital import DigitalSignal
from edge_inspector.sources.triggers.identity import PlcIdentity
from edge_inspector.sources.triggers.naming import Announcements, Identify, PartNames
from edge_inspector.sources.triggers.part_sensor import SensorOptions
from edge_inspector.sources.triggers.picked import PickedParts
from edge_inspector.sources.triggers.plc import PlcSignal
from edge_inspector.sources.triggers.sensed import SensedParts
from edge_inspector.sources.triggers.signal import Signal
from edge_inspector.sources.triggers.signaled import SignaledParts
from edge_inspector.sources.triggers.timer import TimerSignal
from edge_inspector.sources.triggers.wired import WiredParts
from edge_inspector.sources.web_speed import WebSpeed

_PATIENCE = 3  # a camera is trusted from its third picture, each of which may take the read time-out
_SLACK_S = 10.0  # of a driver over its own time-outs, and to find out why a camera could not be opened

OpenCamera: TypeAlias = Callable[[], Camera]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSide:
    """What parts come with from the line; it serves one source after another.

    Attributes:
        names: Names the parts.
        rolls: Names the rolls of a web, and takes the wishes to end one.
        announced: Parts that were announced by command.
        command: Brings the triggers that come by command.
        plc: The PLC, where there is one.
        identity: What it knows of the parts.
        on_product: Takes what the PLC says that the line makes, whenever that changes; must not wait.
        queue_size: So many triggers, and so many frames, may wait.
        deadline_ms: A part closes so long after the capture of its first frame; never when None.
    """

    names: PartNames
    rolls: RollDesk
    announced: Announcements = field(default_factory=Announcements)
    command: CommandSignal = field(default_factory=CommandSignal)
    plc: PlcSettings | None = None
    identity: IdentitySettings | None = None
    on_product: Callable[[str], None] | None = None
    queue_size: int = 8
    deadline_ms: float | None = None


def line_side(
    settings: Settings,
    session_started_at: datetime,
    *,
    deadline_ms: float | None,
    on_product: Callable[[str], None] | None = None,
) -> LineSide:
    """Return what the parts of a station come with.

    Args:
        settings: The whole configuration.
        session_started_at: Start of this run of the daemon.
        deadline_ms: A part closes so long after the capture of its first frame; never when None.
        on_product: Takes what the PLC says that the line makes, whenever that changes; must not wait.
    """
    announced = Announcements()
    return LineSide(
        names=PartNames(session_started_at, announced, deadline_ms=deadline_ms),
        rolls=RollDesk(session_started_at),
        announced=announced,
        plc=settings.plc,
        identity=settings.identity,
        on_product=on_product,
        queue_size=settings.flow.queue_size,
        deadline_ms=deadline_ms,
    )


def no_line() -> LineSide:
    """Return the side of a line of which nothing is known, for looking at a source alone."""
    announced, now = Announcements(), datetime.now(UTC)
    return LineSide(names=PartNames(now, announced, deadline_ms=None), rolls=RollDesk(now), announced=announced)


def live_source(
    settings: LiveSettings, *, gray: bool, staleness_s: float, line: LineSide, speed: WebSpeed | None = None
) -> LiveSource:
    """Return a live camera as a source, opened when its first frame is asked for.

    Args:
        settings: Which camera.
        gray: The model needs no colors.
        staleness_s: Pictures of a free-running camera that may be older are passed over.
        line: What its parts come with.
        speed: Runs beside a line-scan camera whose lines are as long as the web is fast.

    Raises:
        ConfigError: If a file that it names cannot be used, or its trigger needs a PLC and there is none.
    """
    is_web = isinstance(settings, IndustrialSettings) and settings.web is not None
    has_turns = settings.is_triggered or is_web
    options = LiveOptions(
        staleness_s,
        patience_s=_PATIENCE * settings.read_timeout_s,
        stuck_after_s=settings.open_timeout_s + settings.read_timeout_s + _SLACK_S,
        reopen_min_s=settings.reopen_min_s,
        reopen_max_s=settings.reopen_max_s,
        frozen_after_s=settings.frozen_after_s or None,
        gray=gray,
        waiting_frames=line.queue_size if has_turns else 2,
        keeps_turns=has_turns,
    )
    name, open_camera, freshness = camera_of(settings, gray=gray, staleness_s=staleness_s)
    taker: TakerMaker | None = partial(LineScan, speed=speed) if is_web else None
    if settings.trigger is not None:
        taker = _part_taker(settings, options, freshness, line)
    return LiveSource(name, open_camera, freshness, options, taker=taker)


def camera_of(
    settings: LiveSettings, *, gray: bool = False, staleness_s: float = math.inf
) -> tuple[str, OpenCamera, Freshness]:
    """Return what a camera is called, what opens it, and what judges how old pictures without a time are."""
    by_arrival = ByArrival(staleness_s)
    match settings:
        case UsbSource():
            return str(settings.device), partial(UsbCamera, settings), by_arrival
        case NetworkSource():
            prepare_ffmpeg(settings.transport)
            address = read_address(settings)
            freshness = ByStreamClock() if address.has_clock else by_arrival
            # The password file is read at every attempt: it may have been renewed.
            return address.public, lambda: NetworkCamera(settings, read_address(settings)), freshness
        case PiCameraSource():
            return f"Pi camera {settings.camera}", partial(PiCamera, settings), by_arrival
        case GenicamSource():
            return settings.camera or "GenICam camera", partial(GenicamCamera, settings, gray=gray), by_arrival
        case PylonSource():
            return settings.camera or "Basler camera", partial(PylonCamera, settings, gray=gray), by_arrival
    assert_never(settings)


def _part_taker(settings: LiveSettings, options: LiveOptions, freshness: Freshness, line: LineSide) -> TakerMaker:
    """Return what makes parts of a camera's frames, by its trigger."""
    names, trigger = line.names, settings.trigger

    def make(outlet: Outlet, frames: FrameMaker) -> Taker:
        identify = _identify(line, outlet)
        match trigger:
            case HardwareTrigger():
                return WiredParts(
                    outlet,
                    frames,
                    name=lambda captured_ns: names.name(captured_ns, identify=identify),
                    frames_per_part=settings.frames_per_part,
                    deadline_ns=None if line.deadline_ms is None else int(line.deadline_ms * 1e6),
                )
            case PartSensorTrigger():
                return SensedParts(
                    outlet,
                    frames,
                    freshness,
                    sensor=SensorOptions(trigger.roi, trigger.difference, trigger.covered),
                    name=lambda captured_ns: names.name(captured_ns, identify=identify),
                    staleness_s=options.staleness_s,
                    patience_s=options.patience_s,
                    frozen_after_s=options.frozen_after_s,
                )
            case TimerTrigger() | CommandTrigger() | DigitalTrigger() | PlcTrigger():
                desk = Desk(
                    outlet,
                    frames,
                    _signal(trigger, line),
                    name=lambda captured_ns, told: names.name(captured_ns, trigger=told, identify=identify),
                    frames_per_part=settings.frames_per_part,
                    queue_size=line.queue_size,
                    waits_for_camera=isinstance(trigger, TimerTrigger),
                )
                if settings.takes_triggers:
                    return SignaledParts(
                        outlet, frames, desk, timeout_s=settings.read_timeout_s, deadline_ms=line.deadline_ms
                    )
                return PickedParts(
                    outlet,
                    frames,
                    freshness,
                    desk,
                    staleness_s=options.staleness_s,
                    patience_s=options.patience_s,
                    frozen_after_s=options.frozen_after_s,
                )
            case None:
                msg = "source.trigger: expected one, found none"
                raise ConfigError(msg)
        assert_never(trigger)

    return make


def _signal(trigger: TimerTrigger | CommandTrigger | DigitalTrigger | PlcTrigger, line: LineSide) -> Signal:
    match trigger:
        case TimerTrigger():
            return TimerSignal(trigger.rate_hz)
        case CommandTrigger():
            return line.command
        case DigitalTrigger():
            return DigitalSignal(trigger)
        case PlcTrigger():
            if line.plc is None:
                msg = "source.trigger: it is the PLC's; expected section plc, found none"
                raise ConfigError(msg)
            return PlcSignal(line.plc, trigger)
    assert_never(trigger)


def _identify(line: LineSide, outlet: Outlet) -> Identify | None:
    """Return what asks the PLC for the part of a frame; None where it is not asked."""
    if line.plc is None or line.identity is None:
        return None
    identity = PlcIdentity(
        line.plc,
        line.identity,
        trouble=lambda alarm, text: outlet.trouble(alarm, "identity", text),
        well=lambda alarm, text: outlet.well(alarm, "identity", text),
        on_product=line.on_product,
    )
    outlet.companions.append(identity)
    return identity.at
