"""What a station says of itself while it runs: its status, its state, its camera, and the alarms of both."""

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from edge_inspector.alarms import (
    ALARM_NAMES,
    PLC_UNREACHABLE,
    TRIGGER_LOST,
    TRIGGER_UNAVAILABLE,
    Alarm,
    Severity,
    camera_alarm,
)
from edge_inspector.camera import CameraFault, CameraReport, CameraStatus, SourceTrouble
from edge_inspector.events import EventWriter, Json, ModelChange, StationState
from edge_inspector.inspection import ModelIdentity
from edge_inspector.pipeline.alarms import Alarms
from edge_inspector.pipeline.deliver import Deliverer

_WHAT_TO_DO = {
    CameraFault.LOST: "Check the camera's power, cable, network and address; the station keeps trying.",
    CameraFault.FROZEN: "Restart the camera; if its picture may stand still, set source.frozen_after_s accordingly.",
}
_TROUBLES = {
    PLC_UNREACHABLE: "Check the PLC's power, network and address (section plc); the station keeps trying.",
    TRIGGER_UNAVAILABLE: "Check source.trigger, and that the PLC, or the line, is there; the station keeps trying.",
    TRIGGER_LOST: "Slow the line down, shorten the camera's exposure, or debounce the trigger.",
}

CameraAccounts: TypeAlias = dict[str, Json]


@dataclass(frozen=True, slots=True)
class PresentState:
    """What a station has said last of itself.

    Attributes:
        state, reason: Of the station; the reason is None where there is nothing to say.
        since: When it began, aware UTC; None before the first word.
        camera, camera_reason: Likewise; None before the first word of the camera.
        model: The model that looks at frames.
        product: What the line is set up for.
    """

    state: StationState
    reason: str | None
    since: datetime | None
    camera: CameraStatus | None
    camera_reason: str | None
    model: ModelIdentity
    product: str | None


