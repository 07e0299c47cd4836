"""Judged samples: what a person said of a result, written into the sidecars of its pictures, which become samples."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from edge_inspector.dispositions import JudgedResult, Judgement
from edge_inspector.sample_keys import SampleKey, parse_key
from edge_inspector.samples.album import Shown
from edge_inspector.samples.given_up import NotKept, NotStoredError
from edge_inspector.samples.judging import judged_line, key_in
from edge_inspector.samples.recent import Recent
from edge_inspector.samples.shelf import Pair
from edge_inspector.samples.spool import Spool

_log = logging.getLogger(__name__)


class JudgedSamples:
    """Turns the pictures of judged results into samples with the reason `operator`; for all threads."""

    def __init__(
        self, spool: Spool, recent: Recent | None, *, wait_for: Callable[[str], bool] = lambda _: True
    ) -> None:
        """Touch nothing yet.

        Args:
            spool: Where samples wait for their upload.
            recent: Pictures of recent results; None where none are kept.
            wait_for: Waits until the pictures of a result that has just come are stored; returns whether they are.
        """
        self._spool, self._recent, self._wait_for = spool, recent, wait_for
        self._lock = threading.Lock()

    def keep(self, judged: JudgedResult, judgement: Judgement) -> str | None:
        """Store all pictures of a result as samples with what was said of it, on the disk when this returns.

        What waits for its upload under the same keys is replaced, and what was uploaded is uploaded again. The pictures
        stay for a change of mind, also those of an accepted part.

        Returns:
            The key of the sample of its first frame; None where no picture is left.

        Raises:
            NotStoredError: If a sample could not be stored; others of the same part may have been.
        """
        if not self._wait_for(judged.inspection_id):
            problem = "its pictures still wait to be stored"
            raise NotStoredError(NotKept.QUEUE_FULL, problem)
        with self._lock:
            pictures = self._pictures(judged.inspection_id)
            keys = [self._keep(key, shown, judged, judgement) for key, shown in pictures]
        return keys[0] if keys else None

    def _keep(self, key: SampleKey, shown: Shown, judged: JudgedResult, judgement: Judgement) -> str:
        try:
            line = judged_line(shown.sidecar, judged, judgement)
        except ValueError as error:  # one of another program, or of a later one
            problem = f"{error}"
            raise NotStoredError(NotKept.FAILED, problem) from error
        self._spool.store_judged(key, shown.content, line)
        if self._recent is not None:
            self._recent.add(shown, is_lasting=True)
        return str(key)

    def _pictures(self, inspection_id: str) -> list[tuple[SampleKey, Shown]]:
        """Return the pictures of a result that are left, each with its key, in the order of its frames."""
        self._spool.open()
        pairs = [(parse_key(pair.key), pair) for pair in self._spool.find(inspection_id)]
        frames = {key.frame for key, _ in pairs}
        if self._recent is not None:
            frames.update(self._recent.frames_of(inspection_id))
        found = (self._picture(inspection_id, part_frame, pairs) for part_frame in sorted(frames))
        return [picture for picture in found if picture is not None]

    def _picture(
        self, inspection_id: str, part_frame: int, pairs: Sequence[tuple[SampleKey, Pair]]
    ) -> tuple[SampleKey, Shown] | None:
        for shown in self._copies(inspection_id, part_frame, pairs):
            try:
                key = key_in(shown.sidecar, shown.content)
                if (key.inspection_id, key.frame) == (inspection_id, part_frame):
                    return key, shown
                problem = f"expected the sidecar of {inspection_id}-{part_frame}, found that of {key}"
            except ValueError as error:
                problem = f"{error}"
            _log.warning("samples: a picture of %s is damaged: %s", inspection_id, problem)
        return None

    def _copies(self, inspection_id: str, part_frame: int, pairs: Sequence[tuple[SampleKey, Pair]]) -> Iterator[Shown]:
        """Yield what there is of one frame, first as it was when it came."""
        if self._recent is not None:
            picture = self._recent.read(inspection_id, part_frame)
            line = self._recent.sidecar(inspection_id, part_frame)
            if picture is not None and line is not None:
                yield Shown(inspection_id, part_frame, picture.suffix, picture.content, line)
        for key, pair in pairs:
            if key.frame == part_frame:
                with suppress(OSError):  # uploaded in between
                    content, line = (path.read_bytes() for path in self._spool.paths(pair))
                    yield Shown(inspection_id, part_frame, key.suffix.value, content, line)
