"""The component of the model: built, published, and waited for."""

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cloud_side.clients import client
from cloud_side.deployment.building import build_component, component_arn, publish, read_model
from cloud_side.deployment.judging import judge_component
from cloud_side.deployment.runtime.opening import Opened, answer, opened
from cloud_side.objects import Bucket, parse_address
from cloud_side.training.registry.archive import unpack
from cloud_side.training.registry.keeping import fetch
from cloud_side.training.registry.packages import RegistryError, read_package


def build_step(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Make the component's version of a model, unless it is there.

    Args:
        event: `bucket` and `execution`.
        context: Of the function.

    Raises:
        ConfigError: If no component can be made of the package.
        RegistryError: If its archive is not there, or was changed.
        RecordLostError: If the step is to run again.
    """
    begun = opened(event)
    record = begun.record
    if record.component_version is not None:
        return answer("go")
    with tempfile.TemporaryDirectory(prefix="rollout-") as scratch:
        package, folder = Path(scratch, "package"), Path(scratch, "build")
        _fetch(begun, package, Path(scratch, "model.tar.gz"))
        model = read_model(package)
        built = build_component(package, record.plan.component, folder)
        arn = component_arn(record.execution, record.plan.component)
        made = publish(client("greengrassv2"), begun.bucket, built, arn)
    known = {
        "model": model,
        "content_sha256": built.content,
        "component_version": made.version,
        "component_arn": made.arn,
        "since": begun.now,
    }
    begun.keep(record.model_copy(update=known))
    return answer("go")


def look_component(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Look whether the component's version may be deployed.

    Args:
        event: `bucket` and `execution`.
        context: Of the function.

    Raises:
        ConfigError: If the record is gone.
    """
    begun = opened(event)
    record = begun.record
    said = client("greengrassv2").describe_component(arn=record.component_arn)["status"]
    verdict = judge_component(said, record.plan.limits, elapsed_s=begun.waited_s(record.since))
    return begun.after(verdict, record.since)


def _fetch(begun: Opened, folder: Path, archive: Path) -> None:
    package = read_package(client("sagemaker"), begun.record.package)
    uri = package.model_uri
    if uri is None:
        msg = f"{package.title}: expected a package with an archive, found none"
        raise RegistryError(msg)
    bucket, key = parse_address(uri)
    if not fetch(Bucket(begun.bucket.s3, bucket), key, archive):
        msg = f"{package.title}: expected its archive at {uri}, found none"
        raise RegistryError(msg)
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    expected = package.properties.get("archive_sha256")
    if expected not in {None, found}:
        msg = f"{uri}: expected sha256 {expected}, found {found}: it was changed after it was registered"
        raise RegistryError(msg)
    unpack(archive, folder)
