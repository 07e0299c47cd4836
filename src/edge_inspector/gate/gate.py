"""The gate's thread: it takes outcomes, and sets the outputs when their parts are there.

    take() ─▶ a bounded queue ─▶ pulses that wait for their part ─▶ the outputs, written where they differ
    inspect thread               thread "gate"

Nothing here waits for anything else of the station: what is not at the output in time is a miss, told and counted.
"""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from math import inf

from edge_inspector.backoff import pause_s
from edge_inspector.decision import Verdict
from edge_inspector.errors import FieldbusError
from edge_inspector.events import Json
from edge_inspector.gate.outputs import Outputs
from edge_inspector.gate.part import Part, part_of
from edge_inspector.gate.pulses import Pulses
from edge_inspector.gate.reckoning import Reckoning
from edge_inspector.gate.timing import ByEncoder, ByTime, Timing
from edge_inspector.gate.wires import EncoderReader, Wires
from edge_inspector.inspection import InspectionResult
from edge_inspector.ports import AlarmPanel
from edge_inspector.settings import DelayByEncoder, GateSettings

_log = logging.getLogger(__name__)

STARTS, STOPS = "the station starts", "the station stops"
_QUEUE = 1024  # outcomes that may wait for the gate's thread, which takes them within milliseconds
_LOOK_NS = 20_000_000  # the inspection is asked so often whether it can be trusted
_SHORTEST_S, _LONGEST_S = 0.1, 2.0  # pauses before a lost output is tried again
_HANGS_NS = 1_000_000_000  # a turn that takes longer is in a driver that hangs
_LAST_PULSE_S = 0.2  # a stop cuts a longer pulse
_GOODBYE_S = 0.6  # a stop waits so long for the outputs to be left as they shall be


