"""The command line as a user runs it: in this process, or in one of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from cloud_side.cli import main

PROGRAM = (sys.executable, "-c", "import sys; from cloud_side.cli import main; sys.exit(main())")
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Ended:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@dataclass(frozen=True)
class Program:
    """Runs commands of one engine."""

    home: Path
    output: pytest.CaptureFixture[str]

    def local(self, command: str, *arguments: str | Path) -> Ended:
        """Run `local COMMAND …` for the engine in this home."""
        return self.run("local", command, "--home", self.home, *arguments)

    def run(self, *arguments: str | Path) -> Ended:
        """Run any command."""
        self.output.readouterr()
        try:
            code = main(list(map(str, arguments)))
        except SystemExit as ended:
            code = int(ended.code or 0)
        printed = self.output.readouterr()
        return Ended(code, printed.out, printed.err)


def spawn(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    """Start a command in a process of its own."""
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
    )
