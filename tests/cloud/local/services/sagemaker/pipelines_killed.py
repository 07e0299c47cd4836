"""An engine of jobs and pipelines alone, to be killed: it takes turns until there is nothing left to do."""

import sys
import time
from pathlib import Path

from cloud_side.local import outbox, wiring
from cloud_side.local.database import Database
from cloud_side.local.home import Home
from cloud_side.local.jobs.chore import Jobs
from cloud_side.local.services.s3 import S3
from cloud_side.local.services.sagemaker import SERVICES
from cloud_side.local.services.sagemaker.pipelines import rows
from cloud_side.local.services.sagemaker.pipelines.chore import PipelineExecutions


def main() -> int:
    home = Home(Path(sys.argv[1]))
    services = [S3, *SERVICES]
    database = Database(home.database, [wiring.TABLES, outbox.TABLES, *(service.tables for service in services)])
    s3 = wiring.local_session(home, database, services).client("s3")
    chores = (Jobs(home, database, grace_s=1.0), PipelineExecutions(database, s3))
    while rows.moving_executions(database.connection()):
        for chore in chores:
            chore.turn()
        time.sleep(0.01)
    return 0


if __name__ == "__main__":
    sys.exit(main())
