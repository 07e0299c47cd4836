"""Numbered operations on few keys, so that anybody can tell what each leaves behind; done by processes that get killed.

Each operation is one attempt of a task: a process that begins again with an operation that was cut off has its token.
"""

import os
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cloud_side.local import outbox, wiring
from cloud_side.local.calling import Caller, calling
from cloud_side.local.database import Database
from cloud_side.local.home import Home
from cloud_side.local.services.s3 import S3, FolderWatch, Tidying
from tests.cloud.local.services.s3.buckets import BUCKET

KEYS = ("a", "b/c", "b/d", "e/f/g")
KINDS = ("put", "put", "copy", "delete", "delete-many", "complete", "abort", "drop")


def body_of(number: int) -> bytes:
    chance = random.Random(number)
    return b"%d:" % number + chance.randbytes(chance.choice([0, 100, 50_000]))


@dataclass(frozen=True)
class Operation:
    number: int
    kind: str
    key: str
    other: str

    @classmethod
    def of(cls, number: int) -> "Operation":
        chance = random.Random(f"operation {number}")
        return cls(number, chance.choice(KINDS), *chance.sample(KEYS, 2))

    def do(self, s3: Any, folder: Path) -> None:
        """Do it; that there is nothing to copy is no failure."""
        match self.kind:
            case "put":
                s3.put_object(Bucket=BUCKET, Key=self.key, Body=body_of(self.number), Metadata=self._said)
            case "copy":
                with suppress(s3.exceptions.NoSuchKey):
                    s3.copy_object(Bucket=BUCKET, Key=self.key, CopySource={"Bucket": BUCKET, "Key": self.other})
            case "delete":
                s3.delete_object(Bucket=BUCKET, Key=self.key)
            case "delete-many":
                s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": self.key}, {"Key": self.other}]})
            case "drop":
                self._drop(folder / f"drops/{self.number}")
            case _:
                self._upload(s3)

    @property
    def _said(self) -> dict[str, str]:
        return {"by": str(self.number)}

    def _upload(self, s3: Any) -> None:
        upload = s3.create_multipart_upload(Bucket=BUCKET, Key=self.key, Metadata=self._said)["UploadId"]
        which = {"Bucket": BUCKET, "Key": self.key, "UploadId": upload}
        part = s3.upload_part(**which, PartNumber=1, Body=body_of(self.number))
        if self.kind == "abort":
            s3.abort_multipart_upload(**which)
        else:
            parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
            s3.complete_multipart_upload(**which, MultipartUpload={"Parts": parts})

    def _drop(self, path: Path) -> None:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{path.name}.part")
            partial.write_bytes(body_of(self.number))
            partial.rename(path)


@dataclass
class Model:
    """What there is and was told after some operations."""

    objects: dict[str, int] = field(default_factory=dict)
    drops: set[str] = field(default_factory=set)
    told: list[tuple[str, str]] = field(default_factory=list)

    def after(self, operation: Operation) -> "Model":
        objects, drops, told = dict(self.objects), set(self.drops), list(self.told)
        key, other = operation.key, operation.other
        match operation.kind:
            case "put":
                objects[key] = operation.number
                told.append(("PutObject", key))
            case "complete":
                objects[key] = operation.number
                told.append(("CompleteMultipartUpload", key))
            case "copy" if other in objects:
                objects[key] = objects[other]
                told.append(("CopyObject", key))
            case "delete" | "delete-many":
                keys = (key, other) if operation.kind == "delete-many" else (key,)
                told += [("DeleteObject", each) for each in keys if objects.pop(each, None) is not None]
            case "drop":
                drops.add(f"drops/{operation.number}")
        return Model(objects, drops, told)


def open_home(folder: Path) -> tuple[Home, Database, Any]:
    home = Home(folder)
    home.make()
    database = Database(home.database, [wiring.TABLES, outbox.TABLES, S3.tables])
    session = wiring.local_session(home, database, [S3])
    return home, database, session.client("s3")


def work(folder: Path, first: int) -> None:
    """Go on with an operation, until killed."""
    home, database, s3 = open_home(folder)
    chores = [FolderWatch(home, database, now_ns=lambda: time.time_ns() + 10**10), Tidying(home, database)]
    chance = random.Random()
    os.write(1, b"runs %d\n" % os.getpid())
    number = first
    if chance.random() < 0.5:
        chance.choice(chores).turn()  # before the operation that was cut off is done once more
    while True:
        with calling(Caller("execution", f"task {number}")):
            Operation.of(number).do(s3, home.buckets / BUCKET)
        os.write(1, b"done %d\n" % number)
        number += 1
        if chance.random() < 0.2:
            chance.choice(chores).turn()
