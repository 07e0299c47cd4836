"""A deletion shows what it would do, and keeps all data of this installation and all of others, unless told twice."""

import json
from pathlib import Path
from typing import Any

import pytest

from cloud_side.cli import main
from cloud_side.commands import CommandError
from cloud_side.infrastructure.environments import Environment
from cloud_side.lifecycle.account import open_account
from cloud_side.lifecycle.commands import check_before
from cloud_side.lifecycle.emptying import delete_holdings
from cloud_side.lifecycle.holdings import Holding, Kind, find_holdings
from cloud_side.lifecycle.templates import Template
from tests.cloud.lifecycle.account_of_moto import BUCKET, INSTALLATION, REGION, TAGS, client, make_bucket

pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("account")]

OTHER = "edge-inspector-dev-2"
LOSE = ("--and-data", "--confirm-data", INSTALLATION)


def deploy(unit: str, resources: dict[str, Any], installation: str = INSTALLATION, **options: Any) -> str:
    tags = {"edge-inspector:installation": installation, "edge-inspector:unit": unit}
    name = f"{installation}-{unit}"
    client("cloudformation").create_stack(
        StackName=name,
        TemplateBody=json.dumps({"Resources": resources}),
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        **options,
    )
    return name


def deploy_catalog(installation: str = INSTALLATION, **options: Any) -> str:
    name = BUCKET.replace(INSTALLATION, installation)
    bucket = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {"BucketName": name}}
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": installation}}
    made = deploy("catalog", {"Bucket": bucket, "Topic": topic}, installation, **options)
    s3 = client("s3")
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"first", b"second"):
        s3.put_object(Bucket=name, Key="samples/a.jpg", Body=body)
    s3.delete_object(Bucket=name, Key="samples/a.jpg")
    s3.put_object(Bucket=name, Key="labels/a.json", Body=b"{}")
    return made


def make_models_and_labels(installation: str) -> None:
    sagemaker = client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName=installation)
    for _ in range(2):
        sagemaker.create_model_package(ModelPackageGroupName=installation)
    features = [{"FeatureName": name, "FeatureType": "String"} for name in ("key", "at")]
    sagemaker.create_feature_group(
        FeatureGroupName=f"{installation}-labels",
        RecordIdentifierFeatureName="key",
        EventTimeFeatureName="at",
        FeatureDefinitions=features,
        RoleArn="arn:aws:iam::123456789012:role/labels",
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": f"s3://{BUCKET}/labels/"}},
    )
    client("glue").create_database(DatabaseInput={"Name": installation.replace("-", "_")})


def stacks() -> set[str]:
    return {each["StackName"] for each in client("cloudformation").describe_stacks()["Stacks"]}


def buckets() -> set[str]:
    return {each["Name"] for each in client("s3").list_buckets()["Buckets"]}


def destroy(*words: str) -> int:
    return main(["cloud", "destroy", "dev", *words])


def test_the_plan_comes_first_and_nothing_goes_without_a_yes(capsys: pytest.CaptureFixture[str]) -> None:
    name = deploy_catalog()
    assert destroy() == 65
    out, err = capsys.readouterr()
    assert "   1 AWS::SNS::Topic" in out
    assert f"Left by their stacks:\n  AWS::S3::Bucket {BUCKET}\n" in out
    assert f"Data, which stays (--and-data would delete it):\n  bucket {BUCKET}\n" in out
    assert "expected --yes" in err
    assert stacks() == {name}


def test_stacks_go_and_every_version_of_every_object_stays() -> None:
    deploy_catalog()
    deploy("ingest", {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "ingest"}}})
    assert destroy("--yes") == 0
    assert stacks() == set()
    assert client("sns").list_topics()["Topics"] == []
    assert len(client("s3").list_object_versions(Bucket=BUCKET)["Versions"]) == 3


@pytest.mark.parametrize("words", [(), ("--confirm-data", "yes"), ("--confirm-data", OTHER)])
def test_yes_alone_or_another_name_deletes_neither_data_nor_stacks(words: tuple[str, ...]) -> None:
    name = deploy_catalog()
    assert destroy("--yes", "--and-data", *words) == 65
    assert (stacks(), buckets()) == ({name}, {BUCKET})


def test_told_twice_all_data_of_this_installation_is_gone_and_all_of_the_others_is_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for installation in (INSTALLATION, OTHER):
        deploy_catalog(installation)
        make_models_and_labels(installation)
        tags = [{"Key": "edge-inspector:installation", "Value": installation}]
        client("kms").create_key(Tags=[{"TagKey": each["Key"], "TagValue": each["Value"]} for each in tags])
    make_bucket(f"{INSTALLATION}-extra", TAGS)
    make_bucket(f"{INSTALLATION}-of-somebody-else")
    assert destroy("--yes", *LOSE) == 0
    other = BUCKET.replace(INSTALLATION, OTHER)
    assert stacks() == {f"{OTHER}-catalog"}
    assert buckets() == {other, f"{INSTALLATION}-of-somebody-else"}
    assert len(client("s3").list_object_versions(Bucket=other)["Versions"]) == 3
    environment = Environment(name="dev-2", region=REGION)
    account = open_account(environment)
    kept = find_holdings(account, OTHER)
    assert {each.kind for each in kept} == set(Kind) - {
        Kind.TABLE,
        Kind.REPOSITORY,
        Kind.PEOPLE,
    }  # moto finds none by tag
    assert len(client("sagemaker").list_model_packages(ModelPackageGroupName=OTHER)["ModelPackageSummaryList"]) == 2
    assert {each.kind for each in find_holdings(account, INSTALLATION)} == {Kind.KEY}
    assert f"deleted: bucket {BUCKET}" in capsys.readouterr().out


