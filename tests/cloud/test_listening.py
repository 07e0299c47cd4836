"""Servers of the cloud side listen where they are told, and nowhere else."""

import socket

import pytest

from cloud_side.listening import bound, configuration
from edge_inspector.errors import ConfigError


@pytest.mark.parametrize("port", [-1, 65_536, 70_000])
def test_no_port_is_taken_but_the_one_that_is_said(port: int) -> None:
    with pytest.raises(ConfigError, match=rf"127.0.0.1:{port}: expected a port from 0 to 65535, found {port}"):
        bound("127.0.0.1", port)


def test_a_port_that_another_has_is_refused_by_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ConfigError, match=rf"127.0.0.1:{port}: expected an address of this machine and a free port"
        ):
            bound("127.0.0.1", port)


def test_what_else_is_installed_does_not_choose_the_protocol() -> None:
    assert configuration(lambda *_: None, grace_s=1).http == "h11"  # type: ignore[arg-type,return-value]
