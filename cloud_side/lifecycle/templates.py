"""Environments as a folder of templates, as CDK leaves it and takes it again; and which stacks are in such a folder."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cloud_side.commands import CommandError
from cloud_side.infrastructure.environments import Environment, Environments
from cloud_side.infrastructure.node import choose_node

_ANY: Final = "unknown-account"
_STACK: Final = "aws:cloudformation:stack"


@dataclass(frozen=True)
class Template:
    """A stack as it is to be.

    Attributes:
        unit: `catalog`.
        path: As CDK names it, `dev/catalog`.
        stack: As CloudFormation does, `edge-inspector-dev-catalog`.
        file: The template.
        needs: Stacks that are deployed before it, by `stack`.
        account: For which it was made; None: that of the credentials.
        region: Likewise.
    """

    unit: str
    path: str
    stack: str
    file: Path
    needs: tuple[str, ...]
    account: str | None
    region: str


def synthesize(environments: Sequence[Environment], out: Path, cache: Path, say: Callable[[str], None]) -> None:
    """Write the templates of installations, with all that is uploaded with them, into a folder.

    Args:
        environments: Whose.
        out: The folder.
        cache: Where packages for functions are made; what is there needs no network.
        say: Told what takes long.

    Raises:
        ConfigError: If the extra `infra` is not installed, or packages cannot be made.
        CommandError: If a stack cannot be made, or breaks a rule.
    """
    choose_node()  # before CDK is imported
    from cloud_side.infrastructure.app import build  # noqa: PLC0415 - seconds, for those who deploy
    from cloud_side.infrastructure.packages import make_packages  # noqa: PLC0415 - likewise

    packages = make_packages(cache, say)
    _write(out, lambda: build(environments, packages, out))


def synthesize_delivery(environments: Environments, out: Path) -> None:
    """Write the templates of the pipelines into a folder.

    Args:
        environments: All installations, with the section `delivery`.
        out: The folder.

    Raises:
        ConfigError: If the extra `infra` is not installed, or there is no such section.
        CommandError: If a stack cannot be made, or breaks a rule.
    """
    choose_node()
    from cloud_side.infrastructure.delivery.app import build_delivery  # noqa: PLC0415 - as above

    _write(out, lambda: build_delivery(environments, out))


def _write(out: Path, build: Callable[[], Any]) -> None:
    try:
        build().synth()
    except RuntimeError as error:  # all that comes out of CDK; what rules find it has printed
        msg = f"{out}: the templates cannot be made: {str(error).splitlines()[0]}"
        raise CommandError(msg) from error


def read_templates(out: Path, environment: str) -> tuple[Template, ...]:
    """Return the stacks of an environment that a folder has, in the order in which they are deployed.

    Args:
        out: That `synthesize` has filled.
        environment: Its name.

    Raises:
        CommandError: If the folder has none of it.
    """
    folder = out / f"assembly-{environment}"
    try:
        artifacts: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["artifacts"]
    except (OSError, ValueError, KeyError) as error:
        msg = f"{out}: expected templates of the environment {environment!r}, found none; `cloud synth` writes them"
        raise CommandError(msg) from error
    stacks = {key: each for key, each in artifacts.items() if each["type"] == _STACK}
    return tuple(_template(folder, each, stacks) for each in stacks.values())


def of_unit(templates: Sequence[Template], unit: str | None) -> tuple[Template, ...]:
    """Return the template of one unit; all where none is named.

    Raises:
        CommandError: If there is no such unit.
    """
    found = tuple(each for each in templates if unit in {None, each.unit})
    if not found:
        msg = f"--unit {unit}: expected one of {', '.join(each.unit for each in templates)}"
        raise CommandError(msg)
    return found


def _template(folder: Path, artifact: dict[str, Any], stacks: dict[str, Any]) -> Template:
    path, properties = str(artifact["displayName"]), artifact["properties"]
    account, region = str(artifact["environment"]).removeprefix("aws://").split("/")
    return Template(
        unit=path.rpartition("/")[2],
        path=path,
        stack=str(properties["stackName"]),
        file=folder / properties["templateFile"],
        needs=tuple(
            str(stacks[each]["properties"]["stackName"]) for each in artifact.get("dependencies", ()) if each in stacks
        ),
        account=None if account == _ANY else account,
        region=region,
    )
