"""Every command says what it does, with an example; wrong arguments are refused before anything is done."""

import subprocess
import sys

import pytest

from tests.cloud.local.cli.program import Program

EITHER = ("machines", "executions", "start", "stop", "show", "redrive")
COMMANDS = [
    ("local",),
    ("workflows",),
    *(("local", name) for name in ("up", "down", "status", "logs", *EITHER)),
    *(("workflows", name) for name in EITHER),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_of_every_command_has_an_example_of_it(stopped: Program, command: tuple[str, ...]) -> None:
    ended = stopped.run(*command, "--help")

    assert ended.code == 0
    _, _, examples = ended.out.partition("examples:\n")
    assert examples.strip().startswith(f"edge-inspector-cloud {' '.join(command)}")


@pytest.mark.parametrize(
    "arguments",
    [
        ("local",), ("local", "fly"), ("local", "up", "--workers", "0"), ("local", "up", "--broker", "1883"),
        ("local", "up", "--broker", "host:0"), ("local", "executions", "--limit", "x"), ("local", "show"),
        ("local", "executions", "--status", "DONE"), ("local", "logs", "--lines", "-1"),
        ("workflows", "show", "x", "--home", "y"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_arguments_are_refused(stopped: Program, arguments: tuple[str, ...]) -> None:
    assert stopped.run(*arguments).code == 2


def test_help_does_not_load_what_it_does_not_need() -> None:
    script = (
        "import sys\nfrom cloud_side.cli import main\n"
        "try:\n    main(['local', 'show', '--help'])\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('boto3', 'botocore', 'numpy', 'jsonata', 'sqlite3') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"
