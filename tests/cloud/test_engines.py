"""Engines by name: what the environment may say, and what it may not."""

from pathlib import Path

import pytest

from cloud_side.engines import folder_of, local_engine
from edge_inspector.errors import ConfigError


def test_a_name_leads_back_to_its_folder(tmp_path: Path) -> None:
    assert folder_of(local_engine(tmp_path)) == tmp_path
    assert folder_of(local_engine(Path("here"))) == Path.cwd() / "here"
    assert folder_of("local:~/engine") == Path.home() / "engine"
    assert folder_of("aws") is None


@pytest.mark.parametrize("said", ["", "local", "local:", "AWS", "mars", "/a/folder"])
def test_another_name_is_refused(said: str) -> None:
    with pytest.raises(ConfigError, match=rf"EDGE_INSPECTOR_ENGINE: found '{said}', expected `aws` or `local:FOLDER`"):
        folder_of(said)
