import itertools
import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest

from edge_inspector.alarms import CONFIGURATION_REJECTED, Alarm
from edge_inspector.configuration import trial as trials
from edge_inspector.configuration.last_good import LastGood, digest_of
from edge_inspector.configuration.supervision import ReloadWish, Supervisor
from edge_inspector.errors import ConfigError, InspectorError, ModelError, SourceError, StuckError
from edge_inspector.settings import Settings, parse
from tests.fakes import PATIENCE_S


@dataclass
class Frames:
    inspected: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


@dataclass
class Totals:
    frames: Frames


class PlainFlow:
    """A flow that inspects frame after frame, unless its settings' site tells it to misbehave."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.frames = Frames()
        self.started = threading.Event()
        self.failure: Exception | None = None
        self.over = threading.Event()

    def run(self, stop: threading.Event) -> Totals:
        pace = 0
        match self.settings.station.site:
            case "silent":
                pass
            case "blind":
                self.frames.dropped["inspection_failed"] = 3
            case "fails":
                raise SourceError
            case "bug":
                raise ZeroDivisionError
            case "stuck":
                raise StuckError
            case "ends":
                return Totals(self.frames)
            case _:
                pace = 1
        self.started.set()
        while not (stop.wait(0.01) or self.over.is_set()):
            self.frames.inspected += pace
        if self.failure is not None:
            raise self.failure
        return Totals(self.frames)

    def totals(self) -> Totals:
        return Totals(self.frames)


class Panel:
    def __init__(self) -> None:
        self.said: list[str] = []

    def raise_(self, alarm: Alarm, *, lasting: bool = False) -> None:
        assert lasting
        self.said.append(f"raised {alarm.name}: {alarm.text}")

    def clear(self, name: str, *, text: str | None = None) -> None:
        assert text
        self.said.append(f"cleared {name}")


class LiveFlow(PlainFlow):
    """A flow that takes changes while it runs."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.alarms = Panel()
        self.applied: list[Settings] = []
        self.reopened: list[Settings] = []
        self.refuses: Exception | None = None
        self.cannot_open: Exception | None = None

    def apply(self, settings: Settings) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.applied.append(settings)

    def reopen_source(self, settings: Settings) -> None:
        if self.cannot_open is not None:
            raise self.cannot_open
        self.reopened.append(settings)


class Station:
    """A supervisor on a thread, and everything that it did."""

    def __init__(self, folder: Path, *, live: bool = True, **first: Any) -> None:
        self.file = folder / "station.json"
        self.state = folder / "state"
        self.stop, self.wish = threading.Event(), ReloadWish()
        self.flows: list[Any] = []
        self.alarms_at_start: list[tuple[Alarm, ...]] = []
        self.prepared: list[Settings] = []
        self.checked: list[Settings] = []
        self.check: Callable[[Settings], object] = self.checked.append
        self.ended: list[Totals | Exception] = []
        self._live = live
        self._thread: threading.Thread | None = None
        if first:
            self.write(**first)

    def write(self, **sections: Any) -> Settings:
        document = {"state": {"dir": str(self.state)}, **sections}
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(document))
        new.replace(self.file)
        return parse(document)

    def change(self, **sections: Any) -> Settings:
        """Write the file and ask for it, so that the test need not wait for the poll."""
        settings = self.write(**sections)
        self.wish.is_made = True
        return settings

    @contextmanager
    def build(self, settings: Settings, stop: threading.Event, alarms: tuple[Alarm, ...]) -> Iterator[PlainFlow]:
        assert not stop.is_set()
        if settings.station.site == "unbuildable":
            msg = "no such model"
            raise ModelError(msg)
        flow = LiveFlow(settings) if self._live else PlainFlow(settings)
        self.flows.append(flow)
        self.alarms_at_start.append(alarms)
        yield flow
        assert not flow.started.is_set() or stop.is_set() or flow.over.is_set()

    def _check_as_told(self, settings: Settings) -> None:
        self.check(settings)

    def run(self) -> Totals:
        return Supervisor[Totals](
            self.file,
            build=self.build,
            check=self._check_as_told,
            prepare=self.prepared.append,
            stop=self.stop,
            wish=self.wish,
        ).run()

    def start(self) -> Self:
        def run() -> None:
            try:
                self.ended.append(self.run())
            except Exception as error:  # noqa: BLE001 - the test looks at it
                self.ended.append(error)

        self._thread = threading.Thread(target=run)
        self._thread.start()
        return self

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        assert self._thread is not None
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()

    def end(self) -> Totals | Exception:
        assert self._thread is not None
        self._thread.join(PATIENCE_S)
        return self.ended[0]

    def wait_until(self, is_so: Callable[[], object]) -> None:
        pause = threading.Event()
        for _ in range(int(PATIENCE_S * 100)):
            if is_so():
                return
            assert not self.ended, self.ended
            pause.wait(0.01)
        pytest.fail("it never came to be")

    @property
    def store(self) -> LastGood:
        return LastGood(self.state / "camera", self.file)

    def tries(self) -> int:
        return self.store.tries(digest_of(self.file.read_bytes()))

    def good(self) -> Settings | None:
        return self.store.load()


