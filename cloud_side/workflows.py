"""Workflows as values: the definition and what it needs, the same for AWS and for the engine on one machine."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_inspector.errors import ConfigError

_PLACEHOLDER = re.compile(r"\$\{([\w.-]+)\}")  # not `${a: b}`, by which JSONata groups, nor `${topic()}` of AWS IoT


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
class Rule:
    """What begins by itself: an event, or a time, and what it goes to.

    Attributes:
        name: Of EventBridge's rule.
        pattern: Of events, with `${Name}` filled in; None for a schedule.
        schedule: `rate(...)` or `cron(...)`; None for a pattern.
        function: Name of the function that gets the event; None: an execution of the workflow begins.
        input: What the execution gets; None: the event.
    """

    name: str
    pattern: str | None = None
    schedule: str | None = None
    function: str | None = None
    input: Mapping[str, object] | None = field(default_factory=dict)


@dataclass(frozen=True)
class TopicRule:
    """Which messages of stations are kept: each becomes an object in the product's bucket.

    Attributes:
        name: Of AWS IoT's rule: letters, digits and underscores.
        sql: `SELECT * FROM 'filter'`, with `${Name}` filled in.
        key: Of the objects, likewise; AWS IoT fills in its own templates, such as `${topic(4)}`, for each message.
    """

    name: str
    sql: str
    key: str


@dataclass(frozen=True)
class Pipeline:
    """What a workflow starts in SageMaker Pipelines.

    Attributes:
        name: Of the pipeline.
        document: Makes its definition, with `${Name}` where something is to be filled in.
    """

    name: str
    document: Callable[[], Mapping[str, Any]]

    def filled(self, values: Mapping[str, str]) -> str:
        """Return the definition as CreatePipeline takes it.

        Raises:
            ConfigError: If a name has no value.
        """
        return filled(self.text(), values, f"pipeline {self.name}")

    def text(self) -> str:
        """Return the definition with its placeholders, for CloudFormation to fill in."""
        return json.dumps(self.document())


@dataclass(frozen=True)
class Workflow:
    """A state machine.

    Attributes:
        name: Of the state machine.
        definition: The `*.asl.json` file.
        functions: Its steps that are code, and those that its rules call.
        rules: What begins it, or a function of it.
        pipelines: What it starts in SageMaker Pipelines.
        topic_rules: What it reads of stations.
    """

    name: str
    definition: Path
    functions: tuple[Function, ...] = ()
    rules: tuple[Rule, ...] = ()
    pipelines: tuple[Pipeline, ...] = ()
    topic_rules: tuple[TopicRule, ...] = ()

    def placeholders(self) -> frozenset[str]:
        """Return the names that are to be filled in.

        Raises:
            ConfigError: If the definition cannot be read.
        """
        return placeholders(self.text())

    def filled(self, values: Mapping[str, str]) -> str:
        """Return the definition with `${Name}` replaced, as CloudFormation does it.

        Raises:
            ConfigError: If the definition cannot be read, or a name has no value.
        """
        return filled(self.text(), values, self.definition.name)

    def text(self) -> str:
        """Return the definition as it is, for CloudFormation to fill in.

        Raises:
            ConfigError: If it cannot be read.
        """
        try:
            return self.definition.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            msg = f"{self.definition}: cannot be read: {error}; expected a definition in UTF-8"
            raise ConfigError(msg) from error


def placeholders(text: str) -> frozenset[str]:
    """Return the names that are to be filled in."""
    return frozenset(_PLACEHOLDER.findall(text))


def filled(text: str, values: Mapping[str, str], name: str) -> str:
    """Return a text with `${Name}` replaced, as CloudFormation does it.

    Args:
        text: A definition, or a pattern of events.
        values: By name.
        name: Of the text, for the error.

    Raises:
        ConfigError: If a name has no value.
    """
    if missing := placeholders(text) - values.keys():
        named = ", ".join(f"${{{each}}}" for each in sorted(missing))
        known = ", ".join(sorted(values)) or "none"
        msg = f"{name}: nothing is known for {named}; expected names among {known}"
        raise ConfigError(msg)
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)
