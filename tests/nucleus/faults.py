"""What is to go wrong with the next requests of an operation."""

from collections import defaultdict, deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fails:
    """The request is refused with this error, and nothing is done."""

    error_name: str


@dataclass(frozen=True, slots=True)
class Waits:
    """The request is served this much later."""

    seconds: float


@dataclass(frozen=True, slots=True)
class LosesAnswer:
    """The request gets no answer: it was done or it was not, and the connection stays or it is closed."""

    is_done: bool
    closes: bool


Fault = Fails | Waits | LosesAnswer


class Faults:
    """A queue of faults for each operation, used up one a request."""

    def __init__(self) -> None:
        self._queues: defaultdict[str, deque[Fault]] = defaultdict(deque)

    def add(self, operation: str, fault: Fault, times: int) -> None:
        self._queues[operation].extend([fault] * times)

    def next(self, operation: str) -> Fault | None:
        queue = self._queues[operation]
        return queue.popleft() if queue else None
