"""The store on disk: the packages that run or may run again, and the memory of which is which.

    {home}/models/state.json                        written whole, under a lock that only changes hold
    {home}/models/{name}-{version}-{sha256[:12]}/   copied whole, never changed

Nothing that runs depends on the folder that a package came from.
"""

import fcntl
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from edge_inspector.durable import PRIVATE_FILE, make_folders, signature_of, write_lasting
from edge_inspector.errors import ModelError
from edge_inspector.inspection import ModelIdentity
from edge_inspector.models.copying import copy_package, never_end, remove_folder
from edge_inspector.models.memory import Memory, Rejection

_log = logging.getLogger(__name__)
_STATE, _CHANGING, _COPYING = "state.json", ".changing", ".copying"
_MEMORY = TypeAdapter(Memory)
_IS_A_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*-[0-9a-f]{12}")


class StoreError(ModelError):
    """The memory of the store cannot be read; this is no fault of a package."""


def store_in(home: Path) -> Path:
    """Return the folder of the store in a daemon's home."""
    return home / "models"


class Store:
    """The models of one home. The daemon that has the home copies packages; whoever likes changes the memory."""

    def __init__(self, folder: Path, *, min_free_bytes: float = 0) -> None:
        """Touch nothing yet.

        Args:
            folder: Where it lies.
            min_free_bytes: So much of the disk stays free.
        """
        self.folder = folder
        self._file = folder / _STATE
        self._min_free_bytes = min_free_bytes
        self._seen = signature_of(self._file)

    def read(self) -> Memory:
        """Return what is remembered; nothing where nothing was ever written.

        Raises:
            StoreError: If the file cannot be read, or is damaged.
        """
        try:
            memory = _MEMORY.validate_json(self._file.read_bytes())
            for model in memory.kept:
                self.place_of(model)
        except FileNotFoundError:
            return Memory()
        except OSError as error:
            msg = f"{self._file}: cannot be read: {error}"
            raise StoreError(msg) from error
        except ValidationError as error:
            msg = f"{self._file}: expected the memory of a station's models, found {error.error_count()} errors"
            raise StoreError(msg) from error
        except ModelError as error:
            raise StoreError(str(error)) from error
        return memory

    def change(self, change: Callable[[Memory], Memory]) -> Memory:
        """Change what is remembered, on the disk when this returns, and return it.

        Raises:
            OSError: If it could not be written; all is as it was then.
            StoreError: As `read`.
        """
        make_folders(self.folder)
        with self._locked(_CHANGING):
            memory = self.read()
            if (changed := change(memory)) != memory:
                write_lasting(self._file, _MEMORY.dump_json(changed, indent=1))
                self._seen = signature_of(self._file)
        return changed

    def forget_rejected(self, sha256: str) -> tuple[Rejection, ...]:
        """Forget that models were refused, and return what is forgotten; a station that runs notices.

        Args:
            sha256: Of their file, or how it begins.

        Raises:
            ModelError: If there is none, or it could not be written down.
        """
        known = self.read().rejected
        forgotten = tuple(rejection for rejection in known if rejection.model.sha256.startswith(sha256))
        if not forgotten:
            msg = f"{self.folder}: expected a refused model whose sha256 begins {sha256!r}, found none of {len(known)}"
            raise ModelError(msg)
        try:
            self.change(lambda memory: memory.forgetting(sha256))
        except OSError as error:
            msg = f"{self._file}: cannot be written: {error}"
            raise ModelError(msg) from error
        return forgotten

    def was_changed_by_another(self) -> bool:
        """Return whether somebody else has changed the memory since the last answer, or since a change of ours."""
        seen, self._seen = self._seen, signature_of(self._file)
        return seen != self._seen

    def set_aside(self) -> Path:
        """Rename a damaged memory, so that a new one can be begun, and return where it is.

        Raises:
            OSError: If that failed.
        """
        aside = self._file.with_suffix(".damaged.json")
        self._file.replace(aside)
        return aside

    def place_of(self, model: ModelIdentity) -> Path:
        """Return the folder of a model's package.

        Raises:
            ModelError: If the model has a name that is none.
        """
        name = f"{model.name}-{model.version}-{model.sha256[:12]}"
        if not _IS_A_NAME.fullmatch(name):
            msg = f"{self.folder}: expected a model with a name, a version and a sha256, found {name[:100]!r}"
            raise ModelError(msg)
        return self.folder / name

    def take_in(self, package: Path, model: ModelIdentity, *, go_on: Callable[[], None] = never_end) -> Path:
        """Copy a package into the store, unless it is one that is kept, and return its place there.

        Args:
            package: The folder.
            model: What is in it.
            go_on: Called between two pieces; an exception from it ends the copy.

        Raises:
            OSError: If that failed; nothing of it is left then.
            StoreError: As `read`.
            ModelError: As `place_of`.
        """
        place = self.place_of(model)
        make_folders(self.folder)
        with self._locked(_COPYING):  # a copy that nobody waits for any more may still be ending
            go_on()
            memory = self.read()
            if model not in memory.kept or not place.is_dir():
                self.tidy(memory)  # a candidate that nobody waits for any more has left its package
                copy_package(package, place, min_free_bytes=self._min_free_bytes, go_on=go_on)
        return place

    def tidy(self, memory: Memory) -> None:
        """Remove every package that is not needed, and what is left of copies that were cut short."""
        needed = {self.place_of(model) for model in memory.kept}
        try:
            for path in self.folder.iterdir():
                if path.is_dir() and path not in needed:
                    remove_folder(path)
        except OSError as error:
            _log.debug("%s: not all could be removed that is not needed: %s", self.folder, error)

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        descriptor = os.open(self.folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
