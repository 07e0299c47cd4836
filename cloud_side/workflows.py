"""Workflows as values: the definition and what it needs, the same for AWS and for the engine on one machine."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge_inspector.errors import ConfigError

_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Function:
    """A step of a workflow that is code: a Lambda function.

    Attributes:
        name: In the definition it is `${name}`, its ARN.
        handler: Module and function, as `package.module.function`.
    """

    name: str
    handler: str
    timeout_s: int = 60
    memory_mb: int = 256
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Workflow:
    """A state machine.

    Attributes:
        name: Of the state machine.
        definition: The `*.asl.json` file.
        functions: Its steps that are code.
    """

    name: str
    definition: Path
    functions: tuple[Function, ...] = ()

    def placeholders(self) -> frozenset[str]:
        """Return the names that are to be filled in."""
        return frozenset(_PLACEHOLDER.findall(self.definition.read_text(encoding="utf-8")))

    def filled(self, values: Mapping[str, str]) -> str:
        """Return the definition with `${Name}` replaced, as CloudFormation does it.

        Raises:
            ConfigError: If a name has no value.
        """
        if missing := self.placeholders() - values.keys():
            named = ", ".join(f"${{{name}}}" for name in sorted(missing))
            msg = f"{self.definition.name}: nothing is known for {named}"
            raise ConfigError(msg)
        return _PLACEHOLDER.sub(lambda found: values[found[1]], self.definition.read_text(encoding="utf-8"))
