"""A thread with an event loop: things are done there one at a time, and waited for elsewhere."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

PATIENCE_S = 20.0

T = TypeVar("T")


class LoopThread:
    """What goes wrong inside of the loop is raised where it is closed."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(self._note_mistake)
        self._server: asyncio.AbstractServer | None = None
        self._thread = threading.Thread(target=self.loop.run_forever, name=name, daemon=True)
        self._mistakes: list[BaseException] = []
        self._waiting: list[tuple[Callable[[], object], Future[None]]] = []

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()
        if self._mistakes:
            raise self._mistakes[0]

    def listen(self, path: Path, accept: Callable[[], asyncio.Protocol]) -> None:
        self._server = self._run(self.loop.create_unix_server(accept, path))

    def listen_no_more(self) -> None:
        if self._server is not None:
            self.do(self._server.close)

    def do(self, work: Callable[[], T]) -> T:
        """Do something on the loop, and return or raise what comes of it."""

        async def run() -> T:
            result = work()
            self.look()
            return result

        return self._run(run())

    def wait_until(self, predicate: Callable[[], object], timeout_s: float) -> bool:
        """Return whether something on the loop becomes true within the time."""
        came_true: Future[None] = Future()
        waiting = (predicate, came_true)
        self.do(lambda: self._waiting.append(waiting))
        try:
            came_true.result(timeout_s)
        except TimeoutError:
            return False
        finally:
            self.do(lambda: self._waiting.remove(waiting))
        return True

    def look(self) -> None:
        """See whether what is waited for has come true; called on the loop after each change."""
        for predicate, came_true in self._waiting:
            if not came_true.done() and predicate():
                came_true.set_result(None)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE_S)

    def _note_mistake(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._mistakes.append(context.get("exception") or RuntimeError(context["message"]))
