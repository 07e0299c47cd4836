"""The section `delivery` of the installations' file."""

import json
from pathlib import Path
from typing import Any

import pytest

from cloud_side.infrastructure.environments import Environments, read_environments
from edge_inspector.errors import ConfigError

_CONNECTION = "arn:aws:codeconnections:eu-central-1:111122223333:connection/00000000-0000-0000-0000-000000000000"


def _read(folder: Path, **document: Any) -> Environments:
    path = folder / "environments.json"
    path.write_text(json.dumps({"environments": [{"name": "dev"}], **document}))
    return read_environments(path)


def test_installations_need_no_delivery(tmp_path: Path) -> None:
    assert _read(tmp_path).delivery is None


def test_a_delivery_needs_a_connection_and_a_repository_alone(tmp_path: Path) -> None:
    delivery = _read(tmp_path, delivery={"connection_arn": _CONNECTION, "repository": "example/product"}).delivery
    assert delivery is not None
    assert (delivery.branch, delivery.region, delivery.account) == ("main", "eu-central-1", None)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"connection_arn": "arn:aws:codecommit:eu-central-1:111122223333:product"}, "delivery.connection_arn: "),
        ({"repository": "product"}, "delivery.repository: "),
        ({"account": "1111"}, "delivery.account: "),
        ({"registry_secret_arn": "hunter2"}, "delivery.registry_secret_arn: "),
        ({"notify": ["ana"]}, "delivery.notify.0: "),
        ({"tokens": "x"}, "delivery.tokens: "),
    ],
)
def test_what_is_wrong_in_it_is_named(tmp_path: Path, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        _read(tmp_path, delivery={"connection_arn": _CONNECTION, "repository": "example/product", **wrong})
    assert said in str(raised.value)


def test_no_installation_has_the_name_of_the_pipelines(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected another name than 'delivery', by which the pipelines are called"):
        _read(tmp_path, environments=[{"name": "delivery"}])
