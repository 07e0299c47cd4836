"""With which model a station starts: what its store says runs, or the next best, and never none."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge_inspector.errors import InspectorError, ModelError
from edge_inspector.inspection import ModelIdentity
from edge_inspector.models.copying import never_end
from edge_inspector.models.memory import Memory, Rejection
from edge_inspector.models.packages import Opened, Packages
from edge_inspector.models.store import Store, StoreError


@dataclass(frozen=True, slots=True)
class Started:
    """The model that a station starts with.

    Attributes:
        opened: The model; who takes this must close it.
        memory: What is remembered, with this start.
        rejection: A model that is refused with this start.
        problems: What could not be used, in words.
    """

    opened: Opened
    memory: Memory
    rejection: Rejection | None
    problems: tuple[str, ...]


def start(store: Store, packages: Packages, *, at: datetime, first: Path | None = None) -> Started:
    """Count the start, and open the model that runs; one under which the process has died too often is taken back.

    What is damaged is passed over: the last good model before it runs then, or the one that the configuration names.

    Args:
        store: The models of this home, which is ours.
        packages: Opens them.
        at: Now, aware UTC.
        first: The package that is taken at once where none has ever run here.

    Raises:
        ModelError: If no model can be opened, not the configured one either.
        ConfigError: If the policy contradicts the model that runs.
    """
    begun = _Begun(store, packages, at)
    begun.count()
    if first is not None and begun.memory.running is None:
        begun.adopt(first)
    opened = begun.open()
    store.tidy(begun.memory)
    return Started(opened, begun.memory, begun.rejection, tuple(begun.problems))


class _Begun:
    """A start as far as it has come."""

    def __init__(self, store: Store, packages: Packages, at: datetime) -> None:
        self._store, self._packages, self._at = store, packages, at
        self.rejection: Rejection | None = None
        self.problems: list[str] = []
        self.memory = self._read()

    def count(self) -> None:
        """Count a start on probation, or take the model back under which there were too many."""
        running, probation = self.memory.running, self.memory.probation
        if running is None or probation is None:
            return
        if not self.memory.is_hopeless:
            self._change(Memory.started)
            return
        reason = f"the process died under it {probation.starts} times before it had proved itself"
        self.rejection = rejection = Rejection(running, reason, self._at, ran=True)
        self._change(lambda memory: memory.taken_back(rejection))

    def adopt(self, package: Path) -> None:
        """Let a package be the model that runs, if it can be used and was not refused before."""
        try:
            model = self._packages.identify(package)
            if self.memory.rejection_of(model) is not None:
                return
            place = self._store.take_in(package, model)
        except (OSError, StoreError) as error:
            self.problems.append(f"{package}: {error}")
            return
        try:
            with closing(self._packages.open(place)) as opened:
                wrong = opened.self_test(go_on=never_end).problems
        except InspectorError as error:
            wrong = (str(error),)
        if wrong:
            self.rejection = rejection = Rejection(model, "; ".join(wrong), self._at)
            self._change(lambda memory: memory.refused(rejection))
        else:
            self._change(lambda memory: memory.switched(model, None))

    def open(self) -> Opened:
        """Open the first model that can be, and remember that this one runs."""
        for model in self.memory.kept:
            try:
                opened = self._packages.open(self._store.place_of(model))
            except ModelError as error:
                self.problems.append(str(error))
                continue
            self._fall_back_to(model)
            return opened
        opened = self._packages.open(None)
        self._fall_back_to(None)
        return opened

    def _fall_back_to(self, model: ModelIdentity | None) -> None:
        if model != self.memory.running:
            self._change(lambda memory: memory.fallen_back(model))

    def _read(self) -> Memory:
        try:
            return self._store.read()
        except StoreError as error:
            self.problems.append(str(error))
        try:
            self.problems.append(f"it is kept as {self._store.set_aside()}")
        except OSError as error:
            self.problems.append(str(error))
        return Memory()

    def _change(self, change: Callable[[Memory], Memory]) -> None:
        """Change what is remembered, also where the disk does not take it: the station starts."""
        try:
            self.memory = self._store.change(change)
        except (OSError, StoreError) as error:
            self.problems.append(str(error))
            self.memory = change(self.memory)
