"""The daemon with a recording of it."""

from pathlib import Path

from edge_inspector.app.build import new_session
from edge_inspector.app.detector import collects, configured_package, with_model_in_force
from edge_inspector.app.product_memory import starting_with
from edge_inspector.app.source import flow_options
from edge_inspector.app.thresholds import with_thresholds_in_force
from edge_inspector.daemon import run
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.environment import processor, versions
from edge_inspector.identity import Session
from edge_inspector.pipeline.handover import WhenFull
from edge_inspector.redaction import redact
from edge_inspector.replay.recorder import Recorder
from edge_inspector.replay.recording import SCHEMA, Header, RecordedModel
from edge_inspector.settings import Settings
from edge_inspector.settings.for_product import with_product

_PATIENCE_S = 60.0  # for which a folder or a video file is held up


def record(settings: Settings, folder: Path, *, most_frames: int) -> None:
    """Run the daemon as `daemon.run` does, and record it into a folder.

    Args:
        settings: The whole configuration.
        folder: Made; must be new or empty.
        most_frames: The recording ends after so many frames; the daemon runs on.

    Raises:
        InspectorError: As `daemon.run`; SourceError if the folder cannot be used.
    """
    settings = with_model_in_force(settings)
    recorder, session = open_recorder(settings, folder, most_frames=most_frames)
    with recorder:
        run(
            settings,
            around_source=recorder.around_source,
            around_writer=recorder.around_writer,
            watch_frame=recorder.note_inspected,
            session=session,
        )


def open_recorder(settings: Settings, folder: Path, *, most_frames: int) -> tuple[Recorder, Session]:
    """Return a recorder, which `with` starts, and the session that it records.

    Raises:
        ModelError: If the model package cannot be used.
    """
    session = new_session()
    can_wait = flow_options(settings).handover.when_full is WhenFull.WAIT
    recorder = Recorder(
        folder,
        describe(settings, session),
        most_frames=most_frames,
        min_free_bytes=settings.health.min_free_mb * 1e6,
        patience_s=_PATIENCE_S if can_wait else 0.0,
    )
    return recorder, session


def describe(settings: Settings, session: Session) -> Header:
    """Return what is written of a station before its first frame.

    Raises:
        ModelError: If the model package cannot be used.
    """
    settings = with_thresholds_in_force(starting_with(settings))
    document = redact(settings.model_dump(mode="json"))
    if isinstance(document, dict):
        if settings.model.path is not None:
            document["model"]["path"] = str(settings.model.path.absolute())
        for code, product in settings.products.items():
            if product.model is not None:
                document["products"][code]["model"]["path"] = str(product.model.path.absolute())
    return Header(
        schema=SCHEMA,
        session_id=session.id,
        started_at=session.started_at,
        frames_per_part=flow_options(settings).frames_per_part if settings.source.is_triggered else None,
        settings=document,
        versions=versions(),
        processor=processor(),
        model=model_of(settings),
    )


def model_of(settings: Settings) -> RecordedModel | None:
    """Return which model the settings name for the product that they start with; None where none runs.

    Raises:
        ModelError: If its package cannot be used.
    """
    if collects(settings):
        return None
    settings = with_product(settings, settings.station.product)
    package = ModelPackage.open(configured_package(settings))
    file = package.file(settings.model.precision)
    return RecordedModel(name=package.manifest.name, version=package.manifest.version, sha256=file.sha256)
