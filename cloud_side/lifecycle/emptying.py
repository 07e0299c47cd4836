"""Deletes the data of an installation, thing by thing; what is gone already is no error, so it goes on where it was."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, assert_never

from botocore.exceptions import ClientError

from cloud_side.commands import CommandError
from cloud_side.lifecycle.account import Account
from cloud_side.lifecycle.holdings import STAYING, Holding, Kind
from cloud_side.objects import Client

_GONE: Final = frozenset(
    {
        "EntityNotFoundException",
        "NoSuchBucket",
        "RepositoryNotFoundException",
        "ResourceNotFound",
        "ResourceNotFoundException",
    }
)
_SAID_EVERY: Final = 10_000  # objects


def delete_holdings(account: Account, holdings: Sequence[Holding], say: Callable[[str], None]) -> None:
    """Delete data, for good, but for what is STAYING.

    Args:
        account: Where.
        holdings: What `find_holdings` found.
        say: Told of each that is gone, and of every 10,000 objects of a bucket.

    Raises:
        CommandError: If an object cannot be deleted.
        ClientError: If AWS refuses something; what was deleted is gone, the same call goes on.
    """
    for each in holdings:
        if each.kind in STAYING:
            continue
        try:
            _delete(account, each, say)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
        say(f"deleted: {each}")


def _delete(account: Account, holding: Holding, say: Callable[[str], None]) -> None:
    name = holding.name
    match holding.kind:
        case Kind.BUCKET:
            s3 = account.client("s3")
            _empty(s3, name, say)
            s3.delete_bucket(Bucket=name)
        case Kind.MODELS:
            _delete_models(account.client("sagemaker"), name)
        case Kind.LABELS:
            account.client("sagemaker").delete_feature_group(FeatureGroupName=name)
        case Kind.REPOSITORY:
            account.client("ecr").delete_repository(repositoryName=name, force=True)
        case Kind.DATABASE:
            account.client("glue").delete_database(Name=name)
        case Kind.TABLE:
            account.client("dynamodb").delete_table(TableName=name)
        case Kind.PEOPLE | Kind.KEY:
            pass
        case _:
            assert_never(holding.kind)


def _empty(s3: Client, bucket: str, say: Callable[[str], None]) -> None:
    count = 0
    for versions in _versions(s3, bucket):
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
        for error in answer.get("Errors", ()):
            msg = f"bucket {bucket}: {error.get('Key')}: cannot be deleted: {error.get('Code')}: {error.get('Message')}"
            raise CommandError(msg)
        if (count + len(versions)) // _SAID_EVERY > count // _SAID_EVERY:
            say(f"bucket {bucket}: {count + len(versions)} versions of objects deleted")
        count += len(versions)
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for each in page.get("Uploads", ()):
            s3.abort_multipart_upload(Bucket=bucket, Key=each["Key"], UploadId=each["UploadId"])


def _versions(s3: Client, bucket: str) -> Iterator[list[dict[str, Any]]]:
    """Yield all versions of all objects, at most 1,000 at once, and what marks an object as deleted."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if found:
            yield [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]


def _delete_models(sagemaker: Client, group: str) -> None:
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    for arn in [each["ModelPackageArn"] for page in pages for each in page["ModelPackageSummaryList"]]:
        sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName=group)
