"""The operator page of a station: what it asks of the other rooms, joined."""

import json
import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from edge_inspector.alarms import PAGE_UNAVAILABLE, Severity
from edge_inspector.app.home import Home
from edge_inspector.app.judging import Judging
from edge_inspector.app.samples import Samples
from edge_inspector.events import EventWriter, Json
from edge_inspector.frame import Frame
from edge_inspector.health.checks import Check
from edge_inspector.identity import Session
from edge_inspector.inspection import FrameFinding
from edge_inspector.page.desk import Desk, StationNow, ThresholdDesk
from edge_inspector.pipeline.flow import Pipeline
from edge_inspector.settings import PageSettings, Settings

_log = logging.getLogger(__name__)
_COMMAND_LIFE = timedelta(seconds=60)


class StationPage:
    """The page before and while it is served."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it joins
        self,
        settings: Settings,
        page: PageSettings,
        home: Home,
        writer: EventWriter,
        session: Session,
        samples: Samples | None,
        thresholds: ThresholdDesk,
        *,
        take_command: Callable[[str, bytes], None],
    ) -> None:
        """Join it; nothing is served yet.

        Args:
            settings: The whole configuration.
            page: What it says of the page.
            home: What outlives the process, open.
            writer: Knows the topics, and writes dispositions.
            session: Of this run.
            samples: Where pictures come from, and judged ones go; None where none are kept.
            thresholds: Looked at, tried, changed.
            take_command: Takes a command as if it came by MQTT: topic and payload.
        """
        from edge_inspector.page.page import OperatorPage  # noqa: PLC0415 - a web server, only where it is wanted

        self._writer, self._take = writer, take_command
        self._pipeline: Pipeline | None = None
        desk = Desk(
            settings=page,
            topics=writer.topics,
            session=session.id,
            lot=settings.station.lot,
            is_triggered=settings.source.is_triggered,
            random_share=settings.samples.random_share,
            journal=home.journal,
            now=self._now,
            inspected=lambda: self._flow.totals().frames.inspected,
            values=self._values,
            class_names=lambda: self._flow.class_names,
            pictures=None if samples is None else samples.recent,
            judge=Judging(home.journal, writer, None if samples is None else samples.judged),
            thresholds=thresholds,
            command=self._command,
        )
        self._page = OperatorPage(desk, home.folder)

    def watch(self, frame: Frame, finding: FrameFinding) -> None:
        """Take note of an inspection; takes no time."""
        self._page.watch(frame, finding)

    def check(self) -> Check:
        """Return the check that the page is there."""
        return Check(
            PAGE_UNAVAILABLE,
            Severity.WARNING,
            "Look at what it says; another program may have the port: choose another page.port. The line goes on.",
            lambda: None if self._pipeline is None else self._page.problem(),
            raise_after_s=2.0,
            clear_after_s=2.0,
        )

    @contextmanager
    def serving(self, pipeline: Pipeline) -> Iterator[None]:
        """Serve the page of a flow."""
        self._pipeline = pipeline
        with self._page:
            yield

    @property
    def _flow(self) -> Pipeline:
        if self._pipeline is None:  # nobody can ask before it is served
            msg = "the page is asked before it is served"
            raise RuntimeError(msg)
        return self._pipeline

    def _now(self) -> StationNow:
        present = self._flow.now()
        return StationNow(
            state=present.state.value,
            reason=present.reason,
            since=present.since,
            camera=None if present.camera is None else present.camera.value,
            camera_reason=present.camera_reason,
            model=self._flow.model,
            product=present.product,
            alarms=self._flow.alarms.standing(),
        )

    def _values(self) -> Mapping[str, Json]:
        return self._flow.values()

    def _command(self, name: str, arguments: Mapping[str, Json]) -> str:
        request_id = f"page-{uuid.uuid4()}"
        expires_at = (datetime.now(UTC) + _COMMAND_LIFE).isoformat().replace("+00:00", "Z")
        topics = self._writer.topics
        payload = {**arguments, "request_id": request_id, "expires_at": expires_at, "camera": topics.camera}
        self._take(topics.command(name), json.dumps(payload).encode())
        return request_id
