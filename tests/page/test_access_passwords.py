import os
import pty
import subprocess
import sys
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.page.access import passwords
from edge_inspector.page.access.passwords import Passwords, hash_password, password_problem, verify
from edge_inspector.settings import PageUser
from edge_inspector.settings.password_hash import LEAST_WORK, MOST_MEMORY, MOST_WORK, PasswordHash
from tests.fakes import PATIENCE_S
from tests.page.people import PASSWORD, hashed

COMMAND = [sys.executable, "-m", "edge_inspector", "page", "hash-password"]
SALT, DIGEST = "QUFBQUFBQUFBQUFBQUFBQQ==", "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI="

_hashes = st.builds(
    PasswordHash,
    n=st.just(2**14),
    r=st.sampled_from([8, 16]),
    p=st.integers(1, 4),
    salt=st.binary(min_size=16, max_size=64),
    digest=st.binary(min_size=32, max_size=64),
)


def test_a_password_gives_its_hash_and_another_one_does_not() -> None:
    hash_ = PasswordHash.parse(hashed())
    assert verify(PASSWORD, hash_)
    assert not verify(PASSWORD + " ", hash_)


def test_two_hashes_of_one_password_share_nothing() -> None:
    one, other = hash_password(PASSWORD), hash_password(PASSWORD)
    assert one.salt != other.salt
    assert one.digest != other.digest


def test_an_umlaut_is_the_same_however_a_keyboard_spells_it() -> None:
    assert verify("u\u0308bung macht", hash_password("\u00fcbung macht"))


@pytest.mark.parametrize("password", ["", "\ud800", "x" * 2000])
def test_what_cannot_be_a_password_is_wrong_and_does_no_harm(password: str) -> None:
    assert not verify(password, PasswordHash.parse(hashed()))


@given(_hashes)
def test_a_hash_reads_as_it_was_written(hash_: PasswordHash) -> None:
    assert PasswordHash.parse(str(hash_)) == hash_


_almost = st.builds(
    "scrypt${}${}${}${}${}".format,
    *[st.integers(-1, 2**40) | st.sampled_from([1, 8, 2**14, "", "\u0661", "08"]) for _ in range(3)],
    st.sampled_from([SALT, "", "=", "AAAA"]) | st.text(max_size=90),
    st.sampled_from([DIGEST, "", "=", "AAAA"]) | st.text(max_size=90),
)


@given(st.text() | _almost)
def test_any_text_is_a_hash_within_bounds_or_an_error_that_does_not_repeat_it(text: str) -> None:
    problem = ""
    try:
        hash_ = PasswordHash.parse(text)
    except ValueError as error:
        problem = str(error)
    if problem:
        assert "hash-password" in problem
        assert len(text) < 24 or text not in problem
    else:
        assert 128 * hash_.n * hash_.r <= MOST_MEMORY
        assert LEAST_WORK <= hash_.n * hash_.r * hash_.p <= MOST_WORK


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ("1048576$8$1", "expected at most 32 MB to verify it, found 1024 MB"),
        ("16384$8$64", "expected n * r * p from"),
        ("1024$8$1", "expected n * r * p from"),
        ("16383$8$2", "expected n as a power of two"),
        ("99999999999999$8$1", "found something else"),
    ],
)
def test_a_hash_that_is_too_weak_or_costs_too_much_is_refused(parameters: str, problem: str) -> None:
    with pytest.raises(ValueError, match="hash-password") as error:
        PasswordHash.parse(f"scrypt${parameters}${SALT}${DIGEST}")
    assert problem in str(error.value)


class Work:
    """What scrypt was asked for, and how much of it at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[int, ...]] = []
        self.most_at_once = self._now = 0
        self._lock = threading.Lock()
        self._scrypt = passwords.hashlib.scrypt
        monkeypatch.setattr(passwords.hashlib, "scrypt", self)

    def __call__(self, content: bytes, **parameters: Any) -> bytes:
        with self._lock:
            self.asked.append(tuple(parameters[name] for name in ("n", "r", "p", "dklen")))
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            return self._scrypt(content, **parameters)
        finally:
            with self._lock:
                self._now -= 1


def test_a_name_that_nobody_has_costs_the_same_work_as_a_wrong_password(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Passwords({"ada": PageUser(role="admin", password=hashed()), "proxied": PageUser(role="viewer")})
    work = Work(monkeypatch)
    for name in ("ada", "nobody", "proxied"):
        assert not known.are_right(name, "wrong password")
    assert len(work.asked) == 3
    assert len(set(work.asked)) == 1
    assert known.are_right("ada", PASSWORD)


def test_passwords_are_verified_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Passwords({"ada": PageUser(role="admin", password=hashed())})
    work = Work(monkeypatch)
    threads = [threading.Thread(target=known.are_right, args=("ada", PASSWORD)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert len(work.asked) == 4
    assert work.most_at_once == 1


@pytest.mark.parametrize("password", ["short", "x" * 257, "with\tab in it", ""])
def test_what_is_no_password_is_said_without_repeating_it(password: str) -> None:
    problem = password_problem(password)
    assert problem is not None
    assert not password or password not in problem


def test_the_command_reads_one_line_and_prints_a_hash_of_it() -> None:
    done = subprocess.run(COMMAND, input=f"{PASSWORD}\r\nsecond line\n", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert verify(PASSWORD, PasswordHash.parse(done.stdout.strip()))
    assert done.stderr == ""


def test_the_command_says_what_is_wrong_and_prints_no_hash() -> None:
    done = subprocess.run(COMMAND, input="short\n", capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "expected a password of 8 to 256 characters, found 5" in done.stderr


@pytest.mark.parametrize(("second", "code"), [(PASSWORD, 0), ("another horse", 2)])
def test_on_a_terminal_the_command_asks_twice_and_shows_neither(second: str, code: int) -> None:
    terminal, end = pty.openpty()
    with os.fdopen(terminal, "rb+", buffering=0) as person:
        program = subprocess.Popen(
            COMMAND, stdin=end, stdout=subprocess.PIPE, stderr=end, text=True, start_new_session=True
        )
        os.close(end)
        shown = b""
        for question, answer in ((b"Password: ", PASSWORD), (b"Again: ", second)):
            while not shown.endswith(question):
                shown += person.read(1)
            person.write(f"{answer}\n".encode())
        printed, _ = program.communicate(timeout=PATIENCE_S)
        assert program.returncode == code
        assert bool(printed) == (code == 0)
        assert PASSWORD.encode() not in shown
