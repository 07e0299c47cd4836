"""The files of the pairs in a spool: written whole or not at all, and deleted without leaving halves that count."""

from contextlib import suppress
from pathlib import Path

from edge_inspector.durable import make_folders, sync_folder, write_lasting, write_whole
from edge_inspector.samples.recovery import whole_pairs
from edge_inspector.samples.shelf import Pair
from edge_inspector.samples.sidecar import label_of
from edge_inspector.sampling import BY_VALUE, SampleReason


class PairFiles:
    """Pairs below one folder; every method but `paths` and `label` raises OSError if the disk cannot be used."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self) -> dict[SampleReason, list[Pair]]:
        """Return all whole pairs by age, and remove all else that is ours.

        Where a person has judged a pair it is the only one of its key: another was about to be deleted.
        """
        make_folders(self._root)
        found = {reason: sorted(whole_pairs(self._root, reason), key=lambda pair: pair.name) for reason in BY_VALUE}
        judged = {(pair.folder, pair.name) for pair in found[SampleReason.OPERATOR]}
        for reason in BY_VALUE:
            if reason is not SampleReason.OPERATOR:
                for pair in [pair for pair in found[reason] if (pair.folder, pair.name) in judged]:
                    self.delete(pair)
                    found[reason].remove(pair)
        return found

    def paths(self, pair: Pair) -> tuple[Path, Path]:
        """Return where the picture and the sidecar of a pair are."""
        folder = self._root / pair.reason.value
        return folder / pair.key, folder / pair.sidecar_key

    def has(self, pair: Pair) -> bool:
        """Return whether a pair of that reason and key is there."""
        return self.paths(pair)[1].exists()

    def write(self, pair: Pair, picture: bytes, sidecar: bytes) -> None:
        """Write both files; nothing of them is left where that fails."""
        path, companion = self.paths(pair)
        try:
            make_folders(path.parent)
            write_whole(path, picture)
            write_whole(companion, sidecar)
            sync_folder(path.parent)
        except OSError:
            for half in (companion, path):
                with suppress(OSError):
                    half.unlink(missing_ok=True)
            raise

    def rewrite_sidecar(self, pair: Pair, sidecar: bytes) -> None:
        """Replace the sidecar in one step; where that fails the old one is still there."""
        write_lasting(self.paths(pair)[1], sidecar)

    def delete(self, pair: Pair) -> None:
        """Delete both files, the sidecar first: without it the picture is incomplete."""
        picture, companion = self.paths(pair)
        companion.unlink(missing_ok=True)
        picture.unlink(missing_ok=True)

    def label(self, pair: Pair) -> str | None:
        """Return the class of the most confident box of a pair, where that can be read."""
        try:
            return label_of(self.paths(pair)[1].read_bytes())
        except (OSError, ValueError):
            return None
