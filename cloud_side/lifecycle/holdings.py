"""The data of an installation, which its stacks leave when they are deleted: found by its tag, or a name of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from botocore.exceptions import ClientError

from cloud_side.catalog.tables import DATABASE, LABEL_STORE
from cloud_side.commands import CommandError
from cloud_side.installation import PRODUCT, installed
from cloud_side.lifecycle.account import Account
from cloud_side.lifecycle.stacks import OWNER_TAG
from cloud_side.objects import Client


class Kind(StrEnum):
    """What it is, in the order in which it can be deleted."""

    MODELS = "model package group"
    LABELS = "feature group"
    REPOSITORY = "repository"
    DATABASE = "database"
    TABLE = "table"
    BUCKET = "bucket"
    PEOPLE = "user pool"
    KEY = "key"


STAYING: Final = frozenset({Kind.PEOPLE, Kind.KEY})  # in any case: see `words`


_BY_ARN: Final = {
    "sagemaker:model-package-group": Kind.MODELS,
    "sagemaker:feature-group": Kind.LABELS,
    "ecr:repository": Kind.REPOSITORY,
    "dynamodb:table": Kind.TABLE,
    "cognito-idp:userpool": Kind.PEOPLE,
    "kms:key": Kind.KEY,
}


@dataclass(frozen=True)
class Holding:
    """One thing with data.

    Attributes:
        kind: What it is.
        name: As its service calls it.
    """

    kind: Kind
    name: str

    def __str__(self) -> str:
        """Return it for a person."""
        return f"{self.kind} {self.name}"


def find_holdings(account: Account, installation: str) -> tuple[Holding, ...]:
    """Return what is there of an installation's data, in the order in which it can be deleted.

    Args:
        account: Where.
        installation: `edge-inspector-dev`; what is of `edge-inspector-dev-2` is not found.

    Raises:
        CommandError: If a bucket has a name of this installation and the tag of another.
    """
    found = {*_tagged(account, installation), *_named(account, installation)}
    order = list(Kind)
    return tuple(sorted(found, key=lambda each: (order.index(each.kind), each.name)))


def has_bucket(account: Account, installation: str) -> bool:
    """Return whether the installation's bucket is there, deployed or left by stacks that were deleted."""
    return _buckets(installation, account)[0] in _all_buckets(account)


def by_arn(arn: str) -> Holding | None:
    """Return what an ARN names; None where it holds no data."""
    _, _, service, _, _, resource = arn.split(":", 5)
    if service == "s3":
        return Holding(Kind.BUCKET, resource)
    kind, _, name = resource.partition("/")
    known = _BY_ARN.get(f"{service}:{kind}")
    return None if known is None else Holding(known, name)


def database_of(installation: str) -> str:
    """Return the name of an installation's database; Glue's have no dashes."""
    return installation.replace(PRODUCT, DATABASE).replace("-", "_")


def _tagged(account: Account, installation: str) -> Iterator[Holding]:
    pages = account.client("resourcegroupstaggingapi").get_paginator("get_resources")
    for page in pages.paginate(TagFilters=[{"Key": OWNER_TAG, "Values": [installation]}]):
        for each in page["ResourceTagMappingList"]:
            if (holding := by_arn(each["ResourceARN"])) is not None:
                yield holding


def _named(account: Account, installation: str) -> Iterator[Holding]:
    s3, there = account.client("s3"), _all_buckets(account)
    for name in _buckets(installation, account):
        if name in there:
            owner = _owner(s3, name)
            if owner not in {None, installation}:
                msg = f"bucket {name}: expected the tag {OWNER_TAG} = {installation}, found {owner}"
                raise CommandError(msg)
            yield Holding(Kind.BUCKET, name)
    database = database_of(installation)
    if database in _listed(account, "glue", "get_databases", "DatabaseList", "Name"):
        yield Holding(Kind.DATABASE, database)
    labels = installed(LABEL_STORE, installation)
    if labels in _listed(account, "sagemaker", "list_feature_groups", "FeatureGroupSummaries", "FeatureGroupName"):
        yield Holding(Kind.LABELS, labels)
    groups = _listed(
        account, "sagemaker", "list_model_package_groups", "ModelPackageGroupSummaryList", "ModelPackageGroupName"
    )
    if installation in groups:
        yield Holding(Kind.MODELS, installation)


def _listed(account: Account, service: str, operation: str, within: str, name: str) -> Iterator[str]:
    for page in account.client(service).get_paginator(operation).paginate():
        yield from (str(each[name]) for each in page[within])


def _buckets(installation: str, account: Account) -> tuple[str, str]:
    return (
        f"{installation}-{account.number}-{account.region}",
        f"{installation}-log-{account.number}-{account.region}",
    )


def _all_buckets(account: Account) -> set[str]:
    return {str(each["Name"]) for each in account.client("s3").list_buckets()["Buckets"]}


def _owner(s3: Client, bucket: str) -> str | None:
    try:
        tags = s3.get_bucket_tagging(Bucket=bucket)["TagSet"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchTagSet":
            return None
        raise
    return next((str(each["Value"]) for each in tags if each["Key"] == OWNER_TAG), None)