class Gate:
    """Throws parts out; `watch` starts it."""

    def __init__(
        self, settings: GateSettings, wires: Wires, alarms: AlarmPanel, *, reader: EncoderReader | None = None
    ) -> None:
        """Prepare; nothing is set yet.

        Args:
            settings: What is thrown out, and when.
            wires: The outputs; they belong to the gate's thread.
            alarms: Where misses and outages are told.
            reader: Reads the encoder, where the delay is counted by one.
        """
        self._settings, self._wires, self._reader = settings, wires, reader
        self._rejects = frozenset(Verdict(name) for name in settings.rejects)
        self._deadline_ns = int(settings.deadline_ms * 1e6)
        timing, self._encoder, self._poll_ns = _timing(settings, self._deadline_ns)
        self._pulses = Pulses(timing, pulse_ns=int(settings.pulse_ms * 1e6))
        self._outputs = Outputs(wires, heartbeat_ns=int(settings.heartbeat_ms * 1e6), deadline_ns=self._deadline_ns)
        self._reckoning = Reckoning(alarms, deadline_ms=settings.deadline_ms, by_encoder=self._encoder is not None)
        self._taken: deque[Part] = deque()
        self._wake, self._closing, self._ended = threading.Event(), threading.Event(), threading.Event()
        self._polled_ns: float = -inf
        self._failures, self._retry_ns = 0, 0
        self._busy_since_ns: int | None = None
        self._distrust: Callable[[float], str | None] = lambda _: STARTS
        self._why_not_trusted: str | None = STARTS

    def take(self, result: InspectionResult, *, captured_monotonic_ns: int) -> None:
        """See `ports.RejectGate`."""
        part = part_of(result, captured_ns=captured_monotonic_ns, rejects=self._rejects)
        busy_since_ns = self._busy_since_ns
        if busy_since_ns is not None and time.monotonic_ns() - busy_since_ns > _HANGS_NS:
            self._reckoning.unreachable("the output has not answered for more than a second")
        if len(self._taken) < _QUEUE and not self._ended.is_set():
            self._taken.append(part)
            self._wake.set()
            return
        self._reckoning.take(part)
        (self._reckoning.miss_pulse if part.is_rejected else self._reckoning.miss)(part, "the gate takes no more")

    @contextmanager
    def watch(
        self, distrust: Callable[[float], str | None], *, work: AbstractContextManager[None] | None = None
    ) -> Iterator[None]:
        """Serve the outputs while the context lasts, and leave them in their fail-safe state.

        Args:
            distrust: Returns why the inspection cannot be trusted now, or None, given the milliseconds after which an
                outcome comes too late; asked 50 times a second.
            work: Entered around each turn of the thread, so that a watchdog sees a driver that hangs.
        """
        self._distrust = distrust
        threading.Thread(target=self._run, args=(work or nullcontext(),), name="gate", daemon=True).start()
        try:
            yield
        finally:
            self._closing.set()
            self._wake.set()
            if not self._ended.wait(_GOODBYE_S):
                _log.error("the gate's output does not answer at the end: nobody knows how it is left")

    def document(self) -> dict[str, Json]:
        """Return what the statistics tell of it."""
        return {
            **self._reckoning.accounts.document(),
            "trusted": self._why_not_trusted is None,
            "reason": self._why_not_trusted,
        }

    def _run(self, work: AbstractContextManager[None]) -> None:
        try:
            while not self._closing.is_set():
                self._busy_since_ns = time.monotonic_ns()
                with work:
                    self._turn()
                self._busy_since_ns = None
                self._wake.wait(self._wait_s(time.monotonic_ns()))
                self._wake.clear()
        except Exception as error:  # noqa: BLE001 - thread boundary: a defect of ours must not look like a quiet line
            _log.exception("the gate failed")
            self._reckoning.unreachable(f"the gate failed: {type(error).__name__}: {error}")
        try:
            with work:
                self._leave()
        finally:
            self._busy_since_ns = None
            self._ended.set()
            self._close()

    def _turn(self) -> None:
        """Bring the outputs to what they should be now."""
        self._trust(self._distrust(self._settings.verdict_by_ms or self._settings.deadline_ms))
        self._sort_taken()
        self._give_up_late()
        if time.monotonic_ns() < self._retry_ns:
            return
        try:
            self._serve()
        except FieldbusError as error:
            self._lost(error)
        else:
            self._failures = 0
            self._reckoning.reachable()

    def _serve(self) -> None:
        """Read and write what is to be; the reject output comes first.

        Raises:
            FieldbusError: If something could not be read or written.
        """
        self._poll_encoder()
        self._give_up_late()  # the poll may have taken its time
        now_ns = time.monotonic_ns()
        due = self._pulses.due(now_ns)
        self._outputs.reject(on=self._holds or bool(due) or self._pulses.is_on(now_ns))
        if due:
            at_ns = time.monotonic_ns()
            self._pulses.begun([part for part, _ in due], at_ns)
            for part, window in due:
                self._reckoning.begun(part, window, at_ns)
        self._outputs.trusted(on=self._why_not_trusted is None)
        for part in self._outputs.tell():
            self._told(part, time.monotonic_ns())
        self._outputs.beat(time.monotonic_ns())

    @property
    def _holds(self) -> bool:
        return self._why_not_trusted is not None and self._settings.fail_safe == "hold"

    def _trust(self, why_not: str | None) -> None:
        if why_not != self._why_not_trusted:
            is_news = self._why_not_trusted is None and why_not != STOPS
            _log.log(logging.WARNING if is_news else logging.INFO, "the gate: %s", why_not or "all is well")
            self._why_not_trusted = why_not

    def _sort_taken(self) -> None:
        while self._taken:
            part = self._taken.popleft()
            self._reckoning.take(part)
            if part.is_rejected and self._wires.throws_out:
                if self._why_not_trusted is None or self._holds or part.is_judged:
                    self._pulses.ask(part)
                else:
                    self._reckoning.withhold([part])
            if self._wires.tells_outcomes:
                self._outputs.ask(part)
            elif self._encoder is None and not part.is_rejected and self._is_late(part, time.monotonic_ns()):
                self._reckoning.miss(part)

    def _give_up_late(self) -> None:
        now_ns = time.monotonic_ns()
        for part in self._pulses.take_late(now_ns):
            self._reckoning.miss_pulse(part)
        for part in self._outputs.take_late(now_ns):
            self._reckoning.miss(part)

    def _told(self, part: Part, at_ns: int) -> None:
        if self._is_late(part, at_ns):
            self._reckoning.miss(part)
        elif not (part.is_rejected and self._wires.throws_out):  # else its pulse is what counts
            self._reckoning.accounts.at_output(captured_ns=part.captured_ns, at_ns=at_ns)

    def _poll_encoder(self) -> None:
        before_ns = time.monotonic_ns()
        if self._encoder is None or self._reader is None or before_ns < self._polled_ns + self._poll_ns:
            return
        count = self._reader.read()
        self._encoder.read(count, (before_ns + time.monotonic_ns()) // 2)  # it was read somewhere in between
        self._polled_ns = before_ns

    def _lost(self, error: FieldbusError) -> None:
        """Try once more at once, as for a connection that the other side has closed; then with pauses."""
        self._close()
        self._outputs.forget()
        self._failures += 1
        self._reckoning.accounts.unreachable(is_so=True)
        if self._failures == 1:
            return
        self._reckoning.unreachable(str(error))
        wait_s = pause_s(self._failures - 2, _SHORTEST_S, _LONGEST_S, jitter=random.random())  # noqa: S311 - no secret
        self._retry_ns = time.monotonic_ns() + int(wait_s * 1e9)
        if self._encoder is not None:  # it may be set back, or wrap around unseen
            self._encoder.forget()
            for part in self._pulses.take_all():
                self._reckoning.miss_pulse(part, "the encoder was lost while it was on its way")

    def _leave(self) -> None:
        """Leave the outputs as for an inspection that cannot be trusted."""
        self._trust(STOPS)
        self._sort_taken()
        self._give_up_late()
        try:
            self._serve()
            if not self._holds and self._pulses.is_on(time.monotonic_ns()):
                time.sleep(min(self._settings.pulse_ms / 1e3, _LAST_PULSE_S))
            self._outputs.reject(on=self._holds)
        except FieldbusError as error:
            _log.error("the gate is not left in its fail-safe state: %s", error)
        self._reckoning.withhold(self._pulses.take_all())

    def _close(self) -> None:
        self._wires.close()
        if self._reader is not None:
            self._reader.close()

    def _wait_s(self, now_ns: int) -> float:
        wake_ns: float = now_ns + _LOOK_NS
        if self._failures:
            return max(0.0, min(wake_ns, self._retry_ns) - now_ns) / 1e9
        wake_ns = min(wake_ns, self._pulses.wakes_at_ns(now_ns), self._outputs.beats_at_ns)
        if self._encoder is not None:
            wake_ns = min(wake_ns, self._polled_ns + self._poll_ns)
        return max(0.0, wake_ns - now_ns) / 1e9

    def _is_late(self, part: Part, now_ns: int) -> bool:
        return now_ns > part.captured_ns + self._deadline_ns


def _timing(settings: GateSettings, deadline_ns: int) -> tuple[Timing, ByEncoder | None, int]:
    """Return what tells when a part is at the gate, the same where it is an encoder, and how often that is read."""
    delay = settings.delay
    if isinstance(delay, DelayByEncoder):
        encoder = ByEncoder(counts=delay.counts, late_counts=delay.late_counts, bits=delay.bits)
        return encoder, encoder, int(delay.poll_ms * 1e6)
    return ByTime(delay_ns=int(delay.ms * 1e6), deadline_ns=deadline_ns), None, 0
