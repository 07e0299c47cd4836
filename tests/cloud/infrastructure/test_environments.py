"""Which installations there are: what a file of one's own may say, and what is refused."""

import json
from pathlib import Path

import pytest

from cloud_side.infrastructure.environments import read_environments
from cloud_side.installation import INSTALLATION_VARIABLE, installed
from edge_inspector.errors import ConfigError


def written(folder: Path, *environments: dict[str, object]) -> Path:
    path = folder / "environments.json"
    path.write_text(json.dumps({"environments": environments}))
    return path


def test_those_that_the_product_brings_are_two_that_do_not_meet() -> None:
    dev, prod = read_environments().environments
    assert (dev.installation, prod.installation) == ("edge-inspector-dev", "edge-inspector-prod")
    assert dev.topics != prod.topics
    assert not dev.is_production
    assert prod.is_production


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, {"name": "Dev", "account": "12", "region": "mars", "color": "red"})
    with pytest.raises(ConfigError) as told:
        read_environments(path)
    for part in (str(path), "environments.0.name", "environments.0.account", "environments.0.region", "color"):
        assert part in str(told.value)


def test_a_name_is_there_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'dev' again"):
        read_environments(written(tmp_path, {"name": "dev"}, {"name": "dev", "region": "us-east-1"}))


def test_stations_of_one_account_and_region_speak_under_topics_of_their_own(tmp_path: Path) -> None:
    one, two = {"name": "ulm", "topic_prefix": "plant"}, {"name": "linz", "topic_prefix": "plant"}
    with pytest.raises(ConfigError, match="those of 'ulm'"):
        read_environments(written(tmp_path, one, two))
    assert len(read_environments(written(tmp_path, one, {**two, "region": "eu-west-1"})).environments) == 2


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.json: cannot be read"):
        read_environments(tmp_path / "nothing.json")
    with pytest.raises(ConfigError, match="environment 'test': expected one of dev, prod"):
        read_environments().named("test")


def test_names_of_an_installation_begin_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(INSTALLATION_VARIABLE, raising=False)
    assert installed("edge-inspector-labels") == "edge-inspector-labels"
    assert installed("edge-inspector-labels", "edge-inspector-dev") == "edge-inspector-dev-labels"
    monkeypatch.setenv(INSTALLATION_VARIABLE, "edge-inspector-ulm")
    assert installed("edge-inspector") == "edge-inspector-ulm"
    assert installed("edge-inspector-labels") == "edge-inspector-ulm-labels"


def test_no_installation_is_named_as_what_is_another_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="dev-log: expected no name that begins with 'dev' and a dash"):
        read_environments(written(tmp_path, {"name": "dev"}, {"name": "dev-log"}))
    with pytest.raises(ConfigError, match=r"environments\.0\.name: String should have at most 15"):
        read_environments(written(tmp_path, {"name": "a-plant-in-the-north"}))
