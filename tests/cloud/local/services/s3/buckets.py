"""A cloud with S3 alone, and what tests ask of it."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from cloud_side.local.home import REGION
from cloud_side.local.services.s3 import FolderWatch
from cloud_side.local.services.s3.names import STAGING
from tests.cloud.local.kept import Kept

BUCKET = "samples"
REGION_SAID = {"LocationConstraint": REGION}
OLD_NS = 10**9 * 1_700_000_000  # a file's time that is long past


class Cloud:
    """One bucket, seen through the API and as a folder."""

    def __init__(self, opened: Kept) -> None:
        self.home, self.database, self.session = opened.home, opened.database, opened.session
        self.s3 = opened.client("s3")
        self.folder = self.home.buckets / BUCKET
        self.watch = FolderWatch(self.home, self.database)

    def empty(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=REGION_SAID)

    def put(self, key: str, body: Any = b"content", **more: Any) -> Any:
        return self.s3.put_object(Bucket=BUCKET, Key=key, Body=body, **more)

    def get(self, key: str, **more: Any) -> bytes:
        return bytes(self.s3.get_object(Bucket=BUCKET, Key=key, **more)["Body"].read())

    def head(self, key: str, **more: Any) -> Any:
        return self.s3.head_object(Bucket=BUCKET, Key=key, **more)

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=BUCKET, Key=key)

    def keys(self, **more: Any) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, **more)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def drop(self, key: str, content: bytes = b"by itself", *, at_ns: int = OLD_NS) -> Path:
        """Write a file as somebody does who knows of no API: whole, and a while ago."""
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.part")
        partial.write_bytes(content)
        os.utime(partial, ns=(at_ns, at_ns))
        partial.rename(path)
        return path

    def tell(self, *, on: bool = True) -> None:
        wanted: dict[str, Any] = {"EventBridgeConfiguration": {}} if on else {}
        self.s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=wanted)

    def events(self) -> list[dict[str, Any]]:
        rows = self.database.connection().execute("SELECT event FROM emitted ORDER BY seq")
        return [json.loads(row["event"]) for row in rows]

    def told(self) -> list[tuple[str, str]]:
        """Return kind and key of each event, in order."""
        return [(event["detail-type"], event["detail"]["object"]["key"]) for event in self.events()]

    def leftovers(self) -> list[str]:
        staging = self.folder / STAGING
        return sorted(path.name for path in staging.iterdir()) if staging.exists() else []


def code_of(error: ClientError) -> tuple[str, int]:
    return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
