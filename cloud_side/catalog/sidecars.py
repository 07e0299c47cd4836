"""The row of a picture in the index: what its sidecar says, or why it is none."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cloud_side.catalog.index import split_key
from cloud_side.catalog.labels import strict_json

LARGEST_SIDECAR_BYTES: Final = 1 << 20  # one that a station wrote has some 2,000

Row: TypeAlias = Mapping[str, str | int | float | None]


class SidecarError(ValueError):
    """A sidecar of which no row can be made; says what was found and what was expected."""


def row_of(content: bytes, *, image: str, etag: str) -> Row:
    """Return the row of a picture, with every column of the table.

    Args:
        content: Of its sidecar.
        image: Its key, of which site, line, station and day are.
        etag: Of the sidecar.

    Raises:
        SidecarError: If the sidecar lacks something, or is another picture's; gives one reason.
    """
    _, partition, name = split_key(image)
    sidecar = _parsed(content)
    ours, result, objects = sidecar.ours, sidecar.ours.result, sidecar.metadata.objects
    if _stem(ours.key) != _stem(name):
        msg = f"edge-inspector.key: expected {_stem(name)!r} as the name, found {ours.key!r}"
        raise SidecarError(msg)
    if len(sidecar.boxes.annotations) != len(objects):
        found = f"{len(sidecar.boxes.annotations)} annotations and {len(objects)} objects"
        msg = f"pre-label: expected as many annotations as objects in its metadata, found {found}"
        raise SidecarError(msg)
    return {
        "image": image,
        "sha256": ours.sha256,
        "etag": etag,
        "site": partition.site,
        "line": partition.line,
        "station": partition.station,
        "camera": result.camera,
        "day": partition.day,
        "captured_at": result.captured_at,
        "inspection_id": result.inspection_id,
        "part_id": result.part_id or None,
        "lot": result.lot or None,
        "product": result.product or None,
        "part_group": ours.group,
        "reason": ours.reason,
        "found_reason": ours.reason if ours.found is None else ours.found.reason,
        "disposition": None if ours.disposition is None else ours.disposition.disposition,
        "outcome": result.outcome,
        "boxes": len(objects),
        "confidence": max((each.confidence for each in objects if each.confidence is not None), default=None),
        "model": None if result.model is None else f"{result.model.name}/{result.model.version}",
        "model_sha256": None if result.model is None else result.model.sha256,
    }


def write_row(row: Row) -> bytes:
    """Return a row as the index has it, with its newline."""
    return f"{strict_json(row)}\n".encode()


_Text = Annotated[str, Field(min_length=1, max_length=1024)]


class _Part(BaseModel):
    """A part of a sidecar; what a later version may have added is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class _Model(_Part):
    name: str
    version: str
    sha256: str | None = None


class _Result(_Part):
    inspection_id: _Text
    captured_at: _Text
    outcome: _Text
    camera: str | None = None
    part_id: str | None = None
    lot: str | None = None
    product: str | None = None
    model: _Model | None = None


class _Said(_Part):
    disposition: _Text


class _Found(_Part):
    reason: _Text | None


class _Ours(_Part):
    key: _Text
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    reason: _Text
    group: _Text
    result: _Result
    disposition: _Said | None = None
    found: Annotated[_Found | None, Field(alias="as_found")] = None


class _Boxes(_Part):
    annotations: list[dict[str, Any]]


class _Object(_Part):
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None


class _Metadata(_Part):
    objects: list[_Object]
    classes: Annotated[dict[str, str], Field(alias="class-map")]


class _Sidecar(_Part):
    source: Annotated[str, Field(alias="source-ref")]
    boxes: Annotated[_Boxes, Field(alias="pre-label")]
    metadata: Annotated[_Metadata, Field(alias="pre-label-metadata")]
    ours: Annotated[_Ours, Field(alias="edge-inspector")]


def _parsed(content: bytes) -> _Sidecar:
    try:
        return _Sidecar.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "sidecar"
        msg = f"{place}: expected: {first['msg']}, found {first['input']!r:.80}"
        raise SidecarError(msg) from error


def _stem(key: str) -> str:
    return key.rpartition("/")[2].rpartition(".")[0]
