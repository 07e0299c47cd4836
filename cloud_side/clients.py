"""Clients of AWS for functions and steps: made once a process, as a warm function is called again and again."""

import os
from functools import cache
from typing import Final

import boto3
from botocore.config import Config

from cloud_side.engines import ENGINE_VARIABLE
from cloud_side.objects import Bucket, Client
from cloud_side.session import session

AT_ONCE: Final = 16  # calls of a client, where a step makes many

# Throttling and errors of the server are tried again after a pause that grows, with jitter, and a client that was
# throttled asks more slowly from then on: thousands of calls go through at whatever rate the service takes.
# https://docs.aws.amazon.com/boto3/latest/guide/retries.html, "Adaptive retry mode"
PATIENT = Config(retries={"mode": "adaptive", "total_max_attempts": 8}, max_pool_connections=AT_ONCE)


def client(service: str) -> Client:
    """Return the client of a service, for the engine that `EDGE_INSPECTOR_ENGINE` names now."""
    return _client(os.environ.get(ENGINE_VARIABLE), service)


def boto_session() -> boto3.Session:
    """Return the session of that engine."""
    return _session(os.environ.get(ENGINE_VARIABLE))


def open_bucket(name: str) -> Bucket:
    """Return a bucket, by this process' client."""
    return Bucket(client("s3"), name)


@cache
def _client(engine: str | None, service: str) -> Client:
    return _session(engine).client(service, config=PATIENT)


@cache
def _session(engine: str | None) -> boto3.Session:  # noqa: ARG001 - what the session goes by
    return session()
