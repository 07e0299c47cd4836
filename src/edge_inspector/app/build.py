"""The whole station: everything that the settings name, opened and joined."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ParamSpec

from edge_inspector.alarms import Alarm
from edge_inspector.app.changing import Line
from edge_inspector.app.commands import Commands
from edge_inspector.app.detector import previewed_parts
from edge_inspector.app.gate import gate_of, serving
from edge_inspector.app.health import Health, sample_checks
from edge_inspector.app.home import open_home
from edge_inspector.app.last_parts import LastParts
from edge_inspector.app.live import line_side
from edge_inspector.app.models import open_station_model
from edge_inspector.app.nucleus import heeding_nucleus, nucleus_check
from edge_inspector.app.outside import open_sinks
from edge_inspector.app.page import StationPage
from edge_inspector.app.plc_product import PlcProduct
from edge_inspector.app.products import Products
from edge_inspector.app.remote import remote_checks
from edge_inspector.app.samples import open_samples
from edge_inspector.app.source import OpenSource, SourceWrapper, flow_options
from edge_inspector.app.station import Station
from edge_inspector.app.station_commands import station_commands
from edge_inspector.app.telling import journal_document
from edge_inspector.app.threshold_desk import StationThresholds
from edge_inspector.app.web import follower
from edge_inspector.events import EventWriter, Json
from edge_inspector.frame import Frame
from edge_inspector.identity import Session, session_id
from edge_inspector.pipeline.alarms import Alarms
from edge_inspector.pipeline.deliver import Deliverer, Losses
from edge_inspector.pipeline.flow import Pipeline
from edge_inspector.pipeline.inspector import Inspector
from edge_inspector.pipeline.options import Surroundings
from edge_inspector.ports import EventSink, FrameSource
from edge_inspector.sampling import Evicted
from edge_inspector.settings import Settings
from edge_inspector.sinks.log import LogSink
from edge_inspector.topics import Message, TopicTree
from edge_inspector.tracks import TrackOptions

if TYPE_CHECKING:
    from edge_inspector.greengrass.nucleus import Nucleus

P = ParamSpec("P")


@contextmanager
def build(  # noqa: PLR0913 - what a replay, a demo or a test replaces
    settings: Settings,
    stop: threading.Event,
    *,
    sinks: Mapping[str, EventSink] | None = None,
    standing_alarms: tuple[Alarm, ...] = (),
    around_source: SourceWrapper | None = None,
    around_writer: Callable[[EventWriter], EventWriter] | None = None,
    watch_frame: Callable[[Frame], None] | None = None,
    source: FrameSource | None = None,
    session: Session | None = None,
    watched: bool = True,
    nucleus: "Nucleus | None" = None,
    reload: Callable[[], None] | None = None,
) -> Iterator[Station]:
    """Open everything that the settings name and yield the station; close it all afterwards.

    Args:
        settings: The whole configuration.
        stop: Ends every wait.
        sinks: Further sinks, by name.
        standing_alarms: Alarms known before the start; they last.
        around_source: Wraps the source, for example to record what it delivers.
        around_writer: Wraps the writer of events, for example to record what they are written of.
        watch_frame: Called on the inspect thread with every frame that is inspected; must take no time.
        source: Read instead of the configured one.
        session: Identity of this run; a new one when None.
        watched: The station's own checks are made, which make no sense where time does not pass, as in a replay.
        nucleus: The connection to the Greengrass nucleus that started this process.
        reload: Has the configuration looked at again.

    Raises:
        ConfigError: If the policy contradicts the model, a file that the settings name cannot be used, or another
            daemon has this one's home.
        ModelError: If the model package cannot be used.
        SourceError: If the source cannot be opened.
    """
    session = session or new_session()
    with ExitStack() as stack:
        # What the station is, and what it looks with.
        home = stack.enter_context(open_home(settings))
        products = Products(settings, home.folder, stop)
        settings, plc_product = products.settings, PlcProduct(products)
        writer = EventWriter(topic_tree(settings), session.id, settings.station.product, settings.station.lot)
        writer = writer if around_writer is None else around_writer(writer)
        follows = None if settings.source.is_triggered else TrackOptions(**settings.tracks.model_dump())
        looks = stack.enter_context(open_station_model(settings, follows=follows, every_product=products.every))
        model, options = looks.model, flow_options(settings)
        last_parts = LastParts(previewed_parts(settings), product=lambda: products.marks)
        thresholds = StationThresholds(products, looks, last_parts)

        # Where frames come from.
        line = line_side(
            settings, session.started_at, deadline_ms=options.deadline_ms, on_product=plc_product.want
        )  # fmt: skip
        opened = OpenSource(
            settings,
            stop,
            model,
            line=line,
            wrap=around_source,
            given=source,
            product=products.marks,
            replayed=products.around_recording,
        )
        stack.callback(opened.close)

        # What comes in as commands, and where events go.
        losses = Losses()
        samples, health = None, None

        def publish(message: Message) -> None:
            home.journal.append([message])

        commands = Commands(
            station_commands(products, line, stop, looks, keeper=lambda: samples and samples.keeper, reload=reload),
            writer,
            answer=publish,
            memory=None if home.folder is None else home.folder / "commands.json",
        )
        outside = open_sinks(settings, home.journal, writer, session, losses, take=commands.take, nucleus=nucleus)
        deliverer = Deliverer(
            writer,
            {"log": LogSink(), **(sinks or {}), **stack.enter_context(outside)},
            queue_size=settings.flow.deliver_queue_size,
            losses=losses,
            record=home.journal,
            ledger=home.ledger,
        )

        # What stands beside the flow: alarms, the gate, samples and its health.
        alarms = Alarms(writer, deliverer.put)
        gate = gate_of(settings, alarms, wanted=watched)
        if home.folder is not None:

            def tell_evicted(evicted: Mapping[Evicted, int]) -> None:
                publish(writer.samples_evicted(datetime.now(UTC), evicted))

            samples = stack.enter_context(open_samples(settings, home.folder, writer, on_evicted=tell_evicted))
        page = None
        if watched:
            if (served := settings.served_page) is not None:
                page = StationPage(
                    settings, served, home, writer, session, samples, thresholds, take_command=commands.take
                )
            health = Health(
                settings,
                folder=home.folder,
                journal=home.journal,
                ledger=home.ledger,
                losses=losses,
                alarms=alarms,
                more_checks=(
                    *(() if samples is None else sample_checks(samples)),
                    *(() if nucleus is None else (nucleus_check(nucleus),)),
                    *(() if page is None else (page.check(),)),
                    *remote_checks(
                        settings.model.remote,
                        lambda: None if looks.opened is None else looks.opened.remote_problem,
                    ),
                ),
                lost=lambda: None if nucleus is None or not nucleus.token_is_dead else nucleus.problem,
            )

        def more_stats() -> dict[str, Json]:
            return {
                "journal": journal_document(home.journal),
                "samples": None if samples is None else samples.document(),
                "model": looks.document(),
                "health": None if health is None else health.document(),
                "gate": None if gate is None else gate.document(),
            }

        # The flow.
        pipeline = Pipeline(
            opened.source,
            Inspector(model, station_path=writer.topics.station_path, camera=writer.topics.camera, session=session.id),
            writer,
            deliverer,
            options=options,
            session_started_at=session.started_at,
            tracker=follower(settings, model, follows),
            surroundings=Surroundings(
                alarms=alarms,
                ledger=home.ledger,
                keeper=None if samples is None else samples.keeper,
                gate=gate,
                watch_frame=_both(watch_frame, None if health is None else health.camera.look),
                watch_finding=_both(looks.watch_finding, None if page is None else page.watch),
                watch_result=last_parts.watch if last_parts.most else None,
                may_exit=_never if health is None else health.guard.may_exit,
                more_stats=more_stats,
                standing_alarms=(*looks.alarms, *standing_alarms),
                passing_alarms=(*home.alarms, *products.alarms()),
                product=products.marks,
                first_messages=products.first_messages(writer, model.identity),
            ),
        )

        # What acts on it while it runs.
        if health is not None:
            deliverer.stage = health.watchdog.stage("deliver", settings.health.watchdog.thread_s)
            stack.enter_context(health.watch(pipeline))
        stack.enter_context(serving(gate, pipeline, settings, health))
        stack.enter_context(looks.follow(pipeline, home.ledger, writer, deliverer.put))
        if nucleus is not None:
            stack.enter_context(heeding_nucleus(nucleus, settings, writer.topics, commands.take, busy=products.busy))
        relearn, relearn_rates = (_never, _never) if health is None else (health.relearn, health.relearn_rates)
        products.join(Line(pipeline, looks, opened, writer, deliverer.put, relearn, relearn_rates))
        stack.enter_context(plc_product)
        stack.enter_context(commands)  # closed before all that: what they still answer goes out
        if page is not None:
            stack.enter_context(page.serving(pipeline))
        yield Station(pipeline, products, thresholds, relearn=None if health is None else health.camera.relearn)


def _never() -> bool:
    return False


def _both(first: Callable[P, None] | None, second: Callable[P, None] | None) -> Callable[P, None] | None:
    if first is None or second is None:
        return first or second

    def watch(*args: P.args, **kwargs: P.kwargs) -> None:
        first(*args, **kwargs)
        second(*args, **kwargs)

    return watch


def new_session() -> Session:
    """Return the identity of a run of the daemon that starts now."""
    started_at = datetime.now(UTC)
    return Session(session_id(started_at, os.urandom(10)), started_at)


def topic_tree(settings: Settings) -> TopicTree:
    """Return the topics of the configured station."""
    station = settings.station
    return TopicTree(station.topic_prefix, station.site, station.line, station.station, station.camera)
