import subprocess
import sys
from pathlib import Path

import pytest

from edge_inspector.errors import ConfigError
from edge_inspector.journal import lock_home

HOLDER = """
import sys, pathlib
from edge_inspector.journal import lock_home
lock = lock_home(pathlib.Path(sys.argv[1]))
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_second_daemon_is_told_who_lives_there_and_what_helps(tmp_path: Path) -> None:
    home = tmp_path / "state" / "top"
    command = [sys.executable, "-c", HOLDER, str(home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(ConfigError) as caught:
            lock_home(home)
        assert str(home) in str(caught.value)
        assert f"process id is {holder.pid};" in str(caught.value)
        assert "give each daemon a state.dir or camera name of its own" in str(caught.value)
        holder.kill()
        holder.wait()
        with lock_home(home) as lock:  # a lock dies with its holder
            assert lock.is_held


def test_a_released_home_can_be_locked_again(tmp_path: Path) -> None:
    with lock_home(tmp_path), pytest.raises(ConfigError):
        lock_home(tmp_path)
    with lock_home(tmp_path) as lock:
        assert lock.is_held


def test_a_disk_that_takes_no_lock_keeps_nobody_from_inspecting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    with lock_home(tmp_path / "file" / "home") as lock:
        assert not lock.is_held
    assert "cannot be locked" in caplog.text
