"""The registry of the site: the shipped model as champion, the model that waits, and what a person says of it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import edge_inspector
from cloud_side.local.cli.standing import standing
from cloud_side.local.home import Home
from cloud_side.loop.premises import Site
from cloud_side.loop.programs import until
from cloud_side.training.registry.keeping import ARCHIVE, folder_of, keep_archive
from cloud_side.training.registry.packages import Registered, read_package, registered
from cloud_side.training.registry.requests import GROUP, Approval

SHIPPED: Final = Path(edge_inspector.__file__).parent / "shipped_model"
_RULE: Final = "edge-inspector-rollout-approved"
_QUIET_S: Final = 30.0


def register_shipped(site: Site) -> str:
    """Make the model that runs already the champion of the registry, and return its version.

    It is on the line, so nothing shall begin to roll it out: the rule that would sleeps meanwhile.

    Raises:
        LoopError: If the event of it is not over soon.
    """
    manifest = json.loads((SHIPPED / "model.json").read_text(encoding="utf-8"))
    name, version = manifest["name"], manifest["version"]
    sha256 = keep_archive(site.bucket, name, version, SHIPPED)
    events = site.client("events")
    events.disable_rule(Name=_RULE)
    site.client("sagemaker").create_model_package(
        ModelPackageGroupName=GROUP,
        ModelPackageDescription=f"{name} {version}",
        InferenceSpecification={
            "Containers": [
                {"Image": "shipped", "ModelDataUrl": site.bucket.address(folder_of(name, version) + ARCHIVE)}
            ],
            "SupportedContentTypes": ["image/png", "image/jpeg"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        ModelApprovalStatus=Approval.APPROVED.value,
        CustomerMetadataProperties={
            "model": name,
            "version": version,
            "archive_sha256": sha256,
            "judged_by": "commissioning",
            "judged_at": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )
    home = Home(site.out / "engine")
    until(
        lambda: None if standing(home).queues.get("events") else True,
        _QUIET_S,
        "the event to be delivered",
        every_s=0.2,
    )
    events.enable_rule(Name=_RULE)
    return str(version)


def packages(site: Site) -> list[Registered]:
    """Return what is registered, the newest first."""
    return list(registered(site.client("sagemaker"), GROUP))


def read_again(site: Site, package: Registered) -> Registered:
    """Return a package as it is now."""
    return read_package(site.client("sagemaker"), package.arn)
