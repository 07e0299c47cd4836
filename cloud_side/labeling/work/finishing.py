"""The end of a work order: no more answers, the output manifest, the word to the workflow, and the order is gone.

Killed in between it is done again from the start, by whichever server comes by; each step may be done twice.
"""

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, Final

from botocore.exceptions import ClientError

from cloud_side.catalog.labels import strict_json
from cloud_side.labeling.items import read_item
from cloud_side.labeling.work.answers import Answer, read_answer
from cloud_side.labeling.work.ledger import Ledger
from cloud_side.labeling.work.orders import Closing, Order, OrderError, read_order
from cloud_side.labeling.work.output import answered_line, is_answered
from cloud_side.objects import Bucket

_log = logging.getLogger(__name__)
_MEDIA: Final = "application/jsonlines"
_READERS: Final = 16
_AT_ONCE: Final = 256  # items whose answers are in memory
# Nobody waits any more: https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
_GONE: Final = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})


def finish(bucket: Bucket, states: Any, ledger: Ledger) -> bool:  # noqa: ANN401 - boto3's clients have no type
    """Finish an order, if every item has all of its answers and nobody else ends it; return whether that was so.

    Args:
        bucket: The bucket.
        states: Client of Step Functions.
        ledger: What is known of the order; what was answered stays answered.
    """
    if not ledger.is_complete():
        return False
    order = ledger.order
    if _take_no_more(bucket, order, Closing.COMPLETE) is not Closing.COMPLETE:
        return False
    output = _write_output(bucket, order)
    heard = _tell(states, order, output)
    remove(bucket, order)
    _log.info("%s: finished%s", order.key, "" if heard else "; its execution did not wait for it any more")
    return True


def close(bucket: Bucket, order: Order, closing: Closing) -> str:
    """Take no more answers to an order, and write the output manifest of those that there are; return its address."""
    _take_no_more(bucket, order, closing)
    return _write_output(bucket, order)


def _write_output(bucket: Bucket, order: Order) -> str:
    lines = (f"{strict_json(line)}\n".encode() for line in output_lines(bucket, order))
    bucket.write(order.output, b"".join(lines), media=_MEDIA)
    return bucket.address(order.output)


def is_waited_for(states: Any, order: Order) -> bool:  # noqa: ANN401 - boto3's clients have no type
    """Return whether an execution waits for an order."""
    try:
        states.send_task_heartbeat(taskToken=order.token)
    except ClientError as error:
        if error.response["Error"].get("Code") in _GONE:
            return False
        raise
    return True


def give_up(bucket: Bucket, order: Order) -> None:
    """Remove an order for which nobody waits; its answers stay."""
    remove(bucket, order)
    _log.info("%s: removed, for its execution does not wait for it any more", order.key)


def is_counted(bucket: Bucket, order: Order, sha256: str) -> bool:
    """Return whether the output manifest of an order has an answer to an item."""
    kept = bucket.read(order.output)
    lines = [] if kept is None else [line for line in kept.content.splitlines() if sha256.encode() in line]
    return any(is_answered(json.loads(line), order) for line in lines)


def output_lines(bucket: Bucket, order: Order) -> Iterator[dict[str, Any]]:
    """Yield the lines of the output manifest.

    Raises:
        OrderError: If the input manifest is not there.
        LabelError: If a line of it is none.
    """
    kept = bucket.read(order.input)
    if kept is None:
        msg = f"{order.input}: expected the input manifest of an order, found nothing"
        raise OrderError(msg)
    lines = iter([line for line in kept.content.splitlines() if line.strip()])
    keys = _answer_keys(bucket, order)
    with ThreadPoolExecutor(_READERS, "answers") as readers:
        while some := [json.loads(line) for line in islice(lines, _AT_ONCE)]:
            items = [read_item(line) for line in some]
            found = readers.map(lambda item: _answers(bucket, keys.get(item.sha256, [])), items)
            for line, item, answers in zip(some, items, found, strict=True):
                yield answered_line(line, item, answers, order)


def _answer_keys(bucket: Bucket, order: Order) -> dict[str, list[str]]:
    prefix = f"{order.prefix}answers/"
    keys: dict[str, list[str]] = {}
    for listed in bucket.listed(prefix):
        keys.setdefault(listed.key.removeprefix(prefix).partition("/")[0], []).append(listed.key)
    return keys


def _answers(bucket: Bucket, keys: list[str]) -> list[Answer]:
    kept = [each for each in map(bucket.read, keys) if each is not None]
    return [answer for each in kept if (answer := read_answer(each.content)) is not None]


def _take_no_more(bucket: Bucket, order: Order, closing: Closing) -> Closing | None:
    """Return why no answers are taken now; None where the order is gone, or has come to be another task's.

    What is shut is left to whoever shut it: an answer that came after that counts if it is in the output, and an
    output of another, who looked at the answers before, would take it out again.
    """
    while (kept := bucket.read(order.key)) is not None:
        now = read_order(kept.content)
        if now.token != order.token:
            return None
        if now.closing is not None:
            return now.closing
        if bucket.write(order.key, now.closed(closing).content(), over=kept.etag) is not None:
            return closing
    return None


def _tell(states: Any, order: Order, output: str) -> bool:  # noqa: ANN401 - boto3's clients have no type
    """Tell the execution; return whether it heard."""
    try:
        states.send_task_success(taskToken=order.token, output=strict_json({"output": output}))
    except ClientError as error:
        if error.response["Error"].get("Code") in _GONE:
            return False
        raise
    return True


def remove(bucket: Bucket, order: Order) -> None:
    """Delete an order, unless another task has come to wait for it."""
    kept = bucket.read(order.key)
    if kept is not None and read_order(kept.content).token == order.token:
        bucket.remove(order.key, only=kept.etag)
