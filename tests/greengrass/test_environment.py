import pytest

from edge_inspector.errors import ConfigError
from edge_inspector.greengrass.environment import NucleusEnvironment

WHOLE = {
    "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT": "/run/ipc.socket",
    "SVCUID": "token",
    "AWS_IOT_THING_NAME": "press-7",
}


def test_a_component_knows_its_nucleus_from_its_environment() -> None:
    environment = NucleusEnvironment.of({**WHOLE, "PATH": "/bin"})
    assert environment == NucleusEnvironment("/run/ipc.socket", "token", "press-7")
    assert "token" not in repr(environment)


@pytest.mark.parametrize("missing", WHOLE)
def test_a_process_that_no_nucleus_has_started_is_told_so(missing: str) -> None:
    with pytest.raises(ConfigError, match=f"expected to be started by a Greengrass nucleus, but {missing} is not in"):
        NucleusEnvironment.of({name: value for name, value in WHOLE.items() if name != missing})
