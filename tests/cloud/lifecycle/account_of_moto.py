"""An account for tests, as moto has it: its number, what is in it, clients."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3

NUMBER = "123456789012"
REGION = "eu-central-1"
INSTALLATION = "edge-inspector-dev"
BUCKET = f"{INSTALLATION}-{NUMBER}-{REGION}"
TAGS = {"edge-inspector:installation": INSTALLATION}


def bootstrap() -> None:
    """Make what `cdk bootstrap` makes and a deployment looks for."""
    names = ("deploy-role", "cfn-exec-role", "file-publishing-role", "lookup-role")
    anybody = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{NUMBER}:root"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [anybody]})
    for name in names:
        client("iam").create_role(RoleName=f"cdk-hnb659fds-{name}-{NUMBER}-{REGION}", AssumeRolePolicyDocument=document)
    # The second time moto looks for the parameter by the value that it found the first time.
    for name in ("/cdk-bootstrap/hnb659fds/version", "30"):
        client("ssm").put_parameter(Name=name, Value="30", Type="String")
    make_bucket(f"cdk-hnb659fds-assets-{NUMBER}-{REGION}")


def client(service: str) -> Any:
    """Return a client of it."""
    return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]


def make_bucket(name: str, tags: Mapping[str, str] | None = None) -> None:
    """Make a bucket that keeps versions."""
    s3 = client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    if tags:
        said = [{"Key": key, "Value": value} for key, value in tags.items()]
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": said})


def write_environments(folder: Path, **fields: Any) -> Path:
    """Write a file with the environment `dev`."""
    path = folder / "environments.json"
    path.write_text(json.dumps({"environments": [{"name": "dev", "region": REGION, **fields}]}))
    return path
