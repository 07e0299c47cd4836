"""The `replay` command: runs a recording again, compares, prints, and writes the findings where asked."""

import json
from pathlib import Path

from edge_inspector.app.detector import SHIPPED_MODEL, collects, configured_package, with_model, with_model_in_force
from edge_inspector.app.thresholds import with_thresholds_in_force
from edge_inspector.environment import processor, versions
from edge_inspector.errors import SourceError
from edge_inspector.logs import set_up_logging
from edge_inspector.replay.compare import changes, compare
from edge_inspector.replay.record import model_of
from edge_inspector.replay.recording import Recording, open_recording
from edge_inspector.replay.report import (
    changes_document,
    changes_text,
    comparison_document,
    comparison_text,
    remarks,
)
from edge_inspector.replay.rerun import recorded_settings, rerun
from edge_inspector.settings import LogSettings, SamplesSettings, Settings


def show(
    folder: Path, *, settings: Settings | None = None, model: Path | None = None, json_file: Path | None = None
) -> bool:
    """Replay, print, and return False if the results differ from those that were recorded.

    With another model, policy, or way to follow defects than the recorded one nothing can be wrong: what changes is
    shown.

    Args:
        folder: The recording.
        settings: Model, policy and tracks are taken from it instead of the recorded configuration; where models are
            updated, the model that runs now in its home.
        model: Model package instead of the configured one.
        json_file: Where to write the findings as well.

    Raises:
        RecordingError: If the recording cannot be used.
        InspectorError: As `rerun`; SourceError if the file cannot be written, before anything is replayed.
    """
    set_up_logging(LogSettings(level="error"))
    if json_file is not None:
        _write(json_file, "")
    recording = open_recording(folder)
    recorded = recorded_settings(recording)
    wanted = _wanted(recorded, settings, model)
    what_if = _what_if(recording, recorded, wanted)
    for remark in remarks(recording, versions(), processor()):
        print(f"{folder}: {remark}")
    results = rerun(recording, wanted)
    if what_if:
        print(f"what if: {'; '.join(what_if)}")
        changed = changes(recording.results, results)
        print(changes_text(changed))
        document = changes_document(changed)
        is_equal = True
    else:
        compared = compare(
            recording.results, results, is_whole=recording.is_whole, has_every_result=recording.has_every_result
        )
        print(comparison_text(compared))
        document = comparison_document(compared)
        is_equal = not compared.differences
    if json_file is not None:
        _write(json_file, json.dumps({"what_if": what_if, **document}, indent=2) + "\n")
    return is_equal


def _wanted(recorded: Settings, settings: Settings | None, model: Path | None) -> Settings:
    wanted, gives_a_model = recorded, model is not None
    if settings is not None:
        given, names = with_model_in_force(with_thresholds_in_force(settings)), ["model", "policy", "tracks"]
        if recorded.products.keys() <= given.products.keys():
            names.append("products")
        wanted = wanted.model_copy(update={name: getattr(given, name) for name in names})
        products = {code: product.model_copy(update={"camera": None}) for code, product in wanted.products.items()}
        wanted = wanted.model_copy(update={"products": products})  # no camera is set up again
        # The shipped model in the place of none is no wish for one.
        gives_a_model |= settings.model.path is not None or configured_package(given) != SHIPPED_MODEL
    if model is not None:
        wanted = with_model(wanted, model)
    if collects(recorded) and gives_a_model:
        wanted = wanted.model_copy(update={"samples": SamplesSettings(mode="off")})
    return wanted


def _what_if(recording: Recording, recorded: Settings, wanted: Settings) -> list[str]:
    """Return what is other than it was, in words; nothing for a replay of what was."""
    before, after = recording.header.model, model_of(wanted)
    found = []
    if before != after:
        names = [
            "no model" if model is None else f"model {model.name} {model.version} ({model.sha256[:12]})"
            for model in (after, before)
        ]
        found.append(f"{names[0]} instead of {names[1]}")
    if with_model(recorded, SHIPPED_MODEL).model != with_model(wanted, SHIPPED_MODEL).model:  # but for which it is
        found.append("another [model] section")
    sections = [name for name in ("policy", "tracks", "products") if getattr(recorded, name) != getattr(wanted, name)]
    return [*found, *(f"another [{name}] section" for name in sections)]


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        msg = f"{path}: cannot be written: {error.strerror}"
        raise SourceError(msg) from error
