"""Lays out the /opt/ml of each host before its program starts."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cloud_side.local.jobs.places import placed
from cloud_side.local.jobs.plan import Plan
from cloud_side.local.jobs.transfers import bring


def prepare(
    plan: Plan,
    roots: Sequence[Path],
    s3: Any,  # noqa: ANN401 - boto3
    *,
    attempt: int,
    may_go_on: Callable[[], bool],
) -> None:
    """Make the folders anew, write what the programs are told, and bring the inputs.

    A later attempt finds the checkpoints that the one before it left, which are newer than those in S3.

    Args:
        plan: Says what.
        s3: A client.
        roots: One a host, in the order of the plan's.
        attempt: From 1.
        may_go_on: Asked between two objects; what is brought when it says no is of no use.

    Raises:
        TransferError: If an input cannot be brought.
        OSError: If a file cannot be written.
    """
    for host, root in zip(plan.hosts, roots, strict=True):
        root.mkdir(exist_ok=True)
        _empty(root, *([] if attempt == 1 or plan.kept is None else [plan.kept]))
        for folder in plan.folders:
            (root / folder).mkdir(parents=True, exist_ok=True)
        for name, content in host.files.items():
            (root / name).write_text(json.dumps(placed(content, root)))
    for wanted in plan.inputs:
        if attempt == 1 or wanted.path != plan.kept:
            bring(s3, wanted, roots, may_go_on)


def clear(roots: Sequence[Path], kept: str | None = None) -> None:
    """Give the space back that a job took; what its programs said of it stays.

    Args:
        roots: Of its hosts.
        kept: A folder below that stays, too.
    """
    for root in roots:
        shutil.rmtree(root / "output" / "data", ignore_errors=True)
        if root.is_dir():
            _empty(root, "output", *([] if kept is None else [kept]))


def _empty(root: Path, *kept: str) -> None:
    names = {path.split("/")[0] for path in kept}
    for path in root.iterdir():
        if path.name in names:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
