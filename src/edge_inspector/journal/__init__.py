"""The journal: the one append-only record on the device, from which every sink is served at its own pace.

    append -> memory (the newest events, where each sink stands; one lock, microseconds)
                |  ^
                v  |   thread `journal`: a transaction for each group, places and accounts in it
              database (SQLite, WAL, one sync a commit) -> archive (reads, for all threads)

A sink's reader takes what is new from memory and what is older from the archive, the most important lane first, and
settles what its receiver has acknowledged. A place is one number for each sink and lane: everything up to it is
settled, so a crash repeats a few events and loses none that was committed.

Nobody but the thread `journal` ever waits for the disk. While the disk takes nothing, readers are served from memory;
a file that is damaged is set aside and a new one begun. What would wait without bound is given up, the least
important first, and counted: by sink where one sink is slow, for all where memory is full. Who follows the journal and
is no sink, as the operator page, looks at its `past`. `tally` and `home` are small neighbors: counters that survive
SIGKILL, and the lock that keeps a second daemon out.
"""

from edge_inspector.journal.entry import ALERTS, HISTORY, RESULTS, Entry
from edge_inspector.journal.home import HomeLock, lock_home
from edge_inspector.journal.journal import Journal
from edge_inspector.journal.options import JournalOptions
from edge_inspector.journal.past import Past, Stretch
from edge_inspector.journal.reader import Reader
from edge_inspector.journal.state import JournalState
from edge_inspector.journal.tally import Tally

__all__ = [
    "ALERTS",
    "HISTORY",
    "RESULTS",
    "Entry",
    "HomeLock",
    "Journal",
    "JournalOptions",
    "JournalState",
    "Past",
    "Reader",
    "Stretch",
    "Tally",
    "lock_home",
]
