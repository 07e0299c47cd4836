"""What is told when a model package is there, or a person has judged it."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cloud_side.local import outbox

_NOT_TOLD = ("CreatedBy", "LastModifiedBy")


def emit(
    connection: sqlite3.Connection,
    content: Mapping[str, Any],
    *,
    created: datetime,
    now: datetime,
    updated: Sequence[str],
) -> None:
    """Tell that the state of a model package has changed, in the caller's transaction.

    Args:
        connection: Of the transaction.
        content: The package.
        created: When it was.
        now: When it changed.
        updated: Which members changed; empty for a new one.

    Source:
        SageMaker AI Developer Guide, "Events that Amazon SageMaker AI sends to Amazon EventBridge".
    """
    detail = {name: value for name, value in content.items() if name not in _NOT_TOLD}
    detail |= {"CreationTime": _text(created), "LastModifiedTime": _text(now)}
    detail |= {"UpdatedModelPackageFields": list(updated)} if updated else {}
    outbox.emit(
        connection,
        source="aws.sagemaker",
        detail_type="SageMaker Model Package State Change",
        detail=detail,
        now=now,
        resources=[content["ModelPackageArn"]],
    )


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
