"""What CodeBuild runs, as its documents: a script of the folder `scripts`, and what is around it.

Source:
    https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_SCRIPTS: Final = Path(__file__).with_name("scripts")
_PYTHON: Final = "3.11"
_NODE: Final = "22"


@dataclass(frozen=True)
class Buildspec:
    """A document for CodeBuild.

    Attributes:
        scripts: Names in the folder `scripts`; they run as one.
        runtimes: What the machine has, by name.
        keeps: Folder of what is handed on, and patterns of files in it; None: nothing is.
        secrets: Variables by name, each `ARN:KEY` in Secrets Manager.
        tells: Variables that later actions of the pipeline may read.
    """

    scripts: Sequence[str]
    runtimes: Mapping[str, str] = field(default_factory=dict)
    keeps: tuple[str, tuple[str, ...]] | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    tells: Sequence[str] = ()

    def text(self) -> str:
        """Return the document."""
        text = "".join((_SCRIPTS / f"{name}.sh").read_text(encoding="utf-8") for name in self.scripts)
        environment: dict[str, Any] = {"shell": "bash"}
        if self.secrets:
            environment["secrets-manager"] = dict(self.secrets)
        if self.tells:
            environment["exported-variables"] = list(self.tells)
        phases: dict[str, Any] = {"build": {"commands": [text]}}
        if self.runtimes:
            phases["install"] = {"runtime-versions": dict(self.runtimes)}
        document: dict[str, Any] = {"version": "0.2", "env": environment, "phases": phases}
        if self.keeps is not None:
            folder, files = self.keeps
            document["artifacts"] = {"base-directory": folder, "files": list(files)}
        return json.dumps(document, indent=2)


CHECK: Final = Buildspec(("check",))  # its machine is of another kind, and brings Python
SYNTH: Final = Buildspec(
    ("synth",), {"python": _PYTHON}, keeps=("build", ("cdk.out/**/*", "delivery.out/**/*", "package*.json"))
)
COMPONENT: Final = Buildspec(("component",), {"python": _PYTHON}, keeps=("greengrass-build", ("**/*",)))
UPDATE: Final = Buildspec(("cdk", "update"), {"nodejs": _NODE})
DEPLOY: Final = Buildspec(("cdk", "profile", "deploy"), {"nodejs": _NODE})
CHANGES: Final = Buildspec(("cdk", "changes"), {"nodejs": _NODE}, tells=("PERMISSIONS", "LOG"))
PUBLISH: Final = Buildspec(("profile", "publish"), {"python": _PYTHON})
SERVE: Final = Buildspec(("profile", "serve"), {"python": _PYTHON})


def image(registry_secret_arn: str | None) -> Buildspec:
    """Return what builds a container.

    Args:
        registry_secret_arn: Of a secret with `username` and `password` of Docker Hub.
    """
    secrets = {}
    if registry_secret_arn is not None:
        secrets = {"HUB_USER": f"{registry_secret_arn}:username", "HUB_PASSWORD": f"{registry_secret_arn}:password"}
    return Buildspec(("image",), secrets=secrets)
