import os
import stat
from pathlib import Path

import pytest

from cloud_side.local.home import Home, engine_in, sole_engine
from edge_inspector.errors import ConfigError


def test_a_second_engine_is_refused_with_the_first_ones_process(home: Home) -> None:
    with sole_engine(home):
        assert engine_in(home) == os.getpid()
        told = f"another engine runs here, its process id is {os.getpid()}"
        with pytest.raises(ConfigError, match=told), sole_engine(home):
            pass
    assert engine_in(home) is None


def test_an_engine_that_was_killed_leaves_the_home_free(home: Home) -> None:
    child = os.fork()
    if child == 0:
        with sole_engine(home):
            os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    with sole_engine(home):
        assert engine_in(home) == os.getpid()


def test_a_home_is_nobody_elses_to_read(home: Home) -> None:
    assert stat.S_IMODE(home.folder.stat().st_mode) == 0o700


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"file/home: cannot be the engine's folder"):
        Home(tmp_path / "file" / "home").make()
