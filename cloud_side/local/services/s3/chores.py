"""What an engine does for buckets beside its executions."""

import logging
import time
from collections.abc import Callable, Iterator

from cloud_side.local.database import Database
from cloud_side.local.home import Home
from cloud_side.local.services.s3.moving import carry_out_all
from cloud_side.local.services.s3.noticing import Moment
from cloud_side.local.services.s3.rounds import Rounds
from cloud_side.local.services.s3.staging import sweep

_log = logging.getLogger(__name__)

_LOOK_S = 1.0
_TURN_S = 0.2  # of computing
_PAUSES = 9  # pauses are so much longer than turns: a tenth of one core at most
_AFRESH_S = 600.0  # all folders are listed once in so long: a file that is written where it lies changes no folder
_TIDY_S = 60.0


class FolderWatch:
    """Tells of files that came, changed or went by themselves, in buckets that tell.

    What is known of each file is in the database: a watch that begins tells what happened while there was none.
    """

    name = "s3-folders"

    def __init__(self, home: Home, database: Database, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        """Look at nothing yet.

        Args:
            home: Where the buckets are.
            database: What is known of them.
            now_ns: Tells the time of files, in nanoseconds since 1970.
        """
        self._home, self._database, self._now_ns = home, database, now_ns
        self._rounds: dict[str, Rounds] = {}
        self._began_s = time.monotonic()
        self._steps = self._round()

    def turn(self) -> float:
        """Go a little further through the buckets that tell, and return after how many seconds to go on."""
        before_s = time.thread_time()
        for _ in self._steps:
            if (spent_s := time.thread_time() - before_s) >= _TURN_S:
                return _PAUSES * spent_s
        self._steps = self._round()
        return max(_LOOK_S, _PAUSES * (time.thread_time() - before_s))

    def _round(self) -> Iterator[None]:
        if time.monotonic() - self._began_s >= _AFRESH_S:
            self._rounds, self._began_s = {}, time.monotonic()
        rows = self._database.connection().execute("SELECT name FROM s3_buckets WHERE tells").fetchall()
        self._rounds = {row["name"]: self._rounds.get(row["name"]) or self._begin(row["name"]) for row in rows}
        for rounds in self._rounds.values():
            yield from rounds.go(lambda: Moment(self._now_ns()))

    def _begin(self, bucket: str) -> Rounds:
        return Rounds(self._database, self._home.buckets / bucket)

    def close(self) -> None:
        """Forget what was seen."""
        self._steps, self._rounds = iter(()), {}


class Tidying:
    """Finishes what processes that ended have decided and not done, and removes what they have left behind."""

    name = "s3-tidying"

    def __init__(self, home: Home, database: Database) -> None:
        """Do nothing yet."""
        self._home, self._database = home, database

    def turn(self) -> float:
        """Go through all buckets, and return after how many seconds to do so again."""
        for row in self._database.connection().execute("SELECT name FROM s3_buckets").fetchall():
            carry_out_all(self._database, self._home.buckets / row["name"])
            try:
                sweep(self._database, self._home.buckets / row["name"])
            except OSError as error:
                _log.warning("bucket %s: what was left behind cannot be removed: %s", row["name"], error)
        return _TIDY_S

    def close(self) -> None:
        """Hold nothing."""
