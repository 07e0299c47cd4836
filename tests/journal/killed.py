"""Appends numbered events to a journal until it is killed; forks for every run, since importing takes longer.

For every line `path seed` on its standard input it starts a run. A run says on its standard output what it delivered
before it settles that, and what is committed once it knows.
"""

import itertools
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from edge_inspector.journal import Journal, JournalOptions, Tally
from tests.journal.written import alert, number_of, reader_of, result


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def run(path: Path, seed: int) -> None:
    chance = random.Random(seed)
    options = JournalOptions(commit_rows=chance.choice([1, 5, 20]), commit_s=chance.choice([0.001, 0.02, 0.1]))
    with Journal(path, options) as journal, Tally(path.with_name("tally")) as tally:
        reader = reader_of(journal)
        accounts = journal.last_accounts or {}
        count = int(str(accounts.get("count", 0)))
        say(f"runs {os.getpid()} {tally.frames}")
        tally.reset_to(count, 0)
        while True:
            for _ in range(chance.randint(0, 3)):
                tally.add_frames()
                count += 1
                message = alert(count) if count % 5 == 0 else result(count, size=chance.randint(30, 2000))
                journal.append([message], accounts={"count": count})
                say(f"tally {count}")
            taken = list(itertools.takewhile(bool, (reader.take() for _ in range(chance.randint(0, 3)))))
            for entry in taken:
                if entry is not None:
                    say(f"delivered {number_of(entry.message)}")
            for entry in taken:
                if entry is not None and chance.random() < 0.9:
                    reader.settle(entry)
            if chance.random() < 0.1:
                reader.rewind()
            time.sleep(chance.choice([0, 0, 0.0005, 0.002]))
            if chance.random() < 0.05 and journal.flush(5):
                say(f"committed {count}")


def main(run: Callable[[Path, int], None] = run) -> None:
    for line in sys.stdin:
        path, seed = line.split()
        if os.fork() == 0:
            run(Path(path), int(seed))
        os.wait()
        say("ended")


if __name__ == "__main__":
    main()
