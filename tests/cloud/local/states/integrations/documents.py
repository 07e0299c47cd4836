"""Draws values that fit a shape of AWS' models, as boto3 takes and gives them."""

import random
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_DEEPEST = 4


@cache
def model(service: str) -> ServiceModel:
    """Return the model of a service: reading one takes long."""
    return botocore.session.get_session().get_service_model(service)


def draw(shape: Shape, random_: random.Random, depth: int = 0) -> Any:
    """Return a value of a shape; deep inside, and where a shape is inside itself, only what must be there."""
    match shape:
        case StructureShape() if shape.is_document_type:
            return {"any": [1, "document"]}
        case StructureShape():
            return _structure(shape, random_, depth)
        case ListShape():
            return [draw(shape.member, random_, depth + 1) for _ in range(_count(shape, random_, depth))]
        case MapShape():
            return {f"key{n}": draw(shape.value, random_, depth + 1) for n in range(_count(shape, random_, depth))}
    return _scalar(shape, random_)


def _structure(shape: StructureShape, random_: random.Random, depth: int) -> dict[str, Any]:
    names = list(shape.members)
    if shape.is_tagged_union:
        chosen = random_.sample(names, 1)
    else:
        often = 0.7 if depth == 0 else 0.3 if depth < _DEEPEST else 0
        chosen = [name for name in names if name in shape.required_members or random_.random() < often]
    body = shape.serialization.get("payload") if depth == 0 else None
    drawn = {name: draw(shape.members[name], random_, depth + 1) for name in chosen}
    if body in drawn and shape.members[body].type_name == "blob":
        drawn[body] = b'"text"'
    return drawn


def _count(shape: ListShape | MapShape, random_: random.Random, depth: int) -> int:
    least = shape.metadata.get("min", 0)
    return max(least, random_.randrange(3) if depth < _DEEPEST else 0)


def _scalar(shape: Shape, random_: random.Random) -> Any:
    least = shape.metadata.get("min", 0)
    match shape.type_name:
        case "string":
            return (
                random_.choice(shape.enum)
                if getattr(shape, "enum", None)
                else "é" * max(least, random_.randrange(1, 4))
            )
        case "boolean":
            return random_.random() < 0.5
        case "integer" | "long":
            return least + random_.randrange(1000)
        case "float" | "double":
            return least + random_.random()
        case "timestamp":
            return _EPOCH + timedelta(milliseconds=random_.randrange(10**10))
        case "blob":
            return random_.randbytes(max(least, 3))
    raise AssertionError(shape.type_name)
