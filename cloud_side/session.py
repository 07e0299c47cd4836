"""The one way to AWS: boto3 as it is, or the same boto3 answered by a local engine, as `EDGE_INSPECTOR_ENGINE` says."""

import os

import boto3

from cloud_side.engines import AWS, ENGINE_VARIABLE, folder_of


def session() -> boto3.Session:
    """Return a session for handlers, steps and the command line; its clients work the same with either engine.

    Raises:
        ConfigError: If `EDGE_INSPECTOR_ENGINE` names no engine, or its folder cannot be used.
    """
    folder = folder_of(os.environ.get(ENGINE_VARIABLE, AWS))
    if folder is None:
        return boto3.Session()
    from cloud_side.local.opening import open_local  # noqa: PLC0415 - in AWS nothing of it is there

    return open_local(folder).session
