"""With which model a station starts: what its store says runs, or the next best, and never none."""

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge_inspector.errors import InspectorError, ModelError
from edge_inspector.inspection import ModelIdentity
from edge_inspector.models.copying import never_end
from edge_inspector.models.memory import Memory, Rejection
from edge_inspector.models.packages import Opened, Packages
from edge_inspector.models.recall import Recall
from edge_inspector.models.store import Store, StoreError


@dataclass(frozen=True, slots=True)
class Started:
    """The model that a station starts with.

    Attributes:
        opened: The model; who takes this must close it.
        memory: What is remembered, with this start.
        is_behind: The disk may not have all of that.
        rejection: A model that is refused with this start.
        problems: What could not be used, in words.
    """

    opened: Opened
    memory: Memory
    is_behind: bool
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
    recall = begun.recall
    if first is not None and recall.memory.running is None:
        begun.adopt(first)
    opened = begun.open()
    recall.tidy()
    return Started(opened, recall.memory, recall.is_behind, begun.rejection, tuple(begun.problems))


def open_first(
    models: Iterable[ModelIdentity], store: Store, packages: Packages, on_problem: Callable[[str], None]
) -> tuple[Opened, ModelIdentity | None]:
    """Open the first of these models that can be, and at last the configured one.

    Args:
        models: The best first.
        store: Where they lie.
        packages: Opens them.
        on_problem: Told of each that is damaged.

    Returns:
        The model, and what it is remembered as: None for the configured one.

    Raises:
        ModelError: If no model can be opened, not the configured one either.
        ConfigError: If the policy contradicts the model.
    """
    for model in models:
        try:
            return packages.open(store.place_of(model)), model
        except ModelError as error:
            on_problem(str(error))
    return packages.open(None), None


class _Begun:
    """A start as far as it has come."""

    def __init__(self, store: Store, packages: Packages, at: datetime) -> None:
        self._store, self._packages, self._at = store, packages, at
        self.rejection: Rejection | None = None
        self.problems: list[str] = []
        memory = self._read()
        self.recall = Recall(store, memory, self.problems.append, is_behind=bool(self.problems))

    def count(self) -> None:
        """Count a start on probation, or take the model back under which there were too many."""
        memory = self.recall.memory
        running, probation = memory.running, memory.probation
        if running is None or probation is None:
            return
        if not memory.is_hopeless:
            self.recall.change_in_any_case(Memory.started)
            return
        reason = f"the process died under it {probation.starts} times before it had proved itself"
        self.rejection = rejection = Rejection(running, reason, self._at, ran=True)
        self.recall.change_in_any_case(lambda memory: memory.taken_back(rejection))

    def adopt(self, package: Path) -> None:
        """Let a package be the model that runs, if it can be used and was not refused before."""
        try:
            model = self._packages.identify(package)
            if self.recall.memory.rejection_of(model) is not None:
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
            self.recall.change_in_any_case(lambda memory: memory.refused(rejection))
        else:
            self.recall.change_in_any_case(lambda memory: memory.switched(model, None))

    def open(self) -> Opened:
        """Open the first model that can be, and remember that this one runs."""
        remembered = self.recall.memory
        opened, model = open_first(remembered.kept, self._store, self._packages, self.problems.append)
        if model != remembered.running:
            self.recall.change_in_any_case(lambda memory: memory.fallen_back(model))
        return opened

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
