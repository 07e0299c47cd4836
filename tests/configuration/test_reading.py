from pathlib import Path

import pytest

from edge_inspector.configuration.reading import read_settings
from edge_inspector.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("station.toml", b"[source", "expected TOML"),
        ("station.json", b"{", "expected JSON"),
        ("station.json", b"[]", "expected sections by name, found list"),
        ("station.toml", b"\xff", "cannot be read"),
        ("station.json", b"[" * 100_000, "expected JSON"),
        ("station.json", b'{"flow": ' + b"1" * 5000 + b"}", "expected JSON"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=expected):
        read_settings(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read"):
        read_settings(tmp_path / "nowhere.toml")


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_toml_may_come_from_any_editor(tmp_path: Path, line_end: str) -> None:
    path = tmp_path / "station.toml"
    path.write_bytes(line_end.join(["[station]", 'site = "hall"', ""]).encode())
    assert read_settings(path).station.site == "hall"
