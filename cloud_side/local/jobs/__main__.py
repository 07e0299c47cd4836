"""The supervisor of one job as a process: `python -m cloud_side.local.jobs HOME KIND NAME GRACE_S`."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from cloud_side.local import outbox, wiring
from cloud_side.local.database import Database
from cloud_side.local.home import Home
from cloud_side.local.jobs import rows
from cloud_side.local.jobs.folder import JobFolder
from cloud_side.local.jobs.kinds import JobKind
from cloud_side.local.jobs.running import Pace
from cloud_side.local.jobs.supervisor import Supervisor
from cloud_side.local.services.s3 import S3


def main(arguments: Sequence[str]) -> int:
    """Supervise a job until it has ended, or not at all if somebody else does."""
    home, kind, name, grace_s = Home(Path(arguments[0])), JobKind(arguments[1]), arguments[2], float(arguments[3])
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    folder = JobFolder(home, kind, name)
    with folder.sole_supervisor() as is_sole:
        if is_sole:
            _supervise(home, folder, Pace(grace_s=grace_s))
    return 0


def _supervise(home: Home, folder: JobFolder, pace: Pace) -> None:
    database = Database(home.database, [wiring.TABLES, outbox.TABLES, S3.tables, rows.TABLES])
    try:
        job = rows.find(database.connection(), folder.kind, folder.name)
        if job is None:
            return  # its creation was taken back
        s3 = wiring.local_session(home, database, [S3]).client("s3")
        Supervisor(
            job,
            folder,
            s3,
            is_stopping=lambda: rows.is_stopping(database.connection(), folder.kind, folder.name),
            pace=pace,
        ).run()
    finally:
        database.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
