"""Requests to SageMaker's Model Registry, from values: what a package says of itself, and of who judged it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from edge_inspector.errors import ConfigError

GROUP: Final = "edge-inspector"
_MOST_PROPERTIES, _LONGEST_KEY, _LONGEST_VALUE = 50, 128, 256
_LONGEST_WHY: Final = 1024
_TOKEN_LETTERS: Final = 36
_MARKS: Final = "_.:/=+-@"


class Approval(StrEnum):
    """What a person has said of a package."""

    PENDING = "PendingManualApproval"
    APPROVED = "Approved"
    REJECTED = "Rejected"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A file that says how good a model is.

    Attributes:
        uri: Address in S3.
        sha256: Of its content.
    """

    uri: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Registration:
    """A package that is to be registered.

    Attributes:
        group: Model package group.
        name: Of the model.
        version: Semantic.
        run: The training run.
        model_uri: Address of `model.tar.gz`.
        image: The container that made it.
        evaluation: The scores.
        gate: The checks that it passed.
        git_commit: Of the training code; None where unknown.
        training_job: ARN or name; None where there was none.
        properties: What else is known, by name.
    """

    group: str
    name: str
    version: str
    run: str
    model_uri: str
    image: str
    evaluation: Evidence
    gate: Evidence
    git_commit: str | None = None
    training_job: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)


def create_request(said: Registration) -> dict[str, Any]:
    """Return the parameters of CreateModelPackage; a person has yet to approve it.

    Raises:
        ConfigError: If a property cannot be one; names it.

    Source:
        SageMaker API Reference, CreateModelPackage; ModelMetrics.
    """
    generated_by = said.training_job or f"training run {said.run}"
    known = {"CommitId": said.git_commit, "GeneratedBy": generated_by}
    properties = {"model": said.name, "version": said.version, "run": said.run, **said.properties}
    return {
        "ModelPackageGroupName": said.group,
        "ModelPackageDescription": f"{said.name} {said.version}",
        "InferenceSpecification": {
            "Containers": [{"Image": said.image, "ModelDataUrl": said.model_uri}],
            "SupportedContentTypes": ["image/png", "image/jpeg"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        "ModelApprovalStatus": Approval.PENDING.value,
        "MetadataProperties": {name: value for name, value in known.items() if value},
        "ModelMetrics": {
            "ModelQuality": {"Statistics": _source(said.evaluation), "Constraints": _source(said.gate)},
        },
        "Domain": "COMPUTER_VISION",
        "Task": "OBJECT_DETECTION",
        "CustomerMetadataProperties": checked_properties(properties),
        "SkipModelValidation": "All",
        "ClientToken": _token(said.group, said.name, said.version, said.run),
    }


def judge_request(arn: str, approval: Approval, *, who: str, why: str, at: datetime) -> dict[str, Any]:
    """Return the parameters of UpdateModelPackage for what a person decided.

    Args:
        arn: Of the package.
        approval: What was decided.
        who: The person.
        why: The reason, which others will read.
        at: When, aware.

    Raises:
        ConfigError: If a reason or a name is missing, or too long.
    """
    reason, person = " ".join(why.split()), " ".join(who.split())
    if not reason or len(reason) > _LONGEST_WHY or not reason.isprintable():
        msg = f"why: expected a reason of 1 to {_LONGEST_WHY} letters, found {len(reason)}"
        raise ConfigError(msg)
    if not person:
        msg = "who: expected a name, found none"
        raise ConfigError(msg)
    return {
        "ModelPackageArn": arn,
        "ModelApprovalStatus": approval.value,
        "ApprovalDescription": reason,
        "CustomerMetadataProperties": checked_properties(
            {"judged_by": person, "judged_at": at.isoformat(timespec="seconds")}
        ),
    }


def checked_properties(properties: Mapping[str, str]) -> dict[str, str]:
    """Return properties as the registry takes them: without empty ones, other letters as `_`, sorted.

    Raises:
        ConfigError: If one is too long, or there are too many.
    """
    fitting = {_fitting(name): _fitting(value) for name, value in sorted(properties.items()) if value}
    if len(fitting) > _MOST_PROPERTIES:
        msg = f"properties of a model package: expected at most {_MOST_PROPERTIES}, found {len(fitting)}"
        raise ConfigError(msg)
    for name, value in fitting.items():
        if len(name) > _LONGEST_KEY or len(value) > _LONGEST_VALUE:
            msg = (
                f"property {name:.40} of a model package: expected at most {_LONGEST_KEY} letters in the name and "
                f"{_LONGEST_VALUE} in the value, found {len(name)} and {len(value)}"
            )
            raise ConfigError(msg)
    return fitting


def _fitting(text: str) -> str:
    return "".join(each if each.isalnum() or each == " " or each in _MARKS else "_" for each in text)


def _source(evidence: Evidence) -> dict[str, str]:
    return {
        "ContentType": "application/json",
        "ContentDigest": f"sha256:{evidence.sha256}",
        "S3Uri": evidence.uri,
    }


def _token(*parts: str) -> str:
    """Return the same token for the same run, so that a step that is run again registers nothing anew."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_TOKEN_LETTERS]
