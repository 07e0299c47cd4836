"""Several processes that work on the same keys at once, each until it has done its part.

    python -m tests.cloud.local.services.s3.racing FOLDER conditional|replacing COUNT PROCESSES

Each says `NUMBER won KEY` for a write that succeeded.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tests.cloud.loaded import LOADER
from tests.cloud.local.services.s3.buckets import BUCKET
from tests.cloud.local.services.s3.work import KEYS, body_of, open_home


def make_new_keys(s3: Any, racer: int, count: int) -> None:
    """Put each key if it is not there; of all who try at once one wins."""
    for number in range(count):
        try:
            put(s3, f"key-{number}", racer, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise
        else:
            os.write(1, b"%d won key-%d\n" % (racer, number))


def replace_keys(s3: Any, racer: int, count: int) -> None:
    """Put, copy and delete the same few keys over and over."""
    for number in range(count):
        key, other = KEYS[number % len(KEYS)], KEYS[(number + racer) % len(KEYS)]
        put(s3, key, racer * 1000 + number)
        if number % 3 == 0 and other != key:
            s3.copy_object(Bucket=BUCKET, Key=f"copies/{key}", CopySource={"Bucket": BUCKET, "Key": key})
        if number % 5 == 0:
            s3.delete_object(Bucket=BUCKET, Key=f"copies/{other}")


def count_up(s3: Any, _: int, count: int) -> None:
    """Add one to a number in an object, by compare and swap."""
    for _ in range(count):
        while True:
            found = s3.get_object(Bucket=BUCKET, Key="counter")
            text = b"%d" % (int(found["Body"].read()) + 1)
            try:
                s3.put_object(Bucket=BUCKET, Key="counter", Body=text, IfMatch=found["ETag"])
                break
            except ClientError as error:
                if error.response["Error"]["Code"] != "PreconditionFailed":
                    raise


def put(s3: Any, key: str, number: int, **more: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key=key, Body=body_of(number), Metadata={"by": str(number)}, **more)


def main(folder: Path, what: str, count: int, processes: int) -> int:
    LOADER.load_service_model("s3", "service-2")
    run = {"conditional": make_new_keys, "replacing": replace_keys, "counting": count_up}[what]
    begin = time.monotonic() + 0.3
    children = []
    for racer in range(processes):
        if (child := os.fork()) == 0:
            _, _, s3 = open_home(folder)
            time.sleep(max(0.0, begin - time.monotonic()))
            run(s3, racer, count)
            os._exit(0)
        children.append(child)
    return max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
