"""A state's arguments as the parameters of a boto3 call: other spelling, instants, numbers and bytes.

Source:
    What Step Functions takes was observed at AWS: https://github.com/localstack/localstack (snapshots of
    `tests/aws/services/stepfunctions`, recorded there) and https://github.com/radkawar/stackd
    (`testdata/aws/stepfunctions`).
"""

import base64
import binascii
import difflib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from cloud_side.local.states.integrations.spelling import Spelling
from cloud_side.local.states.store import Json


class UnfitArgumentsError(Exception):
    """Arguments that are none of an operation.

    Attributes:
        problems: One a place.
    """

    def __init__(self, problems: list[str]) -> None:
        """Keep the problems."""
        super().__init__("; ".join(problems))
        self.problems = problems


def parameters_of(arguments: Json, shape: StructureShape | None, spelling: Spelling) -> dict[str, Any]:
    """Return the parameters for boto3.

    A null is as good as nothing. Where an API wants text, an object or array is taken as its text; bytes are base64.
    The body of a request is JSON, also where it is a text: `"a"` is put into S3 with its quotes. A body that is no
    stream, as Lambda's Payload, keeps a text as it is.

    Args:
        arguments: As evaluated; None without any.
        shape: The operation's input.
        spelling: How its members are spelled.

    Raises:
        UnfitArgumentsError: If there are members that the operation has not, or values of other types.
    """
    if arguments is None:
        return {}
    if shape is None or not isinstance(arguments, dict):
        raise UnfitArgumentsError([_mismatch("the arguments", arguments, "an object" if shape else "none")])
    walk = _Walk(spelling)
    body = shape.serialization.get("payload")
    parameters = walk.structure(arguments, shape, body=body)
    if walk.problems:
        raise UnfitArgumentsError(walk.problems)
    return parameters


def as_text(value: Json) -> str:
    """Return any JSON as text, a text as it is."""
    return value if isinstance(value, str) else compact(value)


def compact(value: Json) -> str:
    """Return JSON without blanks, as Step Functions writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class _Walk:
    """Goes through arguments and a model together, and notes where they do not fit."""

    def __init__(self, spelling: Spelling) -> None:
        self.problems: list[str] = []
        self._spelling = spelling

    def structure(self, value: Mapping[str, Json], shape: StructureShape, *, body: str | None = None) -> dict[str, Any]:
        members = {self._spelling.member(name): name for name in shape.members}
        converted = {}
        for spelled, inner in value.items():
            name = members.get(spelled)
            if name is None:
                self._note_unknown(spelled, members)
            elif inner is not None:
                member = shape.members[name]
                is_body = name == body and member.type_name == "blob"
                converted[name] = _body(inner, member) if is_body else self.value(inner, member, spelled)
        return converted

    def value(self, value: Json, shape: Shape, field: str) -> Any:  # noqa: ANN401 - what boto3 takes
        match shape:
            case StructureShape() if shape.is_document_type:
                return value
            case StructureShape() if isinstance(value, dict):
                return self.structure(value, shape)
            case ListShape() if isinstance(value, list):
                return [self.value(item, shape.member, field) for item in value]
            case MapShape() if isinstance(value, dict):
                return {key: self.value(item, shape.value, field) for key, item in value.items()}
            case StructureShape() | ListShape() | MapShape():
                return self._unfit(field, value, "an array" if isinstance(shape, ListShape) else "an object")
        return self._scalar(value, shape.type_name, field)

    def _scalar(self, value: Json, kind: str, field: str) -> Any:  # noqa: ANN401 - what boto3 takes
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        converted: Any = None
        match kind:
            case "string" if isinstance(value, str | dict | list):
                converted = as_text(value)
            case "boolean" if isinstance(value, bool):
                converted = value
            case "integer" | "long" if is_number and float(value).is_integer():
                converted = int(value)
            case "float" | "double" if is_number:
                converted = value
            case "timestamp":
                converted = _instant(value)
            case "blob":
                converted = _from_base64(value)
        return self._unfit(field, value, _EXPECTED.get(kind, kind)) if converted is None else converted

    def _unfit(self, field: str, value: Json, expected: str) -> None:
        self.problems.append(_mismatch(f'the field "{field}"', value, expected))

    def _note_unknown(self, spelled: str, members: Mapping[str, str]) -> None:
        close = difflib.get_close_matches(spelled, members, n=1, cutoff=0.3)
        hint = f". Did you mean '{close[0]}'?" if close else ""
        self.problems.append(f'The field "{spelled}" is not supported by Step Functions{hint}')


_EXPECTED = {
    "string": "a string",
    "boolean": "a boolean",
    "integer": "a whole number",
    "long": "a whole number",
    "float": "a number",
    "double": "a number",
    "timestamp": "an instant in ISO 8601",
    "blob": "bytes in base64",
}


def _body(value: Json, shape: Shape) -> bytes:
    return (compact(value) if shape.serialization.get("streaming") else as_text(value)).encode()


def _instant(value: Json) -> datetime | None:
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


def _from_base64(value: Json) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else None
    except binascii.Error:
        return None


def _mismatch(what: str, value: Json, expected: str) -> str:
    shown = compact(value)
    return f"{what} is {shown if len(shown) <= 100 else shown[:100] + '…'}, expected {expected}"
