"""What stacks, templates and ARNs say, without an account."""

import json
from pathlib import Path

import pytest

from cloud_side.commands import CommandError
from cloud_side.lifecycle.holdings import Holding, Kind, by_arn, database_of
from cloud_side.lifecycle.stacks import Content, Stack, check_unprotected, in_order_of_deletion
from cloud_side.lifecycle.templates import of_unit, read_templates
from cloud_side.lifecycle.words import lines_of_plan


def stack(unit: str, created: str = "2026-03-01T08:00:00+00:00", *, is_protected: bool = False) -> Stack:
    return Stack(f"edge-inspector-dev-{unit}", unit, "CREATE_COMPLETE", is_protected=is_protected, created=created)


def write_assembly(out: Path) -> None:
    def made(unit: str, *needs: str) -> dict[str, object]:
        return {
            "type": "aws:cloudformation:stack",
            "displayName": f"dev/{unit}",
            "environment": "aws://unknown-account/eu-central-1",
            "dependencies": [f"{unit}.assets", *needs],
            "properties": {"stackName": f"edge-inspector-dev-{unit}", "templateFile": f"{unit}.template.json"},
        }

    artifacts = {"c": made("catalog"), "c.assets": {"type": "cdk:asset-manifest"}, "l": made("labeling", "c")}
    (out / "assembly-dev").mkdir(parents=True)
    (out / "assembly-dev" / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))


def test_the_youngest_stack_is_deleted_first_and_the_catalog_last() -> None:
    found = (stack("ingest", "2026-03-01"), stack("labeling", "2026-03-02"), stack("catalog", "2026-03-03"))
    assert [each.unit for each in in_order_of_deletion(found)] == ["labeling", "ingest", "catalog"]


def test_protected_stacks_are_refused_with_the_command_that_lifts_it() -> None:
    check_unprotected([stack("ingest")])
    with pytest.raises(
        CommandError, match="--no-enable-termination-protection --stack-name edge-inspector-dev-catalog"
    ):
        check_unprotected([stack("ingest"), stack("catalog", is_protected=True)])


@pytest.mark.parametrize(
    ("state", "is_deployed", "is_well"),
    [
        ("UPDATE_COMPLETE", True, True),
        ("UPDATE_ROLLBACK_COMPLETE", True, False),
        ("ROLLBACK_COMPLETE", False, False),
        ("REVIEW_IN_PROGRESS", False, False),
    ],
)
def test_a_first_deployment_that_failed_leaves_nothing_deployed(
    state: str, *, is_deployed: bool, is_well: bool
) -> None:
    found = Stack("edge-inspector-dev-catalog", "catalog", state)
    assert (found.is_deployed, found.is_well) == (is_deployed, is_well)


@pytest.mark.parametrize(
    ("arn", "holding"),
    [
        ("arn:aws:s3:::edge-inspector-dev-1", Holding(Kind.BUCKET, "edge-inspector-dev-1")),
        (
            "arn:aws:ecr:eu-central-1:1:repository/edge-inspector-dev/x",
            Holding(Kind.REPOSITORY, "edge-inspector-dev/x"),
        ),
        ("arn:aws:dynamodb:eu-central-1:1:table/claims", Holding(Kind.TABLE, "claims")),
        ("arn:aws:kms:eu-central-1:1:key/abc", Holding(Kind.KEY, "abc")),
        ("arn:aws:sagemaker:eu-central-1:1:feature-group/labels", Holding(Kind.LABELS, "labels")),
        ("arn:aws:sagemaker:eu-central-1:1:pipeline/train", None),
        ("arn:aws:lambda:eu-central-1:1:function:f", None),
        ("arn:aws:sns:eu-central-1:1:topic", None),
    ],
)
def test_what_holds_data_is_known_by_its_arn(arn: str, holding: Holding | None) -> None:
    assert by_arn(arn) == holding


def test_a_database_is_called_as_its_stack_calls_it() -> None:
    assert database_of("edge-inspector-plant-1") == "edge_inspector_plant_1"


def test_templates_are_read_with_what_they_need(tmp_path: Path) -> None:
    write_assembly(tmp_path)
    catalog, labeling = read_templates(tmp_path, "dev")
    assert (catalog.path, catalog.needs) == ("dev/catalog", ())
    assert (labeling.stack, labeling.needs) == ("edge-inspector-dev-labeling", ("edge-inspector-dev-catalog",))
    assert of_unit((catalog, labeling), "labeling") == (labeling,)
    assert of_unit((catalog, labeling), None) == (catalog, labeling)


def test_a_unit_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    write_assembly(tmp_path)
    with pytest.raises(CommandError, match="--unit page: expected one of catalog, labeling"):
        of_unit(read_templates(tmp_path, "dev"), "page")


def test_a_folder_without_the_environment_is_refused(tmp_path: Path) -> None:
    write_assembly(tmp_path)
    with pytest.raises(CommandError, match="expected templates of the environment 'prod', found none"):
        read_templates(tmp_path, "prod")


def test_a_plan_says_what_goes_what_stays_and_what_is_never_deleted() -> None:
    content = Content({"AWS::SNS::Topic": 1}, (("AWS::S3::Bucket", "b"),))
    holdings = (Holding(Kind.BUCKET, "b"), Holding(Kind.KEY, "k"))
    kept = "\n".join(lines_of_plan({stack("catalog"): content}, holdings, is_data_meant=False))
    lost = "\n".join(lines_of_plan({stack("catalog"): content}, holdings, is_data_meant=True))
    assert "1 AWS::SNS::Topic" in kept
    assert "AWS::S3::Bucket b" in kept
    assert "Data, which stays (--and-data would delete it):\n  bucket b" in kept
    assert "Data, deleted for good:\n  bucket b" in lost
    assert "schedule-key-deletion --pending-window-in-days 30 --key-id k" in lost
