"""The workflow that labels, its functions, and what calls one of them by itself.

No rule begins an execution: it asks people for work, and nobody is asked by a clock that nobody set. Where a batch a
day is wanted, a schedule of one's own starts the state machine with the settings as its input.
"""

import json
from pathlib import Path
from typing import Final

from cloud_side.workflows import Function, Rule, Workflow

NAME: Final = "edge-inspector-labeling"
_NOTICE: Final = f"{NAME}-notice"


def _function(step: str, handler: str, timeout_s: int, memory_mb: int = 512) -> Function:
    return Function(f"{NAME}-{step}", f"cloud_side.labeling.runtime.{handler}", timeout_s, memory_mb)


# A task of the definition waits a little longer than its function may take.
_FUNCTIONS: Final = (
    _function("settings", "opening.settle", 60),
    _function("find", "indexing.find", 300),
    _function("index", "indexing.index", 900),
    _function("query", "selecting.query", 60),
    _function("take", "selecting.take", 300),
    _function("prepare", "preparing.prepare", 300, 1024),  # it decodes pictures
    _function("gather", "preparing.gather", 300),
    _function("open", "working.open_order", 60),
    _function("shut", "working.shut_order", 300),
    _function("request", "requesting.request", 60),
    _function("end", "requesting.end", 60),
    _function("collect-labels", "collecting.labels", 300),
    _function("collect-verdicts", "collecting.verdicts", 300),
    _function("store", "storing.store", 300),
    _function("close", "closing.close", 300),
    _function("notice", "indexing.notice", 60, 256),
)

# The handler looks closer: an event's pattern cannot ask for a key that ends so and does not begin so.
_SIDECARS: Final = json.dumps(
    {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": ["${Bucket}"]}, "object": {"key": [{"suffix": ".json"}]}},
    }
)

LABELING: Final = Workflow(
    NAME,
    Path(__file__).with_name("labeling.asl.json"),
    _FUNCTIONS,
    (Rule(_NOTICE, pattern=_SIDECARS, function=_NOTICE),),
)
