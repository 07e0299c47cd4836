"""What people and other systems are told of models: a line in the log, an event, an alarm."""

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from edge_inspector.alarms import MODEL_REJECTED, MODEL_ROLLED_BACK, MODELS_UNAVAILABLE, Alarm, Severity
from edge_inspector.events import EventWriter, Json, ModelChange, ModelProof
from edge_inspector.inspection import ModelIdentity
from edge_inspector.models.memory import Memory, Rejection
from edge_inspector.ports import AlarmPanel
from edge_inspector.topics import Message

_log = logging.getLogger(__name__)
_LONGEST_TEXT = 600  # characters of what is wrong, in an alarm


class Teller:
    """Tells of one station's models; for all threads.

    Its alarms last: they stand while the folder of updates asks for another model than the one that runs.
    """

    def __init__(self, panel: AlarmPanel, writer: EventWriter, publish: Callable[[Message], None]) -> None:
        """Join what it tells with.

        Args:
            panel: Where alarms are raised and cleared.
            writer: Writes the events.
            publish: Takes them; must not wait.
        """
        self._panel, self._writer, self._publish = panel, writer, publish

    def changed(
        self,
        model: ModelIdentity,
        previous: ModelIdentity,
        *,
        cause: ModelChange,
        reason: str,
        comparison: Mapping[str, Json] | None,
    ) -> None:
        """Say that another model gives the results from now on; takes no time."""
        event = self._writer.model_changed(
            datetime.now(UTC), model=model, previous=previous, cause=cause, reason=reason, comparison=comparison
        )
        self._publish(event)

    def proved(self, model: ModelIdentity, proof: ModelProof) -> None:
        """Say that a model that has taken over is trusted from now on."""
        _log.info("model %s has proved itself on %d parts", name_of(model), proof.parts)
        self._publish(self._writer.model_proved(datetime.now(UTC), model=model, proof=proof))

    def rejected(
        self, rejection: Rejection, running: ModelIdentity, comparison: Mapping[str, Json] | None = None
    ) -> None:
        """Say that a model is refused."""
        name = f"{rejection.model.name} {rejection.model.version}"
        self._say_rejected(name, rejection.reason, sha256=rejection.model.sha256, comparison=comparison)
        self.stays_rejected(rejection, running)

    def stays_rejected(self, rejection: Rejection, running: ModelIdentity) -> None:
        """Raise the alarm of a model that was refused before, and is wanted still."""
        what = "was taken back" if rejection.ran else "is refused"
        text = f"Model {name_of(rejection.model)} {what}, {name_of(running)} runs: {rejection.reason}"
        what_to_do = "Deploy another model; `edge-inspector model forget-rejected` has the same one tried again."
        self._panel.clear(MODEL_REJECTED if rejection.ran else MODEL_ROLLED_BACK)
        if rejection.ran:
            self._raise(MODEL_ROLLED_BACK, Severity.CRITICAL, text, what_to_do)
        else:
            self._raise(MODEL_REJECTED, Severity.WARNING, text, what_to_do)

    def nothing_to_run(self, wanted: str, reason: str) -> None:
        """Say that the folder of updates names nothing that could run."""
        self._say_rejected(wanted, reason)
        self._raise(MODEL_REJECTED, Severity.WARNING, reason, "Deploy the model again; its pointer must move last.")

    def unavailable(self, *problems: str) -> None:
        """Say that the store or a package cannot be used now."""
        _log.warning("models: %s", "; ".join(problems))
        what_to_do = "Look at the disk: is it full, read-only or damaged? The station goes on and tries again."
        self._raise(MODELS_UNAVAILABLE, Severity.WARNING, "; ".join(problems), what_to_do)

    def available(self) -> None:
        """Say that store and packages can be used again."""
        self._panel.clear(MODELS_UNAVAILABLE)

    def as_wished(self) -> None:
        """Say that the model that is wanted runs."""
        self._panel.clear(MODEL_REJECTED)
        self._panel.clear(MODEL_ROLLED_BACK)

    def _say_rejected(
        self,
        candidate: str,
        reason: str,
        *,
        sha256: str | None = None,
        comparison: Mapping[str, Json] | None = None,
    ) -> None:
        _log.warning("model %s is refused: %s", candidate, reason)
        event = self._writer.model_rejected(
            datetime.now(UTC), candidate=candidate, reason=reason, sha256=sha256, comparison=comparison
        )
        self._publish(event)

    def _raise(self, name: str, severity: Severity, text: str, what_to_do: str) -> None:
        self._panel.raise_(Alarm(name, severity, text[:_LONGEST_TEXT], what_to_do), lasting=True)


def name_of(model: ModelIdentity) -> str:
    """Return a model's name for people."""
    return f"{model.name} {model.version} ({model.sha256[:12]})"


def lines_of(memory: Memory) -> Iterator[str]:
    """Yield what is remembered, a line each, for people."""
    running = "the configured model" if memory.running is None else name_of(memory.running)
    since = "" if memory.probation is None else f", on probation since {memory.probation.since:%Y-%m-%d %H:%M:%S} UTC"
    yield f"runs: {running}{since}"
    if memory.running is not None:
        previous = "the configured model" if memory.previous is None else name_of(memory.previous)
        yield f"before: {previous}"
    for rejection in memory.rejected:
        what = "taken back" if rejection.ran else "refused"
        yield f"{what} {rejection.at:%Y-%m-%d %H:%M:%S} UTC: {name_of(rejection.model)}: {rejection.reason}"
