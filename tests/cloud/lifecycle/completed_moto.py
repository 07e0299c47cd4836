"""What moto does not know of CloudFormation and SageMaker, answered from its own stores. A second to import."""

from typing import Any

import pytest
import yaml
from moto.cloudformation.exceptions import CloudFormationError
from moto.cloudformation.models import CloudFormationBackend
from moto.cloudformation.parsing import OutputMap, get_model_list, get_model_map, get_name_type_map
from moto.core.common_models import CloudFormationModel
from moto.core.responses import ActionResult
from moto.sagemaker.responses import SageMakerResponse

from tests.cloud.lifecycle.account_of_moto import client


class NoChangeSetError(CloudFormationError):
    """What CloudFormation answers where moto says that a stack is not there."""

    code = "ChangeSetNotFound"


class AlarmOfStack(CloudFormationModel):
    """An alarm that a stack makes."""

    def __init__(self, name: str) -> None:
        """Keep its name."""
        self.physical_resource_id = name

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::CloudWatch::Alarm"

    @staticmethod
    def cloudformation_name_type() -> str:
        return "AlarmName"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: dict[str, Any], *_of_account: Any, **_more: Any
    ) -> "AlarmOfStack":
        client("cloudwatch").put_metric_alarm(**cloudformation_json["Properties"])
        return cls(resource_name)


def complete_moto(patch: pytest.MonkeyPatch) -> None:
    """Have moto answer what the life cycle asks, and what it does not know, from its own stores."""
    _complete_cloudformation(patch)
    _complete_sagemaker(patch)


def _complete_cloudformation(patch: pytest.MonkeyPatch) -> None:
    """Tell of change sets that are gone, of outputs and exports of change sets, and of alarms."""
    described, deleted = CloudFormationBackend.describe_change_set, CloudFormationBackend.delete_change_set
    executed = CloudFormationBackend.execute_change_set

    def is_there(self: CloudFormationBackend, name: str) -> bool:
        return name in self.change_sets or any(each.change_set_name == name for each in self.change_sets.values())

    def describe(self: CloudFormationBackend, change_set_name: str) -> Any:
        if not is_there(self, change_set_name):
            raise NoChangeSetError(change_set_name)
        return described(self, change_set_name=change_set_name)

    def delete(self: CloudFormationBackend, change_set_name: str) -> None:
        if is_there(self, change_set_name):
            deleted(self, change_set_name=change_set_name)

    def execute(self: CloudFormationBackend, change_set_name: str, stack_name: str | None = None) -> None:
        for stack in self.stacks.values():
            stack.resource_map.cross_stack_resources = self.exports
        executed(self, change_set_name, stack_name)
        for stack in self.stacks.values():
            template = yaml.safe_load(stack.template) if isinstance(stack.template, str) else stack.template
            stack.output_map = OutputMap(stack.resource_map, template, stack.stack_id)
            self.exports.update({export.name: export for export in stack.exports})

    for known in (get_model_list, get_model_map, get_name_type_map):  # another test may have looked before
        known.cache_clear()
    patch.setattr(CloudFormationBackend, "describe_change_set", describe)
    patch.setattr(CloudFormationBackend, "delete_change_set", delete)
    patch.setattr(CloudFormationBackend, "execute_change_set", execute)


def _complete_sagemaker(patch: pytest.MonkeyPatch) -> None:
    """List feature groups; delete them, and model packages."""

    def list_groups(self: SageMakerResponse) -> ActionResult:
        found = self.sagemaker_backend.feature_groups.values()
        keys = {"FeatureGroupName": "feature_group_name", "FeatureGroupArn": "arn", "CreationTime": "creation_time"}
        return ActionResult(
            {"FeatureGroupSummaries": [{key: getattr(each, of) for key, of in keys.items()} for each in found]}
        )

    def delete_group(self: SageMakerResponse) -> ActionResult:
        groups, name = self.sagemaker_backend.feature_groups, self._get_param("FeatureGroupName")
        del groups[next(arn for arn, each in groups.items() if each.feature_group_name == name)]
        return ActionResult({})

    def delete_package(self: SageMakerResponse) -> ActionResult:
        del self.sagemaker_backend.model_packages[self._get_param("ModelPackageName")]
        return ActionResult({})

    def delete_package_group(self: SageMakerResponse) -> ActionResult:
        name, backend = self._get_param("ModelPackageGroupName"), self.sagemaker_backend
        assert all(each.model_package_group_name != name for each in backend.model_packages.values())  # as AWS does
        del backend.model_package_groups[name]
        return ActionResult({})

    patch.setattr(SageMakerResponse, "list_feature_groups", list_groups, raising=False)
    patch.setattr(SageMakerResponse, "delete_feature_group", delete_group, raising=False)
    patch.setattr(SageMakerResponse, "delete_model_package", delete_package, raising=False)
    patch.setattr(SageMakerResponse, "delete_model_package_group", delete_package_group, raising=False)
