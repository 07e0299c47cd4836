"""The gate's thread: it takes outcomes, and sets the outputs when their parts are there.

    take() ─▶ a bounded queue ─▶ pulses that wait for their part ─▶ the outputs, written where they differ
    inspect thread               thread "gate"

Nothing here waits for anything else of the station: what is not at the output in time is a miss, told and counted.
"""

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from math import inf

from edge_inspector.decision import Verdict
from edge_inspector.errors import FieldbusError
from edge_inspector.events import Json
from edge_inspector.gate.encoder import EncoderPoll
from edge_inspector.gate.errand import Errand
from edge_inspector.gate.hold import Hold
from edge_inspector.gate.outputs import Outputs
from edge_inspector.gate.part import Part, part_of
from edge_inspector.gate.pulses import Pulses
from edge_inspector.gate.reckoning import Reckoning
from edge_inspector.gate.timing import ByEncoder, ByTime, Timing
from edge_inspector.gate.wires import EncoderReader, Wires
from edge_inspector.inspection import InspectionResult
from edge_inspector.ports import AlarmPanel
from edge_inspector.settings import DelayByEncoder, DelayByTime, GateSettings

_log = logging.getLogger(__name__)

STARTS, STOPS = "the station starts", "the station stops"
_QUEUE = 1024  # outcomes that may wait for the gate's thread, which takes them within milliseconds
_LOOK_NS = 20_000_000  # the inspection is asked so often whether it can be trusted
_HANGS_NS = 1_000_000_000  # a request that takes longer is in a driver that hangs
_LAST_PULSE_NS = 200_000_000  # a stop cuts a longer pulse
_LAST_S = 0.5  # a stop tells what is left for so long
_GOODBYE_S = 0.6  # and waits so long for the outputs to be left as they shall be
_SAID_AGAIN_NS = 1_000_000_000  # the log tells no more often that trust comes and goes


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
        self._settings, self._wires = settings, wires
        self._rejects = frozenset(Verdict(name) for name in settings.rejects)
        self._deadline_ns = int(settings.deadline_ms * 1e6)
        timing, self._encoder = _timing(settings, reader)
        pulse_ns = int(settings.pulse_ms * 1e6)
        self._pulses, self._hold = Pulses(timing, pulse_ns=pulse_ns), Hold(timing, pulse_ns=pulse_ns)
        self._outputs = Outputs(wires, heartbeat_ns=int(settings.heartbeat_ms * 1e6), deadline_ns=self._deadline_ns)
        self._reckoning = Reckoning(alarms, deadline_ms=settings.deadline_ms, by_encoder=self._encoder is not None)
        self._taken: queue.SimpleQueue[tuple[InspectionResult, int] | None] = queue.SimpleQueue()
        self._came: deque[Part] = deque()
        self._closing, self._abandoned, self._ended = threading.Event(), threading.Event(), threading.Event()
        self._encoder_errand, self._reject_errand = Errand("encoder"), Errand("reject output")
        self._beat_errand = Errand("heartbeat")
        self._by_turns: deque[tuple[Errand, Callable[[], bool], Callable[[], None]]] = deque(
            (
                (Errand("trusted"), self._is_trust_untold, self._say_trusted),
                (self._beat_errand, lambda: time.monotonic_ns() >= self._outputs.beats_at_ns, self._beat),
                (Errand("outcomes"), lambda: self._outputs.has_untold, self._tell),
            )
        )
        self._busy_since_ns: int | None = None
        self._distrust: Callable[[float], str | None] = lambda _: STARTS
        self._why_not_trusted: str | None = STARTS
        self._said_ns: float = -inf

    def take(self, result: InspectionResult, *, captured_monotonic_ns: int) -> None:
        """See `ports.RejectGate`."""
        busy_since_ns = self._busy_since_ns
        if busy_since_ns is not None and time.monotonic_ns() - busy_since_ns > _HANGS_NS:
            self._reckoning.failed("driver", "the output has not answered for more than a second")
        if self._taken.qsize() < _QUEUE and not self._ended.is_set():
            self._taken.put((result, captured_monotonic_ns))  # the rest is left to the gate's thread
            return
        part = self._part_of(result, captured_monotonic_ns)
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
            self._taken.put(None)
            if not self._ended.wait(_GOODBYE_S):
                self._abandoned.set()  # another gate may serve the outputs from now on
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
                with work:
                    is_more = self._turn()
                with suppress(queue.Empty):
                    first = self._taken.get(timeout=0.0 if is_more else self._wait_s(time.monotonic_ns()))
                    self._came.extend(() if first is None else (self._part_of(*first),))
        except Exception as error:  # noqa: BLE001 - thread boundary: a defect of ours must not look like a quiet line
            _log.exception("the gate failed")
            self._reckoning.failed("gate", f"the gate failed: {type(error).__name__}: {error}")
        try:
            with work:
                self._leave()
        finally:
            self._busy_since_ns = None
            self._ended.set()
            self._sort_taken()
            self._reckoning.withhold(self._pulses.take_all())
            self._close()

    def _turn(self) -> bool:
        """Bring the outputs nearer to what they should be now; return whether there is more to do at once."""
        if self._encoder is not None:
            self._read(self._encoder)
        why_lost = None if self._encoder is None else self._encoder.why_lost
        self._trust(self._distrust(self._settings.verdict_by_ms or self._settings.deadline_ms) or why_lost)
        self._sort_taken()
        self._give_up_late()
        return self._serve()

    def _serve(self) -> bool:
        """Set the reject output, and one of the others by turns; return whether there is more to do at once.

        One by one, so that a PLC that answers slowly, or refuses one of them, keeps no pulse waiting for the others.
        """
        if not self._try(self._reject_errand, self._throw_out):
            return self._reject_errand.is_ready(time.monotonic_ns())
        for errand, is_due, write in tuple(self._by_turns):
            self._by_turns.rotate(-1)
            if is_due() and errand.is_ready(time.monotonic_ns()):
                self._try(errand, write)
                return True
        return False

    def _try(self, errand: Errand, do: Callable[[], None]) -> bool:
        """Run an errand that may be tried; return whether it is done."""
        began_ns = time.monotonic_ns()
        if self._abandoned.is_set() or not errand.is_ready(began_ns):
            return False
        self._busy_since_ns = began_ns
        try:
            do()
        except FieldbusError as error:
            self._outputs.forget()
            errand.failed(time.monotonic_ns())
            self._reckoning.failed(errand.name, str(error), is_told=errand.failures > 1)
            if self._encoder is not None and errand is self._encoder_errand and errand.failures > 1:
                self._encoder.lose(str(error))
            return False
        finally:
            self._busy_since_ns = None
            self._reckoning.recovered("driver", is_all=False)
        if errand.failures:
            errand.succeeded()
            errands = self._encoder_errand, self._reject_errand, *(each for each, _, _ in self._by_turns)
            self._reckoning.recovered(errand.name, is_all=not any(each.failures for each in errands))
        return True

    def _throw_out(self) -> None:
        now_ns = time.monotonic_ns()
        due = self._pulses.due(now_ns)
        self._outputs.reject(on=self._holds(now_ns) or bool(due) or self._pulses.is_on(now_ns))
        if due:
            at_ns = time.monotonic_ns()
            self._pulses.begun(due, at_ns)
            for part, window in due:
                self._reckoning.begun(part, window, at_ns)
            if not (self._pulses.is_on(at_ns) or self._abandoned.is_set()):  # too late: another part may be there
                self._outputs.reject(on=self._holds(at_ns))

    def _is_trust_untold(self) -> bool:
        return not self._outputs.is_said(trusted=self._why_not_trusted is None)

    def _say_trusted(self) -> None:
        self._outputs.say(trusted=self._why_not_trusted is None)

    def _beat(self) -> None:
        self._outputs.beat(time.monotonic_ns())

    def _tell(self) -> None:
        if (part := self._outputs.tell()) is None:
            return
        at_ns = time.monotonic_ns()
        if self._is_late(part, at_ns):
            self._reckoning.miss(part)
        elif not (part.is_rejected and self._wires.throws_out):  # else its pulse is what counts
            self._reckoning.accounts.at_output(captured_ns=part.captured_ns, at_ns=at_ns)

    def _holds(self, now_ns: int) -> bool:
        return self._settings.fail_safe == "hold" and self._hold.is_on(now_ns)

    def _trust(self, why_not: str | None) -> None:
        now_ns = time.monotonic_ns()
        self._hold.trust(now_ns, is_trusted=why_not is None)
        if why_not == self._why_not_trusted:
            return
        if now_ns >= self._said_ns + _SAID_AGAIN_NS:
            is_news = self._why_not_trusted is None and why_not != STOPS
            _log.log(logging.WARNING if is_news else logging.INFO, "the gate: %s", why_not or "all is well")
            self._said_ns = now_ns
        self._why_not_trusted = why_not

    def _sort_taken(self) -> None:
        while not self._taken.empty():
            if (taken := self._taken.get()) is not None:
                self._came.append(self._part_of(*taken))
        holds = self._holds(time.monotonic_ns())
        while self._came:
            part = self._came.popleft()
            self._reckoning.take(part)
            if part.is_rejected and self._wires.throws_out:
                if self._why_not_trusted is None or holds or part.is_judged:
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

    def _read(self, encoder: EncoderPoll) -> None:
        if time.monotonic_ns() >= encoder.next_ns:
            self._try(self._encoder_errand, encoder.read)
        if encoder.why_lost is not None:
            for part in self._pulses.take_all():
                self._reckoning.miss_pulse(part, "the encoder was lost while it was on its way")

    def _leave(self) -> None:
        """Leave the outputs as for an inspection that cannot be trusted."""
        self._trust(STOPS)
        self._sort_taken()
        ends_ns = time.monotonic_ns() + int(_LAST_S * 1e9)
        self._pulses.cut(time.monotonic_ns() + _LAST_PULSE_NS)
        while not self._abandoned.is_set() and time.monotonic_ns() < ends_ns:
            self._give_up_late()
            if self._serve():
                continue
            lasts_ns = self._pulses.lasts_ns(time.monotonic_ns())
            if not lasts_ns or self._reject_errand.failures:
                break
            time.sleep(lasts_ns / 1e9)
        if self._reject_errand.failures or not self._outputs.is_said(trusted=False):
            _log.error("the gate is not left in its fail-safe state: the output does not answer in time")

    def _close(self) -> None:
        self._wires.close()
        if self._encoder is not None:
            self._encoder.close()

    def _wait_s(self, now_ns: int) -> float:
        wake_ns = min(
            now_ns + _LOOK_NS,
            max(self._pulses.wakes_at_ns(now_ns), self._reject_errand.again_ns),
            max(self._outputs.beats_at_ns, self._beat_errand.again_ns),
            inf if self._encoder is None else max(self._encoder.next_ns, self._encoder_errand.again_ns),
        )
        return max(0.0, wake_ns - now_ns) / 1e9

    def _part_of(self, result: InspectionResult, captured_ns: int) -> Part:
        return part_of(result, captured_ns=captured_ns, rejects=self._rejects)

    def _is_late(self, part: Part, now_ns: int) -> bool:
        return now_ns > part.captured_ns + self._deadline_ns


def _timing(settings: GateSettings, reader: EncoderReader | None) -> tuple[Timing, EncoderPoll | None]:
    """Return what tells when a part is at the gate, and what reads the encoder where it is one."""
    delay = settings.delay
    if isinstance(delay, DelayByEncoder) and reader is not None:
        encoder = ByEncoder(counts=delay.counts, late_counts=delay.late_counts, bits=delay.bits)
        return encoder, EncoderPoll(encoder, reader, poll_ns=int(delay.poll_ms * 1e6))
    delay_ms = delay.ms if isinstance(delay, DelayByTime) else 0.0
    return ByTime(delay_ns=int(delay_ms * 1e6), deadline_ns=int(settings.deadline_ms * 1e6)), None
