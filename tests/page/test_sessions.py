import json
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.page.access import session_file
from edge_inspector.page.access.session_file import Kept
from edge_inspector.page.access.sessions import FILE, MOST, MOST_OF_A_USER, Sessions
from edge_inspector.settings import PageUser
from tests.fakes import PATIENCE_S, Clock
from tests.logged import warnings_in
from tests.page.people import hashed

ADA, OTTO = PageUser(role="admin", password=hashed()), PageUser(role="operator", password=hashed())
USERS = {"ada": ADA, "otto": OTTO}
NOW_S = 1e9


def sessions_in(home: Path | None, users: dict[str, PageUser] = USERS, clock: Clock | None = None) -> Sessions:
    return Sessions(users, hours=12, home=home, now_s=clock or Clock(NOW_S))


def test_a_token_tells_who_has_signed_in_until_they_sign_out(tmp_path: Path) -> None:
    sessions = sessions_in(tmp_path)
    token, other = sessions.begin("ada"), sessions.begin("otto")
    assert sessions.user_of(token) == "ada"
    sessions.end(token)
    assert sessions.user_of(token) is None
    assert sessions.user_of(other) == "otto"


@given(st.text())
def test_no_other_token_tells_anybody(token: str) -> None:
    sessions = sessions_in(None)
    sessions.begin("ada")
    assert sessions.user_of(token) is None


def test_a_restart_signs_nobody_out_and_brings_nobody_back(tmp_path: Path) -> None:
    before = sessions_in(tmp_path)
    token, ended = before.begin("ada"), before.begin("ada")
    before.end(ended)
    after = sessions_in(tmp_path)
    assert after.user_of(token) == "ada"
    assert after.user_of(ended) is None
    assert after.csrf_of(token) == before.csrf_of(token)
    assert after.csrf_of_proxied("ada") == before.csrf_of_proxied("ada")
    assert after.installation == before.installation


@pytest.mark.parametrize(
    "users",
    [
        {"ada": PageUser(role="viewer", password=ADA.password)},
        {"ada": PageUser(role="admin", password=hashed("battery staple"))},
        {"otto": OTTO},
    ],
    ids=["role", "password", "removed"],
)
def test_another_role_or_password_or_none_ends_a_session(tmp_path: Path, users: dict[str, PageUser]) -> None:
    token = sessions_in(tmp_path).begin("ada")
    assert sessions_in(tmp_path, users).user_of(token) is None
    assert sessions_in(tmp_path).user_of(token) is None, "and it does not come back with the old configuration"


def test_a_session_is_over_after_its_hours(tmp_path: Path) -> None:
    clock = Clock(NOW_S)
    sessions = sessions_in(tmp_path, clock=clock)
    token = sessions.begin("ada")
    clock.now_s += 12 * 3600 - 1
    assert sessions.user_of(token) == "ada"
    clock.now_s += 1
    assert sessions.user_of(token) is None


def test_a_session_of_a_clock_that_was_ahead_does_not_last_for_years() -> None:
    clock = Clock(NOW_S)
    sessions = sessions_in(None, clock=clock)
    token = sessions.begin("ada")
    clock.now_s -= 60
    assert sessions.user_of(token) == "ada"
    clock.now_s -= 1e8
    assert sessions.user_of(token) is None


def test_the_file_is_private_and_holds_no_token_and_no_hash_of_a_password(tmp_path: Path) -> None:
    sessions = sessions_in(tmp_path)
    token = sessions.begin("ada")
    content = (tmp_path / FILE).read_text()
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert "ada" in content
    assert token not in content
    assert sessions.csrf_of(token) not in content
    assert (ADA.password or "") not in content


def test_one_user_has_so_many_sessions_and_the_oldest_goes() -> None:
    sessions = sessions_in(None)
    other = sessions.begin("otto")
    tokens = [sessions.begin("ada") for _ in range(MOST_OF_A_USER + 2)]
    assert [sessions.user_of(token) for token in tokens[:3]] == [None, None, "ada"]
    assert sessions.user_of(other) == "otto"


def test_all_users_have_so_many_sessions_and_the_oldest_goes() -> None:
    users = {f"user-{number}": ADA for number in range(MOST + 1)}
    sessions = sessions_in(None, users)
    tokens = {name: sessions.begin(name) for name in users}
    assert [sessions.user_of(tokens[f"user-{number}"]) for number in (0, 1, MOST)] == [None, "user-1", f"user-{MOST}"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"version": 2}',
        "[" * 100_000,
        '{"version": 1, "secret": "00", "sessions": {}}',
        '{"version": 1, "secret": "' + "00" * 32 + '", "sessions": {"x": ["ada", "y"]}}',
        '{"version": 1, "secret": "' + "00" * 32 + '", "sessions": []}',
    ],
)
def test_a_file_that_is_no_good_signs_everybody_out_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    (tmp_path / FILE).write_text(content)
    sessions = sessions_in(tmp_path)
    assert len(warnings_in(caplog)) == 1
    assert "everybody must sign in again" in warnings_in(caplog)[0]
    token = sessions.begin("ada")
    assert sessions_in(tmp_path).user_of(token) == "ada"


def test_a_session_that_ends_while_the_disk_takes_nothing_does_not_come_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sessions = sessions_in(tmp_path)
    token = sessions.begin("ada")
    (tmp_path / f".{FILE}.part").mkdir()  # nothing can be written under this name
    sessions.end(token)
    assert "after a restart people must sign in again" in warnings_in(caplog)[0]
    assert sessions_in(tmp_path).user_of(token) is None


def test_a_disk_that_hangs_keeps_nobody_from_being_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = sessions_in(tmp_path)
    token, other = sessions.begin("ada"), sessions.begin("ada")
    hangs, goes_on = threading.Event(), threading.Event()

    def hang(file: Path, kept: Kept) -> None:  # noqa: ARG001 - as what writes
        hangs.set()
        assert goes_on.wait(2 * PATIENCE_S)

    monkeypatch.setattr(session_file, "write", hang)
    known: list[str | None] = []
    leaving = threading.Thread(target=sessions.end, args=[other])
    looking = threading.Thread(target=lambda: known.extend(map(sessions.user_of, (token, other))))
    leaving.start()
    try:
        assert hangs.wait(PATIENCE_S)
        looking.start()
        looking.join(PATIENCE_S)
        assert known == ["ada", None]
    finally:
        goes_on.set()
        leaving.join(PATIENCE_S)


def test_without_a_home_sessions_live_in_memory_and_every_run_has_its_own_secret() -> None:
    one, other = sessions_in(None), sessions_in(None)
    assert one.user_of(one.begin("ada")) == "ada"
    assert one.csrf_of_proxied("ada") != other.csrf_of_proxied("ada")


def test_times_that_are_none_end_a_session(tmp_path: Path) -> None:
    token = sessions_in(tmp_path).begin("ada")
    document = json.loads((tmp_path / FILE).read_text())
    for time in (float("nan"), float("inf"), -float("inf")):
        document["sessions"] = {key: [*session[:2], time] for key, session in document["sessions"].items()}
        (tmp_path / FILE).write_text(json.dumps(document))
        assert session_file.read(tmp_path / FILE) is not None
        assert sessions_in(tmp_path).user_of(token) is None