class Presence:
    """Publishes the topics that carry the present, when it changes.

    The capture thread tells it of frames and camera; another one starts and ends it, and reads the accounts.
    """

    def __init__(
        self,
        writer: EventWriter,
        deliverer: Deliverer,
        alarms: Alarms,
        *,
        model: ModelIdentity,
        session_started_at: datetime,
    ) -> None:
        """Start with a camera of which nothing is known.

        Args:
            writer: Writes the messages.
            deliverer: Takes them.
            alarms: Takes the camera's.
            model: The model that is running.
            session_started_at: Start of this run of the daemon, aware UTC.
        """
        self._writer = writer
        self._put = deliverer.put
        self._alarms = alarms
        self._model, self._product = model, writer.product
        self._session_started_at = session_started_at
        self._lock, self._saying = threading.Lock(), threading.Lock()
        self._said: tuple[StationState, str | None] = StationState.INITIALIZED, None
        self._said_at: datetime | None = None
        self._camera: CameraStatus | None = None
        self._camera_reason: str | None = None
        self._executes = self._waits = False
        self._last_frame_at: datetime | None = None
        self._outages, self._away_s = 0, 0.0
        self._without_trigger: str | None = None
        self._is_opened_anew = False

    def started(self, standing_alarms: tuple[Alarm, ...]) -> None:
        """Say that the station is here; alarms that are known by then last as long as it runs."""
        now = datetime.now(UTC)
        self._put(self._writer.status("online", session_started_at=self._session_started_at))
        self._put(self._writer.model_changed(now, model=self._model, previous=None, cause=ModelChange.START))
        self._say_state(StationState.INITIALIZED, now, "waiting for the first frame")
        self._alarms.forget_earlier(ALARM_NAMES)
        for alarm in standing_alarms:
            self._alarms.raise_(alarm, at=now, monotonic_s=time.monotonic(), lasting=True)

    def frame_came(self, captured_at: datetime) -> None:
        """Note a frame; the first one, and the first after an outage, sets the station to work."""
        self._last_frame_at = captured_at
        self._is_opened_anew = False
        if self._executes:
            return
        self._executes = True
        if self._camera is not CameraStatus.ONLINE or self._waits:
            self._clear_camera_alarms(captured_at)
            self._say_camera(CameraStatus.ONLINE, None)
        self._waits = False
        self._say_state(StationState.CONTINUOUS_EXECUTION, captured_at, None)

    def camera_changed(self, report: CameraReport) -> None:
        """Publish what a live source says of its camera."""
        self._is_opened_anew = False
        if report.fault is None:
            self._camera_is_back(report)
            return
        with self._lock:
            self._outages += self._camera is CameraStatus.ONLINE
        self._executes = self._waits = False
        self._clear_camera_alarms(report.at, but=report.fault)  # a frozen camera that is lost now is no longer frozen
        alarm = Alarm(camera_alarm(report.fault), Severity.CRITICAL, report.reason, _WHAT_TO_DO[report.fault])
        self._alarms.raise_(alarm, at=report.at, monotonic_s=time.monotonic(), lasting=True)
        self._say_camera(report.status, report.reason)
        self._say_state(StationState.ERROR, report.at, f"camera {report.fault}: {report.reason}")

    def opened_anew(self) -> None:
        """Note that another source takes the place of this one: nobody looks until that has a word of its camera."""
        self._is_opened_anew = True

    def trouble(self, trouble: SourceTrouble) -> None:
        """Raise or clear the alarm of something beside the camera that parts depend on."""
        if trouble.alarm == TRIGGER_UNAVAILABLE:
            with self._lock:
                self._without_trigger = None if trouble.is_over else trouble.text
        if trouble.is_over:
            self._alarms.clear(trouble.alarm, at=trouble.at, text=trouble.text)
            return
        alarm = Alarm(trouble.alarm, Severity.CRITICAL, trouble.text, _TROUBLES[trouble.alarm])
        self._alarms.raise_(alarm, at=trouble.at, monotonic_s=time.monotonic(), lasting=trouble.lasts)

    def model_changed(self, model: ModelIdentity) -> None:
        """Name another model in the state from now on; for the inspect thread."""
        self._model = model
        if self._executes:
            self._say_state(StationState.CONTINUOUS_EXECUTION, datetime.now(UTC), None)

    def changed_over(self, product: str, model: ModelIdentity) -> None:
        """Name another product in the state from now on, and the model that looks at it; for the inspect thread."""
        with self._saying:
            self._product, self._model = product, model
            state, reason = self._said
            self._put_state(state, datetime.now(UTC), reason)

    def ended(self, failure: str | None) -> None:
        """Say goodbye, with the reason where something failed."""
        is_away = self._camera in {CameraStatus.OFFLINE, CameraStatus.DEGRADED}
        reason = failure or (self._camera_reason if is_away else None)
        self._put(self._writer.camera_status("offline", last_frame_at=self._last_frame_at, reason=reason))
        self._say_state(StationState.HALTED if failure is None else StationState.ERROR, datetime.now(UTC), failure)
        self._put(self._writer.status("stopped", session_started_at=self._session_started_at))

    @property
    def why_unseen(self) -> str | None:
        """Why parts may pass that nobody looks at; None while each has its frames."""
        with self._lock:
            status, reason, without_trigger = self._camera, self._camera_reason, self._without_trigger
        if status is None:
            return "no frame has come yet"
        if self._is_opened_anew:
            return "another source is opened"
        if status is not CameraStatus.ONLINE:
            return f"the camera is {status}: {reason}"
        return None if without_trigger is None else f"{TRIGGER_UNAVAILABLE}: {without_trigger}"

    def now(self) -> PresentState:
        """Return what the station has said last of itself; for any thread."""
        with self._saying:
            (state, reason), since = self._said, self._said_at
            model, product = self._model, self._product
        with self._lock:
            camera, camera_reason = self._camera, self._camera_reason
        return PresentState(state, reason, since, camera, camera_reason, model, product)

    def camera_accounts(self) -> CameraAccounts:
        """Return the camera's status, how often it was away since it was first seen, and for how many seconds."""
        with self._lock:
            status = None if self._camera is None else self._camera.value
            return {"status": status, "outages": self._outages, "away_s": round(self._away_s, 3)}

    def _camera_is_back(self, report: CameraReport) -> None:
        with self._lock:
            self._away_s += report.away_s
        self._clear_camera_alarms(report.at, text=report.reason or None)
        self._say_camera(report.status, report.reason or None)
        if report.is_waiting:
            self._waits = True
            self._say_state(StationState.READY, report.at, "waiting for a trigger")

    def _clear_camera_alarms(self, at: datetime, *, but: CameraFault | None = None, text: str | None = None) -> None:
        for fault in CameraFault:
            if fault is not but:
                self._alarms.clear(camera_alarm(fault), at=at, text=text)

    def _say_camera(self, status: CameraStatus, reason: str | None) -> None:
        with self._lock:
            self._camera, self._camera_reason = status, reason
        self._put(self._writer.camera_status(status, last_frame_at=self._last_frame_at, reason=reason))

    def _say_state(self, state: StationState, at: datetime, reason: str | None) -> None:
        with self._saying:
            self._said, self._said_at = (state, reason), at
            self._put_state(state, at, reason)

    def _put_state(self, state: StationState, at: datetime, reason: str | None) -> None:
        self._put(self._writer.state(state, at=at, reason=reason, model=self._model, product=self._product))
