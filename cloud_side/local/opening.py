"""Opens a local engine's home for this process: the database, and a session that all services answer."""

from dataclasses import dataclass
from pathlib import Path

import boto3

from cloud_side.local import outbox, wiring
from cloud_side.local.calling import act_for_parent
from cloud_side.local.database import Database
from cloud_side.local.home import Home
from cloud_side.local.services.catalogue import services
from cloud_side.local.services.functions.pool import Pool


@dataclass(frozen=True)
class LocalCloud:
    """A home that is open.

    Attributes:
        pool: Runs functions for this process.
    """

    home: Home
    database: Database
    session: boto3.Session
    pool: Pool

    def close(self) -> None:
        """End the functions' processes, and close the database."""
        self.pool.close()
        self.database.close()


def open_local(folder: Path) -> LocalCloud:
    """Open a home, made when it is not there; in as many processes at once as like.

    Raises:
        ConfigError: If the folder cannot be used.
    """
    home = Home(folder.absolute())
    home.make()
    pool = Pool(home)
    wired = services(pool)
    database = Database(home.database, [wiring.TABLES, outbox.TABLES, *(service.tables for service in wired)])
    act_for_parent()
    return LocalCloud(home, database, wiring.local_session(home, database, wired), pool)
