"""What processes do until they are killed; imported by a fork server, so that each one starts within milliseconds."""

import os
from multiprocessing.connection import Connection
from pathlib import Path

from edge_inspector.samples.s3 import SampleBucket
from edge_inspector.samples.spool import Spool
from edge_inspector.samples.target import address
from edge_inspector.samples.uploader import Uploader
from edge_inspector.sampling import BY_VALUE
from edge_inspector.settings import parse
from edge_inspector.settings.keeping import S3Target
from tests.samples.made import ROOMY, store
from tests.samples.s3_server import CREDENTIALS


def store_for_ever(root: Path, first: int, begins: Connection) -> None:
    """Store pairs of all reasons, some large; give up old ones by the way."""
    spool = Spool(root, quota_bytes=dict.fromkeys(ROOMY, 400_000))
    spool.open()
    begins.send("begun")
    number = first
    while True:
        store(spool, number, BY_VALUE[number % len(BY_VALUE)], size=1000 + number % 7 * 20_000)
        number += 1


def upload_for_ever(root: Path, target: S3Target, begins: Connection) -> None:
    os.environ.update(CREDENTIALS)
    spool = Spool(root, quota_bytes=ROOMY)
    settings = parse({"samples": {"upload": {"retry_min_s": 0.001, "retry_max_s": 0.01}}}).samples.upload
    with (
        SampleBucket(target, patience_s=5) as bucket,
        Uploader(spool, bucket, settings, address=lambda key: address(target, key)) as uploader,
    ):
        begins.send("begun")
        uploader._thread.join()
