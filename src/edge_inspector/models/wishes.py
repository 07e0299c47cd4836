"""What the folder of updates wishes: each new wish is examined, and a newer one ends the examination of an older."""

from collections.abc import Callable
from pathlib import Path

from edge_inspector.errors import ModelError
from edge_inspector.models.examining import Examination, Found
from edge_inspector.models.pointer import PointerWatch, package_named
from edge_inspector.models.telling import Teller

_RETRY_S = 10.0  # a disk that is full is asked again


class Wishes:
    """Looks at the folder; for one thread, the examination apart.

    Attributes:
        examination: What is examined now.
    """

    def __init__(self, folder: Path, examine: Callable[[Path], Examination], teller: Teller) -> None:
        """Start with no wish.

        Args:
            folder: The folder of updates.
            examine: Begins the examination of a package.
            teller: Says that the folder names nothing.
        """
        self.examination: Examination | None = None
        self._folder, self._examine, self._teller = folder, examine, teller
        self._pointer = PointerWatch(folder)
        self._refused: bytes | None = None
        self._again_s: float | None = None

    def look(self, now_s: float) -> Found | None:
        """Return what came of an examination, once, and begin the next one where there is a new wish.

        Raises:
            OSError: If the folder cannot be read.
        """
        found = None if self.examination is None else self.examination.take()
        if found is not None:
            self.examination = None
        if self.examination is None and self._again_s is not None and now_s >= self._again_s:
            self._again_s = None
            self.look_again()
        if found is None and self._pointer.is_due(now_s):
            self._begin(self._pointer.take())
        return found

    def look_again(self) -> None:
        """Take what the folder wishes for new: what it is held against has changed."""
        self.end()
        self._pointer.look_again()

    def try_later(self, now_s: float) -> None:
        """Take it for new after a while."""
        self.look_again_at(now_s + _RETRY_S)

    def look_again_at(self, at_s: float) -> None:
        """Take it for new at a time of the monotonic clock, where nothing has it looked at sooner."""
        self._again_s = at_s if self._again_s is None else min(at_s, self._again_s)

    def end(self) -> None:
        """End the examination that goes on."""
        if (examination := self.examination) is not None:
            examination.cancel()
            self.examination = None

    def _begin(self, content: bytes) -> None:
        self.end()
        try:
            package = package_named(self._folder, content)
        except ModelError as error:
            if content != self._refused:
                wanted = content.decode("utf-8", "backslashreplace").strip()[:100]
                self._teller.nothing_to_run(wanted, str(error))
            self._refused = content
            return
        self._refused = None
        self.examination = self._examine(package)
