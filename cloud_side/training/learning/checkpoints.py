"""Checkpoints: a run that was killed goes on where it was, with the same numbers.

A file is written beside, flushed to the disk, and renamed, so that a name always stands for a whole file; a hash at its
beginning tells where the disk, or a copy that was cut off, did not keep that promise. Of a run two are kept.
"""

import hashlib
import io
import os
import pickle
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from cloud_side.training.learning.plan import digest
from edge_inspector.errors import ConfigError

KEPT: Final = 2
_NAME: Final = re.compile(r"step-(\d{9})\.pt")
_HASH_BYTES: Final = 32

# Tensors, numbers and texts by name; nothing that could run when it is read.
State = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The checkpoints of one run.

    Attributes:
        folder: Of this run alone.
        fingerprint: What decides the weights, by name: another training's checkpoints are refused.
    """

    folder: Path
    fingerprint: Mapping[str, str]

    def save(self, step: int, state: State) -> None:
        """Keep the state after a number of steps, and let the oldest go.

        Args:
            step: How many steps are done.
            state: What the run needs to go on.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        torch.save({"fingerprint": dict(self.fingerprint), "step": step, "state": dict(state)}, content)
        target = self.folder / f"step-{step:09d}.pt"
        beside = target.with_suffix(".writing")
        with beside.open("wb") as file:
            file.write(hashlib.sha256(content.getbuffer()).digest())
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
        _flush(self.folder)
        for old in self._files()[KEPT:]:
            old.unlink()

    def latest(self, tell: Callable[[str], object]) -> tuple[int, dict[str, Any]] | None:
        """Return the newest whole checkpoint: steps done and state; None where there is none.

        Args:
            tell: Gets a line for each that is damaged.

        Raises:
            ConfigError: If it is that of another training; says what differs.
        """
        for file in self._files():
            try:
                read = read_checkpoint(file)
            except (OSError, ValueError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
                tell(f"checkpoint {file.name} is damaged and passed over: {str(error)[:200]}")
                continue
            self._check(file, read["fingerprint"])
            return int(read["step"]), read["state"]
        return None

    def _files(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted((file for file in self.folder.iterdir() if _NAME.fullmatch(file.name)), reverse=True)

    def _check(self, file: Path, found: Mapping[str, str]) -> None:
        if digest(found) == digest(self.fingerprint):
            return
        names = sorted(found.keys() | self.fingerprint.keys())
        others = [name for name in names if found.get(name) != self.fingerprint.get(name)]
        told = "; ".join(f"{name} {self.fingerprint.get(name)!s:.60}, found {found.get(name)!s:.60}" for name in others)
        msg = f"{file}: this is a checkpoint of another training: expected {told}. Train with another folder"
        raise ConfigError(msg)


def read_checkpoint(file: Path) -> dict[str, Any]:
    """Return the fingerprint, the step and the state of a checkpoint.

    Raises:
        ValueError: If its bytes are not those that were written; other errors of torch where they never were.
    """
    content = file.read_bytes()
    if hashlib.sha256(content[_HASH_BYTES:]).digest() != content[:_HASH_BYTES]:
        msg = f"expected the bytes of its hash, found {len(content)} others"
        raise ValueError(msg)
    read: dict[str, Any] = torch.load(io.BytesIO(content[_HASH_BYTES:]), map_location="cpu", weights_only=True)
    return read


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
