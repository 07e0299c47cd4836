"""An engine that does nothing but jobs, to be killed: it takes turns until there is nothing left to do.

For each line of standard input, the folder of a home, it forks an engine off itself, says its process id, and waits
until that ends: what it has imported, each one finds loaded.
"""

import os
import sys
import time
from pathlib import Path

from cloud_side.local import outbox, wiring
from cloud_side.local.database import Database
from cloud_side.local.home import Home
from cloud_side.local.jobs import rows
from cloud_side.local.jobs.chore import Jobs


def run(folder: Path) -> None:
    home = Home(folder)
    database = Database(home.database, [wiring.TABLES, outbox.TABLES, rows.TABLES])
    jobs = Jobs(home, database, grace_s=1.0)
    while rows.unfinished(database.connection()):
        jobs.turn()
        time.sleep(0.01)


def main() -> None:
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            run(Path(line.rstrip("\n")))
            os._exit(0)
        print(process, flush=True)  # noqa: T201 - its parent reads it
        os.waitpid(process, 0)
        print("ended", flush=True)  # noqa: T201 - this too


if __name__ == "__main__":
    main()
