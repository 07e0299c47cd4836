"""`edge-inspector page`: what a person needs to set up the operator page."""

import argparse
import sys

from edge_inspector.cli.camera import AddCommand

_WRONG = 2


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", add: AddCommand) -> None:
    """Add the command with its own commands.

    Args:
        commands: Where.
        add: Adds one of them: name, summary, example.
    """
    page = add(commands, "page", "set up the operator page", "edge-inspector page hash-password")
    actions = page.add_subparsers(title="commands", required=True, metavar="COMMAND")
    hashing = add(
        actions,
        "hash-password",
        "ask for a password, or read it from standard input, and print its hash for page.users.NAME.password",
        "edge-inspector page hash-password\n  edge-inspector page hash-password < password.txt",
    )
    hashing.set_defaults(command=hash_password)


def hash_password(options: argparse.Namespace) -> int:  # noqa: ARG001 - as every command
    """Print the hash of a password; 2 when it is none, or typed in two ways."""
    from edge_inspector.page.access.passwords import hash_password as hashed
    from edge_inspector.page.access.passwords import password_problem

    password, again = _asked() if sys.stdin.isatty() else _read()
    problem = password_problem(password)
    if problem is None and again != password:
        problem = "expected the same password twice, found two"
    if problem is not None:
        print(f"edge-inspector: error: {problem}", file=sys.stderr)
        return _WRONG
    print(hashed(password))
    return 0


def _asked() -> tuple[str, str]:
    from getpass import getpass

    try:
        return getpass("Password: "), getpass("Again: ")
    except EOFError:
        return "", ""


def _read() -> tuple[str, str]:
    """Return the first line of standard input, which ends with the line and not with the spaces before."""
    line = sys.stdin.buffer.readline(1 << 16).decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
    return line, line
