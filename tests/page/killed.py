"""Puts parts, defects and words on record, with an index that follows, until it is killed; see `journal/killed.py`."""

import os
import random
import time
from pathlib import Path

from edge_inspector.decision import Verdict
from edge_inspector.dispositions import Disposition
from edge_inspector.journal import Journal, JournalOptions
from edge_inspector.page.index import keeping
from edge_inspector.page.index.index import Index
from edge_inspector.tracks import TrackPhase
from tests.journal.killed import main, say
from tests.page.indexed import WRITER, change, frame, part, track_id, word

PHASES = (TrackPhase.NEW, TrackPhase.UPDATE, TrackPhase.END)
SHARE = 0.3


def run(path: Path, seed: int) -> None:
    chance = random.Random(seed)
    vars(keeping).update(_COMMIT_S=chance.choice([0.0, 0.005, 0.05]), _GATHER_S=0.0)
    options = JournalOptions(commit_rows=chance.choice([5, 50]), commit_s=chance.choice([0.001, 0.02, 0.1]))
    with Journal(path, options) as journal, Index(journal, path.with_name("index.db"), random_share=SHARE):
        say(f"runs {os.getpid()}")
        for number in range(10_000 * seed, 10_000 * (seed + 1)):
            result = part(number, *chance.choice([[], ["dent"], ["scratch", "dent"]]))
            journal.append(WRITER.of_result(result))
            if chance.random() < 0.3:
                journal.append([word(result, chance.choice(list(Disposition)), minutes=number)])
            own, step = number // 3, number % 3  # a defect that gets worse, and goes
            seen = frame(number, "scratch")
            worst = (Verdict.REVIEW, Verdict.REJECT, Verdict.REJECT)[step]
            journal.append([change(seen, own, PHASES[step], verdict=worst)])
            if step == 2 and chance.random() < 0.3:
                journal.append([word(seen, Disposition.UNSURE, minutes=number, track=track_id(own))])
            time.sleep(chance.choice([0, 0, 0.001, 0.005]))


if __name__ == "__main__":
    main(run)
