"""A person says yes, or types a name; where nobody can be asked, options say it beforehand."""

import sys

from cloud_side.commands import CommandError


def agree(question: str, *, said: bool) -> None:
    """Go on where somebody says yes, or `--yes` has said so.

    Args:
        question: In one line.
        said: Whether `--yes` was given.

    Raises:
        CommandError: If the answer is another, or nobody can be asked.
    """
    if not said and _answer(f"{question} [yes/no] ", "--yes").lower() not in {"y", "yes"}:
        msg = "nothing was done: expected yes"
        raise CommandError(msg)


def agree_to_lose(installation: str, *, said: str | None) -> None:
    """Go on where somebody has written the name of the installation whose data will be gone.

    Args:
        installation: `edge-inspector-dev`.
        said: What `--confirm-data` says; asked for where it is None.

    Raises:
        CommandError: If it is another name, or nobody can be asked.
    """
    option = f"--confirm-data {installation}"
    answer = said
    if answer is None:
        answer = _answer(f"All of this data will be gone for good. To delete it, type {installation}: ", option)
    if answer != installation:
        msg = f"nothing was deleted: expected the installation's name, {installation}, found {answer!r}"
        raise CommandError(msg)


def _answer(question: str, option: str) -> str:
    if not sys.stdin.isatty():
        msg = f"nothing was done: nobody can be asked here; expected {option}"
        raise CommandError(msg)
    try:
        return input(question).strip()
    except EOFError:
        return ""
