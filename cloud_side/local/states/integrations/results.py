"""What boto3 answered as the result of a task: JSON in the spelling of definitions.

Source:
    What Step Functions gives was observed at AWS, see `arguments`: instants are ISO 8601 in results of the AWS SDK
    integration and milliseconds since 1970 in optimized ones; a body is text; other bytes are base64; the metadata of
    the response is there in optimized ones only.
"""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.integrations.arguments import compact
from cloud_side.local.states.integrations.spelling import Spelling
from cloud_side.local.states.store import Json

LARGEST_BYTES = 262_144


def result_of(answer: Mapping[str, Any], shape: StructureShape | None, spelling: Spelling, task: str) -> Json:
    """Return an answer of boto3 as JSON, without its metadata.

    Args:
        answer: A stream in it is read and closed.
        shape: The operation's output; None where it has none.
        spelling: How members and instants are spelled.
        task: What did it, as in `aws-sdk:s3`.

    Raises:
        StateFailure: States.DataLimitExceeded, if it has more than 256 KiB.

    Source:
        https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html ("Maximum input or output size")
    """
    if shape is None:
        return {}
    body = shape.serialization.get("payload")
    result = {}
    for name, value in answer.items():
        if value is not None and name in shape.members:
            member = shape.members[name]
            is_body = name == body and member.type_name == "blob"
            result[spelling.member(name)] = _text(value, task) if is_body else _json(value, member, spelling)
    return within_limit(result, task)


def within_limit(result: Json, task: str) -> Json:
    """Return a result that a state can have.

    Raises:
        StateFailure: States.DataLimitExceeded, if it has more than 256 KiB.
    """
    if len(compact(result).encode()) > LARGEST_BYTES:
        raise _too_large(task)
    return result


def response_metadata(answer: Mapping[str, Any]) -> dict[str, Json]:
    """Return what optimized integrations tell of the HTTP response."""
    metadata = answer["ResponseMetadata"]
    headers = dict(metadata.get("HTTPHeaders", {}))
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": metadata["HTTPStatusCode"],
        },
        "SdkResponseMetadata": {"RequestId": metadata.get("RequestId", "")},
    }


def _json(value: Any, shape: Shape, spelling: Spelling) -> Json:  # noqa: ANN401 - what boto3 gave
    match shape:
        case StructureShape() if shape.is_document_type:
            return value
        case StructureShape():
            return {
                spelling.member(name): _json(inner, shape.members[name], spelling)
                for name, inner in value.items()
                if inner is not None and name in shape.members
            }
        case ListShape():
            return [_json(item, shape.member, spelling) for item in value]
        case MapShape():
            return {key: _json(item, shape.value, spelling) for key, item in value.items()}
    if isinstance(value, datetime):
        return _instant(value.astimezone(UTC), spelling)
    return base64.b64encode(bytes(value)).decode() if shape.type_name == "blob" else value


def _instant(at: datetime, spelling: Spelling) -> Json:
    if spelling is Spelling.OPTIMIZED:
        return round(at.timestamp() * 1000)
    digits = "seconds" if at.microsecond == 0 else "milliseconds" if at.microsecond % 1000 == 0 else "microseconds"
    return at.replace(tzinfo=None).isoformat(timespec=digits) + "Z"


def _text(body: Any, task: str) -> str:  # noqa: ANN401 - bytes, or a stream
    if not hasattr(body, "read"):
        return bytes(body).decode(errors="replace")
    try:
        content = body.read(LARGEST_BYTES + 1)
    finally:
        body.close()
    if len(content) > LARGEST_BYTES:
        raise _too_large(task)
    return str(content.decode(errors="replace"))


def _too_large(task: str) -> StateFailure:
    msg = f"The state/task '{task}' returned a result with a size exceeding the maximum number of bytes service limit."
    return StateFailure("States.DataLimitExceeded", msg)