def test_repositories_and_tables_go_with_what_is_in_them_and_those_that_are_gone_are_no_error() -> None:
    client("ecr").create_repository(repositoryName="dev-train")
    key = {"AttributeName": "k", "AttributeType": "S"}
    client("dynamodb").create_table(
        TableName="claims",
        AttributeDefinitions=[key],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    holdings = (Holding(Kind.REPOSITORY, "dev-train"), Holding(Kind.TABLE, "claims"), Holding(Kind.BUCKET, "none"))
    for _ in range(2):
        delete_holdings(open_account(Environment(name="dev", region=REGION)), holdings, lambda _line: None)
    assert client("ecr").describe_repositories()["repositories"] == []
    assert client("dynamodb").list_tables()["TableNames"] == []


def test_a_deletion_that_was_cut_off_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    deploy_catalog()
    assert destroy("--yes") == 0
    client("s3").create_multipart_upload(Bucket=BUCKET, Key="samples/large.png")
    assert destroy("--yes", *LOSE) == 0
    assert buckets() == set()
    assert destroy("--yes", *LOSE) == 0
    assert "No stack of edge-inspector-dev is in account" in capsys.readouterr().out


def test_protected_stacks_stay_and_it_is_said_how_that_is_lifted(capsys: pytest.CaptureFixture[str]) -> None:
    name = deploy_catalog(EnableTerminationProtection=True)
    assert destroy("--yes", *LOSE) == 65
    assert f"--no-enable-termination-protection --stack-name {name}" in capsys.readouterr().err
    assert (stacks(), buckets()) == ({name}, {BUCKET})


def test_a_bucket_that_is_tagged_as_anothers_stops_everything(capsys: pytest.CaptureFixture[str]) -> None:
    name = deploy_catalog()
    said = [{"Key": "edge-inspector:installation", "Value": OTHER}]
    client("s3").put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": said})
    assert destroy("--yes", *LOSE) == 65
    assert f"expected the tag edge-inspector:installation = {INSTALLATION}, found {OTHER}" in capsys.readouterr().err
    assert (stacks(), buckets()) == ({name}, {BUCKET})


def test_what_a_tag_finds_and_what_a_name_finds_is_listed_once() -> None:
    make_bucket(BUCKET, TAGS)
    account = open_account(Environment(name="dev", region=REGION))
    assert find_holdings(account, INSTALLATION) == (Holding(Kind.BUCKET, BUCKET),)


def test_an_installation_left_by_a_deletion_is_not_deployed_over(
    tmp_path: Path,
) -> None:
    make_bucket(BUCKET, TAGS)
    environment = Environment(name="dev", region=REGION)
    catalog = Template("catalog", "dev/catalog", f"{INSTALLATION}-catalog", tmp_path, (), None, REGION)
    with pytest.raises(CommandError, match="found a bucket that a deletion left"):
        check_before(open_account(environment), environment, [catalog])


def test_a_unit_is_not_deployed_before_what_it_refers_to(tmp_path: Path) -> None:
    catalog = f"{INSTALLATION}-catalog"
    environment = Environment(name="dev", region=REGION)
    labeling = Template("labeling", "dev/labeling", f"{INSTALLATION}-labeling", tmp_path, (catalog,), None, REGION)
    with pytest.raises(CommandError, match=f"--unit: expected {catalog} deployed before, found none"):
        check_before(open_account(environment), environment, [labeling])
    deploy_catalog()
    check_before(open_account(environment), environment, [labeling])


def test_nothing_is_deleted_while_an_execution_runs(capsys: pytest.CaptureFixture[str]) -> None:
    deploy_catalog()
    states = client("stepfunctions")
    definition = json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}})
    machine = states.create_state_machine(
        name=f"{INSTALLATION}-labeling", definition=definition, roleArn="arn:aws:iam::123456789012:role/any"
    )["stateMachineArn"]
    running = states.start_execution(stateMachineArn=machine, name="batch-1")["executionArn"]
    assert main(["cloud", "destroy", "dev", "--yes"]) != 0
    assert f"these run: {INSTALLATION}-labeling:batch-1; expected none" in capsys.readouterr().err
    assert len(client("cloudformation").describe_stacks()["Stacks"]) == 1
    states.stop_execution(executionArn=running)
    assert main(["cloud", "destroy", "dev", "--yes"]) == 0
