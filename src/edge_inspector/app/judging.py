"""What becomes of a person's word: the pictures are kept as a sample, the event goes on record, all of it on disk."""

import logging
import threading
from dataclasses import replace

from edge_inspector.dispositions import JudgedResult, Judgement
from edge_inspector.errors import InspectorError
from edge_inspector.events import EventWriter
from edge_inspector.journal import Journal
from edge_inspector.samples.given_up import NotStoredError
from edge_inspector.samples.judged import JudgedSamples

_log = logging.getLogger(__name__)
PATIENCE_S = 3.0


class Judging:
    """Takes judgements, from any thread; the port `Judge` of the operator page."""

    def __init__(self, journal: Journal, writer: EventWriter, samples: JudgedSamples | None) -> None:
        """Join what a judgement touches.

        Args:
            journal: Where its event goes.
            writer: Writes it.
            samples: Keeps the pictures; None where no samples are kept.
        """
        self._journal, self._writer, self._samples = journal, writer, samples
        self._in_turn = threading.Lock()  # of two people, sample and event have the same last word

    def record(self, judged: JudgedResult, judgement: Judgement) -> JudgedResult:
        """Keep the pictures, then put the event on record; see `Judge`.

        A word that came without its pictures still counts: what a full disk takes from learning it must not take from
        the figures as well.

        Raises:
            InspectorError: If the event is not on disk after `PATIENCE_S`.
        """
        with self._in_turn:
            judged = replace(judged, sample_key=self._kept(judged, judgement))
            self._journal.append([self._writer.disposition_recorded(judged, judgement)])
        if not self._journal.flush(PATIENCE_S):
            problem = self._journal.state().problem or "the disk takes nothing"
            msg = f"the disposition is not on disk after {PATIENCE_S:g} s: {problem}"
            raise InspectorError(msg)
        return judged

    def _kept(self, judged: JudgedResult, judgement: Judgement) -> str | None:
        if self._samples is None:
            return None
        try:
            return self._samples.keep(judged, judgement)
        except NotStoredError as error:
            _log.warning(
                "the pictures of %s, which %s has judged, are not kept: %s", judged.inspection_id, judgement.by, error
            )
            return None
