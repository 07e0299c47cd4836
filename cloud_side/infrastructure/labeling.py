"""Samples -> labels: the workflow with its functions, the store of labels, and the page where that is wanted."""

from collections.abc import Mapping
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_athena as athena
from aws_cdk import aws_iam as iam
from constructs import Construct

from cloud_side.catalog.store import PREFIX, feature_group_request
from cloud_side.catalog.tables import LABEL_STORE
from cloud_side.infrastructure.catalog import Catalog, database_of
from cloud_side.infrastructure.environments import Environment
from cloud_side.infrastructure.grants import Grant, find, on_all, read, role, use_key, write
from cloud_side.infrastructure.labeling_page import LabelingPage
from cloud_side.infrastructure.labeling_rights import (
    BATCH,
    GROUND_TRUTH,
    INPUT,
    PICTURES,
    Selecting,
    of_functions,
    of_machine,
)
from cloud_side.infrastructure.packages import Packages
from cloud_side.infrastructure.unit import Unit
from cloud_side.infrastructure.workflows import InstalledWorkflow, Rights
from cloud_side.installation import PRODUCT
from cloud_side.labeling.ground_truth import check_available
from cloud_side.labeling.workflow import LABELING

_QUERIES: Final = "catalog/queries/"  # results of statements that name no place themselves
_MOST_SCANNED_BYTES: Final = 500 * 10**9  # 2.50 USD; a thousand days of a thousand stations are 190 GB of index
_NONE: Final = "none"  # a batch that asks for Ground Truth is told at its first step that there is no work team


class Labeling(Unit):
    """The workflow that labels, and what it labels into.

    Attributes:
        workflow: As it is installed.
    """

    def __init__(self, scope: Construct, environment: Environment, catalog: Catalog, packages: Packages) -> None:
        """Make it.

        Raises:
            ConfigError: If there is a work team that Ground Truth cannot have, or none of Ground Truth in the region.
        """
        super().__init__(
            scope, "labeling", environment, "Edge Inspector: samples become labels that people have drawn and verified"
        )
        self._catalog, self._bucket = catalog, catalog.bucket_arn(self)
        self._work_group()
        store = self._label_store()
        labeling_role = None
        if environment.workteam_arn is not None:
            check_available(environment.region, environment.workteam_arn)
            labeling_role = self._ground_truth().role_arn
        asked = Selecting(self._bucket, database_of(environment), self.named(PRODUCT), catalog.topic.topic_arn)
        self.workflow = InstalledWorkflow(
            self,
            LABELING,
            catalog=catalog,
            packages=packages,
            values=self._values(labeling_role),
            rights=Rights(
                of_functions(self, self._bucket, store, has_workteam=labeling_role is not None),
                of_machine(self, asked, labeling_role),
            ),
        )
        self.publish("labeling", self.workflow.machine.state_machine_arn)
        if environment.page is not None:
            LabelingPage(self, environment.page, catalog, self.workflow.machine.state_machine_arn)

    def _values(self, labeling_role: str | None) -> Mapping[str, str]:
        return {
            "WorkGroup": self.named(PRODUCT),
            "LabelingRole": labeling_role or _NONE,
            "Workteam": self.environment_.workteam_arn or _NONE,
        }

    def _work_group(self) -> None:
        """Make what statements are asked in.

        It does not enforce where answers go: a batch keeps its own with all else of it, as the workflow says, and the
        bucket encrypts whatever is put there by the same key. The limit of bytes holds in any case.
        """
        name = self.named(PRODUCT)
        athena.CfnWorkGroup(
            self,
            "WorkGroup",
            name=name,
            description="What the workflows of Edge Inspector ask, and who looks into its tables",
            recursive_delete_option=True,  # what goes with it is which statements ran; their answers are in the bucket
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=False,
                bytes_scanned_cutoff_per_query=_MOST_SCANNED_BYTES,
                publish_cloud_watch_metrics_enabled=True,
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=f"s3://{self._catalog.bucket_name(self)}/{_QUERIES}",
                    encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                        encryption_option="SSE_KMS", kms_key=self._catalog.key.key_arn
                    ),
                ),
            ),
        )
        self.publish("work-group", name)

    def _label_store(self) -> str:
        """Make the feature group, as the local engine does, and return its ARN."""
        name, key = self.named(LABEL_STORE), self._catalog.key.key_arn
        writer = role(
            self,
            "label-store-role",
            "sagemaker",
            self._of_store(name),
            description="Writes the label store's rows",
            is_source_told=False,
            fixed_name=f"{name}-{self.region}",  # a feature group keeps the ARN for ever, also over a stack made anew
        )
        request = feature_group_request(name, self._catalog.bucket_name(self), writer.role_arn)
        request["OnlineStoreConfig"]["SecurityConfig"] = {"KmsKeyId": key}
        request["OfflineStoreConfig"]["S3StorageConfig"]["KmsKeyId"] = key
        store = cdk.CfnResource(self, "LabelStore", type="AWS::SageMaker::FeatureGroup", properties=request)
        store.apply_removal_policy(cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
        store.node.add_dependency(writer)  # with its policy: Feature Store looks at once whether it may write
        self.publish("label-store", name)
        return self.arn("sagemaker", f"feature-group/{name}")

    def _of_store(self, name: str) -> tuple[Grant, ...]:
        """Return what Feature Store needs: to write the offline store, and to know its table.

        Source:
            https://docs.aws.amazon.com/sagemaker/latest/dg/security-iam-awsmanpol-feature-store.html
        """
        rows = f"{PREFIX}/*"
        # Whether Feature Store keeps the dashes of a name in its table's is written nowhere: `?` is either.
        table = f"table/sagemaker_featurestore/{name.replace('-', '?')}?*"
        tables = (self.arn("glue", each) for each in ("catalog", "database/sagemaker_featurestore", table))
        return (
            Grant(("s3:GetBucketAcl",), (self._bucket,)),
            write(self._bucket, rows),
            Grant(("s3:PutObjectAcl",), (f"{self._bucket}/{rows}",), "rows are in objects whose names it makes up"),
            Grant(("glue:GetTable", "glue:UpdateTable"), tuple(tables), "its table has the time behind its name"),
            use_key(self._catalog.key.key_arn),
        )

    def _ground_truth(self) -> iam.Role:
        """Make what Ground Truth works with in a labeling job of a built-in kind.

        Source:
            https://docs.aws.amazon.com/sagemaker/latest/dg/sms-security-permission-execution-role.html
        """
        grants = (
            Grant(("s3:GetBucketLocation",), (self._bucket,)),
            find(self._bucket, BATCH, PICTURES),
            read(self._bucket, INPUT, GROUND_TRUTH, PICTURES),
            write(self._bucket, GROUND_TRUTH),
            use_key(self._catalog.key.key_arn),
            Grant(
                ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"),
                (self.arn("logs", "log-group:/aws/sagemaker/LabelingJobs*"),),
                "streams have the names of labeling jobs",
            ),
            on_all(
                "metrics have no resource: Service Authorization Reference, Amazon CloudWatch",
                "cloudwatch:PutMetricData",
            ),
        )
        return role(
            self,
            "ground-truth-role",
            "sagemaker",
            grants,
            description="Shows images to the work team",
            is_source_told=False,
        )