def site(name: str, **sections: Any) -> dict[str, Any]:
    return {"station": {"site": name}, **sections}


def sites(station: Station) -> list[str]:
    return [flow.settings.station.site for flow in station.flows]


def proved(station: Station, settings: Settings) -> Callable[[], bool]:
    return lambda: station.good() == settings and station.tries() == 0


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    station = Station(tmp_path)
    first = station.write(**site("first"))
    with station:
        station.wait_until(proved(station, first))
        yield station


def test_a_first_configuration_that_inspects_a_frame_becomes_the_last_good_one(station: Station) -> None:
    assert sites(station) == ["first"]
    assert station.alarms_at_start == [()]
    assert [settings.station.site for settings in station.prepared] == ["first"]


def test_a_changed_file_that_needs_a_restart_is_checked_and_then_runs(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_inspector.durable._POLL_S", 0.1)
    second = station.write(**site("second"))
    station.wait_until(proved(station, second))
    assert sites(station) == ["first", "second"]
    assert station.checked == [second]
    assert station.alarms_at_start == [(), ()]


def test_a_wish_has_the_file_read_at_once(station: Station) -> None:
    second = station.change(**site("second"))
    station.wait_until(proved(station, second))


def test_a_live_change_is_applied_to_the_flow_that_runs(station: Station) -> None:
    second = station.change(**site("first", policy={"fail_safe": "review"}))
    station.wait_until(proved(station, second))
    (flow,) = station.flows
    assert (flow.applied, flow.reopened, station.checked) == ([second], [], [])
    assert station.prepared[-1] == second


def test_a_change_of_the_source_reopens_it(station: Station) -> None:
    second = station.change(**site("first", source={"type": "simulated", "seed": 7}))
    station.wait_until(proved(station, second))
    (flow,) = station.flows
    assert (flow.applied, flow.reopened, station.checked) == ([second], [second], [second])


def test_a_flow_that_takes_no_changes_is_built_anew_for_each(tmp_path: Path) -> None:
    station = Station(tmp_path, live=False)
    first = station.write(**site("first"))
    with station:
        station.wait_until(proved(station, first))
        second = station.change(**site("first", policy={"fail_safe": "review"}))
        station.wait_until(proved(station, second))
        assert [flow.settings for flow in station.flows] == [first, second]


def test_each_changed_key_is_logged_with_its_effect(station: Station, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        second = station.change(**site("first", policy={"fail_safe": "review"}, mqtt={"password": "hunter2"}))
        station.wait_until(proved(station, second))
    assert "configuration: policy.fail_safe: 'reject' -> 'review' (live)" in caplog.text
    assert "configuration: mqtt: None -> {" in caplog.text
    assert "hunter2" not in caplog.text


def test_a_broken_file_changes_nothing_and_all_that_is_wrong_with_it_is_said_once(
    station: Station, caplog: pytest.LogCaptureFixture
) -> None:
    station.file.write_text('{"flow": {"x": 1, "queue_size": 0}}')
    station.wish.is_made = True
    (flow,) = station.flows
    station.wait_until(lambda: flow.alarms.said)
    (said,) = flow.alarms.said
    assert said.startswith(f"raised {CONFIGURATION_REJECTED}: ")
    (record,) = (record for record in caplog.records if record.levelno == logging.ERROR)
    for text in (said, record.getMessage()):
        assert "flow.x: unknown key" in text
        assert "flow.queue_size" in text
    third = station.change(**site("first", log={"level": "debug"}))
    station.wait_until(proved(station, third))
    station.wait_until(lambda: flow.alarms.said[1:] == [f"cleared {CONFIGURATION_REJECTED}"])
    assert sites(station) == ["first"]


def test_a_broken_file_that_is_put_back_clears_the_alarm(station: Station) -> None:
    good = station.file.read_bytes()
    station.file.write_text("{")
    station.wish.is_made = True
    (flow,) = station.flows
    station.wait_until(lambda: flow.alarms.said)
    station.file.write_bytes(good)
    station.wish.is_made = True
    station.wait_until(lambda: f"cleared {CONFIGURATION_REJECTED}" in flow.alarms.said)
    assert sites(station) == ["first"]


def test_a_file_that_is_emptied_is_refused(station: Station) -> None:
    station.file.write_bytes(b"{}")
    station.wish.is_made = True
    (flow,) = station.flows
    station.wait_until(lambda: flow.alarms.said)
    assert "is empty" in flow.alarms.said[0]


@pytest.mark.parametrize("error", [ConfigError("no"), ModelError("no"), SourceError("no"), MemoryError()])
def test_what_fails_its_check_never_stops_what_runs(station: Station, error: Exception) -> None:
    def check(_settings: Settings) -> None:
        raise error

    station.check = check
    station.change(**site("second"))
    (flow,) = station.flows
    station.wait_until(lambda: flow.alarms.said)
    assert str(error) in flow.alarms.said[0]
    assert station.tries() == 0
    assert sites(station) == ["first"]


@pytest.mark.parametrize("name", ["unbuildable", "fails", "bug"])
def test_what_fails_as_it_begins_gives_way_to_the_last_good_one_at_once(station: Station, name: str) -> None:
    station.change(**site(name))
    station.wait_until(lambda: sites(station).count("first") == 2 and station.flows[-1].started.is_set())
    ((alarm,),) = station.alarms_at_start[-1:]
    assert alarm.name == CONFIGURATION_REJECTED
    assert station.tries() == 0
    good = station.good()
    assert good is not None
    assert good.station.site == "first"
    second = station.change(**site("second"))
    station.wait_until(proved(station, second))
    assert station.alarms_at_start[-1] == ()


def test_what_was_refused_is_not_tried_again_until_a_person_asks(station: Station) -> None:
    station.change(**site("fails"))
    station.wait_until(lambda: len(station.flows) == 3 and station.flows[-1].started.is_set())
    station.wish.is_made = True
    station.wait_until(lambda: len(station.flows) == 5 and station.flows[-1].started.is_set())
    assert sites(station) == ["first", "fails", "first", "fails", "first"]


def test_a_live_change_that_the_flow_refuses_changes_nothing(station: Station) -> None:
    (flow,) = station.flows
    flow.refuses = ConfigError("the model has no class dent")
    station.change(**site("first", policy={"min_area_px": {"dent": 5}}))
    station.wait_until(lambda: flow.alarms.said)
    assert "no class dent" in flow.alarms.said[0]
    assert station.tries() == 0
    assert sites(station) == ["first"]


def test_a_source_that_cannot_be_opened_again_stays_as_it_was(station: Station) -> None:
    (flow,) = station.flows
    flow.cannot_open = SourceError("no such folder")
    station.change(**site("first", source={"type": "simulated", "seed": 7}))
    station.wait_until(lambda: flow.alarms.said)
    assert "no such folder" in flow.alarms.said[0]
    assert (flow.applied, sites(station)) == ([], ["first"])


def test_a_source_that_was_opened_for_nothing_is_undone_by_a_flow_built_anew(station: Station) -> None:
    (flow,) = station.flows
    flow.refuses = ConfigError("the model has no class dent")
    station.change(**site("first", source={"type": "simulated", "seed": 7}))
    station.wait_until(lambda: len(station.flows) == 2)
    assert station.flows[1].settings == flow.settings
    ((alarm,),) = station.alarms_at_start[1:]
    assert "no class dent" in alarm.text


def test_a_flow_that_fails_soon_after_a_live_change_is_built_with_the_last_good_one(station: Station) -> None:
    (flow,) = station.flows
    flow.failure = SourceError("it broke")
    flow.apply = lambda _settings: flow.over.set()
    station.change(**site("first", policy={"fail_safe": "review"}))
    station.wait_until(lambda: len(station.flows) == 2)
    assert station.flows[1].settings.policy.fail_safe == "reject"


def test_a_configuration_that_proved_itself_and_fails_later_ends_the_daemon_as_ever(station: Station) -> None:
    (flow,) = station.flows
    flow.failure = SourceError("the camera is gone")
    flow.over.set()
    assert isinstance(station.end(), SourceError)


def test_the_end_of_the_source_is_the_end(station: Station) -> None:
    station.flows[0].over.set()
    ended = station.end()
    assert isinstance(ended, Totals)
    assert ended.frames.inspected >= 1


@pytest.mark.parametrize("name", ["unbuildable", "fails", "bug"])
def test_a_first_configuration_that_fails_has_nothing_to_give_way_to(tmp_path: Path, name: str) -> None:
    station = Station(tmp_path, **site(name))
    with pytest.raises((InspectorError, ZeroDivisionError)):
        station.run()
    assert station.tries() == 0


def test_at_a_start_too_what_fails_gives_way_to_the_last_good_one(tmp_path: Path) -> None:
    station = Station(tmp_path)
    good = station.write(**site("first"))
    station.store.keep(good)
    station.write(**site("unbuildable"))
    with station:
        station.wait_until(lambda: station.flows and station.flows[0].started.is_set())
        assert sites(station) == ["first"]
        assert "no such model" in station.alarms_at_start[0][0].text


def test_a_stuck_trial_ends_the_process_and_counts_as_a_crash(tmp_path: Path) -> None:
    station = Station(tmp_path)
    station.store.keep(station.write(**site("first")))
    station.write(**site("stuck"))
    for tries in (1, 2):
        with pytest.raises(StuckError):
            station.run()
        assert station.tries() == tries
    with station:
        station.wait_until(lambda: "first" in sites(station) and station.flows[-1].started.is_set())
        assert "ended the process 2 times" in station.alarms_at_start[-1][0].text


def test_a_stop_during_a_trial_is_no_crash(tmp_path: Path) -> None:
    station = Station(tmp_path, **site("silent"))
    with station:
        station.wait_until(lambda: station.flows and station.flows[0].started.is_set())
        assert station.tries() == 1
    assert station.tries() == 0
    assert station.good() is None


def test_a_silent_flow_proves_itself_with_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "PROOF_S", 0.2)
    station = Station(tmp_path)
    silent = station.write(**site("silent"))
    with station:
        station.wait_until(proved(station, silent))


def test_a_flow_that_can_inspect_nothing_gives_way(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "PROOF_S", 0.2)
    station.change(**site("blind"))
    station.wait_until(lambda: sites(station) == ["first", "blind", "first"])
    assert station.tries() == 0
    assert "no frame could be inspected" in station.alarms_at_start[-1][0].text


def test_a_configuration_may_be_replaced_before_it_has_proved_itself(station: Station) -> None:
    station.change(**site("silent"))
    station.wait_until(lambda: len(station.flows) == 2 and station.flows[1].started.is_set())
    third = station.change(**site("third"))
    station.wait_until(proved(station, third))
    assert sites(station) == ["first", "silent", "third"]


def test_wishes_and_changes_that_come_while_one_is_looked_at_wait_for_their_turn(station: Station) -> None:
    began, gate = threading.Event(), threading.Event()

    def check(_settings: Settings) -> None:
        began.set()
        assert gate.wait(PATIENCE_S)

    station.check = check
    station.change(**site("second"))
    assert began.wait(PATIENCE_S)
    third = station.change(**site("third"))
    for _ in range(5):
        station.wish.is_made = True
    gate.set()
    station.wait_until(proved(station, third))
    assert sites(station) == ["first", "second", "third"]


def test_a_stop_does_not_wait_for_a_check_and_its_configuration_is_forgiven_at_the_next_start(
    station: Station,
) -> None:
    began, gate = threading.Event(), threading.Event()

    def check(_settings: Settings) -> None:
        began.set()
        gate.wait(PATIENCE_S)

    station.check = check
    station.change(**site("second"))
    assert began.wait(PATIENCE_S)
    station.stop.set()
    assert isinstance(station.end(), Totals)
    assert station.tries() == 1  # a first try: the next start makes a second
    gate.set()


def test_the_mark_is_there_before_a_configuration_is_opened(station: Station) -> None:
    marks = []
    station.check = lambda settings: marks.append((settings.station.site, station.tries()))
    second = station.change(**site("second"))
    station.wait_until(proved(station, second))
    assert marks == [("second", 1)]


def test_a_home_that_changes_takes_the_last_good_configuration_along(station: Station) -> None:
    good = station.good()
    station.change(**site("silent"), state={"dir": str(station.state / "new")})
    station.wait_until(lambda: len(station.flows) == 2 and station.flows[1].started.is_set())
    moved = LastGood(station.flows[1].settings.home, station.file)
    assert moved.load() == good
    assert moved.tries(digest_of(station.file.read_bytes())) == 1


@pytest.mark.parametrize("changes", [6, pytest.param(60, marks=pytest.mark.nightly)])
def test_random_histories_end_with_the_file_in_force_or_refused(tmp_path: Path, changes: int) -> None:
    station = Station(tmp_path)
    first = station.write(**site("first"))
    with station:
        station.wait_until(proved(station, first))
        kinds = ["second", "fails", "third", "unbuildable", "bug", "first"]
        for number, name in zip(range(changes), itertools.cycle(kinds), strict=False):
            wanted = station.change(**site(name, model={"threads": number + 1}))
            if name in {"fails", "unbuildable", "bug"}:
                before = station.good()
                station.wait_until(
                    lambda: (
                        len(station.alarms_at_start[-1]) == 1
                        and not station.wish.is_made
                        and station.flows[-1].started.is_set()
                    )
                )
                assert station.flows[-1].settings == before
            else:
                station.wait_until(proved(station, wanted))
                assert station.alarms_at_start[-1] == ()
    assert isinstance(station.ended[0], Totals)
