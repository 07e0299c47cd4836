"""The memory of a running station: in the store, as far as its disk takes it."""

from collections.abc import Callable

from edge_inspector.models.memory import Memory
from edge_inspector.models.store import Store, StoreError


class Recall:
    """What is remembered now; for one thread.

    Attributes:
        memory: It.
        is_behind: The disk has not taken what was changed here, or may not have.
    """

    def __init__(
        self, store: Store, memory: Memory, on_problem: Callable[[str], None], *, is_behind: bool = False
    ) -> None:
        """Begin with what is known.

        Args:
            store: Where it is written down.
            memory: What is remembered.
            on_problem: Told that it could not be written down.
            is_behind: The disk may not have all of it.
        """
        self.memory, self.is_behind = memory, is_behind
        self._store, self._on_problem = store, on_problem

    def change(self, change: Callable[[Memory], Memory]) -> bool:
        """Change it on the disk, then here; return False where the disk does not take it, and all is as it was."""
        try:
            self.memory = self._store.change(lambda written: change(self.memory if self.is_behind else written))
        except (OSError, StoreError) as error:
            self._on_problem(str(error))
            return False
        self.is_behind = False
        return True

    def change_in_any_case(self, change: Callable[[Memory], Memory]) -> None:
        """Change it here also where the disk does not take it, which catches up later."""
        if not self.change(change):
            self.memory, self.is_behind = change(self.memory), True

    def catch_up(self) -> bool:
        """Write down what the disk has not taken until now; return whether nothing is left."""
        return not self.is_behind or self.change(lambda memory: memory)

    def is_news(self) -> bool:
        """Return whether somebody else has changed it since the last time, and take it over.

        Raises:
            StoreError: If it cannot be read.
        """
        if not self._store.was_changed_by_another() or self.is_behind:
            return False
        self.memory = self._store.read()
        return True

    def tidy(self) -> None:
        """Remove the packages that are not needed; call it while no candidate is examined."""
        self._store.tidy(self.memory)
