"""Groups: what one transaction writes together, and when it is due."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from edge_inspector.events import Json

_ROWS_AT_ONCE = 1000  # of one transaction, when groups have piled up while the disk was slow or away


@dataclass(slots=True)
class Group:
    """Whole appends, so that the accounts as of the last of them agree with the rows.

    Attributes:
        number: Counts up; 0 for what is written once more.
        last_seq: The last entry in it.
        rows: How many there are.
        since_s: When the first of them came, on the monotonic clock.
        accounts: The last ones given; None if there were none.
        is_closed: Nothing more fits.
    """

    number: int
    last_seq: int
    rows: int
    since_s: float
    accounts: Mapping[str, Json] | None
    is_closed: bool = False


class Groups:
    """The groups that wait for their transaction, oldest first; used under the memory's lock."""

    def __init__(self, *, commit_rows: int, commit_s: float) -> None:
        self._commit_rows, self._commit_s = commit_rows, commit_s
        self._groups: deque[Group] = deque()
        self._last_number = 0
        self._hurried = 0  # groups up to this number are due

    def __len__(self) -> int:
        return len(self._groups)

    def add(self, rows: int, last_seq: int, accounts: Mapping[str, Json] | None, *, now_s: float) -> bool:
        """Take one append in; return whether something is due earlier than it was."""
        group = self._groups[-1] if self._groups else None
        if group is None or group.is_closed or group.rows + rows > self._commit_rows:
            if group is not None:
                group.is_closed = True
            self._last_number += 1
            group = Group(self._last_number, last_seq, rows, now_s, accounts)
            self._groups.append(group)
            news = len(self._groups) <= 2
        else:
            group.last_seq, group.rows = last_seq, group.rows + rows
            if accounts is not None:
                group.accounts = accounts
            news = False
        if group.rows >= self._commit_rows:
            group.is_closed = news = True
        return news

    def add_first(self, rows: int, last_seq: int, accounts: Mapping[str, Json] | None) -> None:
        """Put a group in front that is due at once."""
        self._groups.appendleft(Group(0, last_seq, rows, 0.0, accounts, is_closed=True))

    def due_in_s(self, now_s: float) -> float | None:
        """Return in how many seconds the first group is due; None when there is no group."""
        if not self._groups:
            return None
        first = self._groups[0]
        is_due = first.is_closed or first.number <= self._hurried
        return 0.0 if is_due else max(0.0, first.since_s + self._commit_s - now_s)

    def hurry(self) -> int:
        """Have all that is here written as soon as may be; return a ticket for `is_written`."""
        self._hurried = self._last_number
        return self._hurried

    def is_written(self, ticket: int) -> bool:
        """Return whether what was here at `hurry` has been written."""
        return not self._groups or self._groups[0].number > ticket

    def next(self) -> list[Group]:
        """Return the groups of the next transaction, and close them."""
        chosen: list[Group] = []
        rows = 0
        for group in self._groups:
            rows += group.rows
            if chosen and rows > _ROWS_AT_ONCE:
                break
            group.is_closed = True
            chosen.append(group)
        return chosen

    def written(self, count: int) -> None:
        """Drop the first groups."""
        for _ in range(count):
            self._groups.popleft()
