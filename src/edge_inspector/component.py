"""The daemon as a Greengrass component: its configuration and its connection come from the nucleus.

The configuration of the nucleus lands in a file, which the daemon follows as any other: what checks a changed file,
tries it and goes back to the last good one needs to know nothing of Greengrass.
"""

import json
import logging
import os
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from edge_inspector.daemon import run_file
from edge_inspector.durable import write_lasting
from edge_inspector.errors import ConfigError, SinkError, StuckError
from edge_inspector.greengrass.environment import NucleusEnvironment
from edge_inspector.greengrass.nucleus import Nucleus
from edge_inspector.logs import set_up_logging
from edge_inspector.pipeline.options import Totals
from edge_inspector.settings import LogSettings, parse

FILE = Path("component.json")  # in the component's working folder
_ACCESS = "accessControl"  # the nucleus' own key
_FIRST_ANSWER_S = 10.0

_log = logging.getLogger(__name__)


def run_component(models: Path | None, *, stop: threading.Event | None = None) -> Totals:
    """Run the station that the nucleus configures, until its source ends or a signal comes.

    What this process makes from here on is for its own user alone.

    Args:
        models: Folder in which the model component leaves models; none are taken over when None.
        stop: Set to stop from another thread; signals set it too.

    Returns:
        The accounts of the last flow.

    Raises:
        ConfigError: If no nucleus has started this process, or its configuration cannot be used and no earlier one can.
        StuckError: If the nucleus does not tell the configuration, and there is none of an earlier start.
        InspectorError: As `run_file`.
    """
    environment = NucleusEnvironment.of(os.environ)
    os.umask(0o077)
    set_up_logging(LogSettings())
    file = ConfigurationFile(FILE, thing_name=environment.thing_name, models=models)
    with ExitStack() as stack:
        nucleus = stack.enter_context(Nucleus(environment))
        file.begin(nucleus)
        stack.enter_context(nucleus.following_configuration(file.follow))
        stack.enter_context(nucleus.validating(file.problem_in))
        return run_file(file.path, stop=stop, nucleus=nucleus)


class ConfigurationFile:
    """The configuration of the nucleus as a file."""

    def __init__(self, path: Path, *, thing_name: str, models: Path | None) -> None:
        """Touch nothing yet.

        Args:
            path: The file.
            thing_name: The station.
            models: As `overlay`.
        """
        self.path, self._thing_name, self._models = path, thing_name, models
        self._said = ""

    def begin(self, nucleus: Nucleus, *, timeout_s: float = _FIRST_ANSWER_S) -> None:
        """Write the file as the nucleus has it now; where it cannot, that of the last time stays.

        Raises:
            ConfigError: If it cannot be written, and there is no file yet.
            StuckError: If the nucleus does not tell it, and there is no file yet.
        """
        try:
            self.take(_first_configuration(nucleus, timeout_s))
        except ConfigError as error:
            if not self.path.exists():
                raise
            self._say(f"{error}; going on with the configuration of the last time")
        except SinkError as error:
            if not self.path.exists():
                msg = f"no configuration: {error}"
                raise StuckError(msg) from error
            self._say(f"{error}; going on with the configuration of the last time")

    def follow(self, configuration: Mapping[str, object]) -> None:
        """Write a configuration that came later; one that cannot be used changes nothing."""
        try:
            self.take(configuration)
        except ConfigError as error:
            self._say(f"{error}; going on with the configuration before it")

    def take(self, configuration: Mapping[str, object]) -> None:
        """Write a configuration, if it differs from what the file holds.

        Raises:
            ConfigError: If it cannot be written.
        """
        document = overlay(configuration, thing_name=self._thing_name, models=self._models)
        text = json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        content = text.encode("utf-8", "backslashreplace")  # half a character stays one, to be refused by the parser
        try:
            if self.path.exists() and self.path.read_bytes() == content:
                return
            write_lasting(self.path, content)
        except OSError as error:
            msg = f"{self.path}: the configuration of the nucleus cannot be kept: {error}"
            raise ConfigError(msg) from error
        self._said = ""
        _log.info("%s: written, as the nucleus has it now", self.path)

    def problem_in(self, configuration: Mapping[str, object]) -> str | None:
        """Return what is wrong with a configuration that is not in force yet, or None."""
        try:
            parse(overlay(configuration, thing_name=self._thing_name, models=self._models))
        except ConfigError as error:
            return str(error)
        return None

    def _say(self, problem: str) -> None:
        if problem != self._said:
            _log.error("%s", problem)
        self._said = problem


def _first_configuration(nucleus: Nucleus, timeout_s: float) -> dict[str, object]:
    """Return the configuration of a nucleus that may not be there.

    Raises:
        SinkError: If it does not tell it.
    """
    if not nucleus.wait_until_connected(timeout_s):
        msg = f"no connection to the nucleus in {timeout_s:g} s: {nucleus.problem}"
        raise SinkError(msg)
    return nucleus.configuration()


def overlay(configuration: Mapping[str, object], *, thing_name: str, models: Path | None) -> dict[str, object]:
    """Return a component's configuration as the daemon's: without the nucleus' own key, with what the device knows.

    Args:
        configuration: As the nucleus has it; what the parser does not know stays, to be refused there.
        thing_name: The station, whose topics and rights hang on it.
        models: Folder in which the model component leaves models; a configured one goes first.
    """
    document = {key: value for key, value in configuration.items() if key != _ACCESS}
    if isinstance(station := document.get("station", {}), Mapping):
        document["station"] = {"station": thing_name, **station, "thing_name": thing_name}
    model = document.get("model", {})
    updates = model.get("updates", {}) if isinstance(model, Mapping) else None
    if models is not None and isinstance(model, Mapping) and isinstance(updates, Mapping):
        document["model"] = {**model, "updates": {"folder": str(models), **updates}}
    return document
