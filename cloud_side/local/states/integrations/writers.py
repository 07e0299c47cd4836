"""The ResultWriter of a distributed map: what its children came to, in files of bounded size and a manifest.

Source:
    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html; members of pending children and
    the names of JSONL files as observed at AWS (https://github.com/radkawar/stackd, `testdata/aws/stepfunctions`)
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.integrations.arguments import compact
from cloud_side.local.states.integrations.clients import Clients
from cloud_side.local.states.store import Json

FILE_BYTES = 8_388_608
_GROUPS = {"SUCCEEDED": "SUCCEEDED", "FAILED": "FAILED", "TIMED_OUT": "FAILED", "ABORTED": "FAILED"}
_PENDING = "PENDING"


class Transformation(StrEnum):
    """What is kept of a child that succeeded."""

    NONE = "NONE"
    COMPACT = "COMPACT"
    FLATTEN = "FLATTEN"


class OutputType(StrEnum):
    """How results are put together."""

    JSON = "JSON"
    JSONL = "JSONL"


@dataclass(frozen=True)
class ResultWriter:
    """Where results go, and in which form.

    Attributes:
        bucket: None where they are the state's own result.
        prefix: Before the folder of the map run; empty, or with a slash at its end.
    """

    bucket: str | None
    prefix: str
    transformation: Transformation
    output_type: OutputType

    @classmethod
    def parse(cls, writer: Json) -> Self:
        """Read a `ResultWriter`, evaluated; None where the state has none.

        Raises:
            StateFailure: States.ResultWriterFailed, if it is none.
        """
        given: Mapping[str, Any] = writer or {}
        resource, arguments = given.get("Resource"), given.get("Arguments") or {}
        config = given.get("WriterConfig") or {}
        default = Transformation.COMPACT if resource is None else Transformation.NONE
        if resource is not None and not str(resource).endswith(":states:::s3:putObject"):
            raise _unfit("Resource", resource, "arn:aws:states:::s3:putObject")
        if resource is not None and not isinstance(arguments.get("Bucket"), str):
            raise _unfit("Bucket", arguments.get("Bucket"), "the name of a bucket")
        try:
            transformation = Transformation(config.get("Transformation", default))
            output_type = OutputType(config.get("OutputType", OutputType.JSON))
        except ValueError as error:
            raise _failed("WriterConfig", error) from error
        prefix = str(arguments.get("Prefix") or "")
        folder = prefix if prefix.endswith("/") or not prefix else f"{prefix}/"
        return cls(None if resource is None else arguments["Bucket"], folder, transformation, output_type)


def transformed(record: Mapping[str, Json], transformation: Transformation) -> list[Json]:
    """Return what is kept of a child.

    Args:
        record: As in NONE: `ExecutionArn`, `Input` and `Output` as JSON text, `Status` …
        transformation: NONE keeps the record, COMPACT the output, FLATTEN the items of an output that is an array. One
            that did not succeed is kept as it is, and of one that was never started the input.
    """
    if _group(record) == _PENDING:
        return [{name: record[name] for name in ("Input", "InputDetails") if name in record} | {"Status": _PENDING}]
    if transformation is Transformation.NONE or _group(record) != "SUCCEEDED":
        return [dict(record)]
    output = json.loads(record["Output"])
    return output if transformation is Transformation.FLATTEN and isinstance(output, list) else [output]


def write(writer: Json, map_run: str, records: Iterable[Mapping[str, Json]], clients: Clients) -> Json:
    """Write the results of a map run; once more with the same records, it writes the same.

    Args:
        writer: `ResultWriter` with `Resource`, `Arguments` and `WriterConfig`, evaluated.
        map_run: Its ARN; the part after the last colon is the folder's name.
        records: Of all children, in their order. They are taken one by one; 8 MiB of each outcome are in memory.
        clients: With S3 among them.

    Returns:
        `ResultWriterDetails`: `Bucket` and `Key` of manifest.json.

    Raises:
        StateFailure: States.ResultWriterFailed.
    """
    parsed = ResultWriter.parse(writer)
    if parsed.bucket is None:
        raise _unfit("Resource", None, "arn:aws:states:::s3:putObject")
    folder = f"{parsed.prefix}{map_run.rpartition(':')[2]}/"
    groups = {name: _Files(f"{folder}{name}", parsed, clients) for name in ("FAILED", _PENDING, "SUCCEEDED")}
    try:
        for record in records:
            for result in transformed(record, parsed.transformation):
                groups[_group(record)].add(result)
        files = {name: group.close() for name, group in groups.items()}
        manifest = {"DestinationBucket": parsed.bucket, "MapRunArn": map_run, "ResultFiles": files}
        key = f"{folder}manifest.json"
        clients.of("s3").put_object(Bucket=parsed.bucket, Key=key, Body=compact(manifest).encode())
    except (ClientError, BotoCoreError) as error:
        where = f"s3://{parsed.bucket}/{folder}"
        raise _failed(where, f"cannot be written: {error}") from error
    return {"Bucket": parsed.bucket, "Key": key}


@dataclass
class _Files:
    """The files of one outcome, written as they are full."""

    stem: str
    writer: ResultWriter
    clients: Clients
    _lines: list[bytes] = field(default_factory=list)
    _size: int = 0
    _written: list[dict[str, Json]] = field(default_factory=list)

    def add(self, result: Json) -> None:
        line = compact(result).encode()
        if self._lines and self._size + len(line) > FILE_BYTES:
            self._write()
        self._lines.append(line)
        self._size += len(line) + 1

    def close(self) -> list[dict[str, Json]]:
        if self._lines:
            self._write()
        return self._written

    def _write(self) -> None:
        is_json = self.writer.output_type is OutputType.JSON
        body = b"[" + b",".join(self._lines) + b"]" if is_json else b"".join(line + b"\n" for line in self._lines)
        key = f"{self.stem}_{len(self._written)}.{'json' if is_json else 'jsonl'}"
        self.clients.of("s3").put_object(Bucket=self.writer.bucket, Key=key, Body=body)
        self._written.append({"Key": key, "Size": len(body)})
        self._lines, self._size = [], 0


def _group(record: Mapping[str, Json]) -> str:
    return _GROUPS.get(str(record["Status"]), _PENDING)


def _unfit(name: str, found: Json, expected: str) -> StateFailure:
    return _failed("ResultWriter", f"{name} is {found!r}, expected {expected}")


def _failed(where: str, why: object) -> StateFailure:
    return StateFailure(error="States.ResultWriterFailed", cause=f"{where}: {why}")
