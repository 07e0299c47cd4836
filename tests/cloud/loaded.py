"""What botocore knows of AWS' services is large: read once for all clients of a process, and of those forked off it."""

from functools import cache
from typing import Final

import boto3
import botocore.session
from botocore.loaders import Loader

LOADER: Final = Loader(include_default_search_paths=True)
_OF_AN_ENGINE: Final = ("s3", "stepfunctions", "lambda", "sagemaker", "sns", "events", "glue", "athena")

botocore.session.create_loader = lambda _=None: LOADER


@cache
def load() -> None:
    """Read what an engine needs."""
    session = boto3.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="eu-central-1")
    for name in _OF_AN_ENGINE:
        session.client(name)
