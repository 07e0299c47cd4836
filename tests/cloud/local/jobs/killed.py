"""An engine that does nothing but jobs, to be killed: it takes turns until there is nothing left to do."""

import sys
import time
from pathlib import Path

from cloud_side.local import outbox, wiring
from cloud_side.local.database import Database
from cloud_side.local.home import Home
from cloud_side.local.jobs import rows
from cloud_side.local.jobs.chore import Jobs


def main() -> int:
    home = Home(Path(sys.argv[1]))
    database = Database(home.database, [wiring.TABLES, outbox.TABLES, rows.TABLES])
    jobs = Jobs(home, database, grace_s=1.0)
    while rows.unfinished(database.connection()):
        jobs.turn()
        time.sleep(0.01)
    return 0


if __name__ == "__main__":
    sys.exit(main())
