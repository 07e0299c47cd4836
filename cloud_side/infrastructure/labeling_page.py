"""The labeling page as a service: a container behind a load balancer that asks who somebody is.

    browser --TLS--> load balancer --asks--> user pool (two factors, nobody signs up by themselves)
                          | signs who it is
                          v
                     container, one task of Fargate: checks the signature, works on orders in the bucket

The task has an address of its own in a public subnet, and its security group lets the load balancer in, and nobody
else. It needs a way out: the load balancer's public keys are at an address of the internet for which there is no VPC
endpoint. Its own address costs some 4 USD a month, a NAT gateway some 33: docs/labeling-aws.md.
"""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs
from constructs import Construct

from cloud_side.infrastructure.catalog import Catalog
from cloud_side.infrastructure.environments import Page
from cloud_side.infrastructure.functions import LOGS_KEPT, log_to
from cloud_side.infrastructure.grants import Grant, delete, find, pull, read, role, use_key, write
from cloud_side.infrastructure.labeling_door import Door
from cloud_side.infrastructure.labeling_login import Login
from cloud_side.infrastructure.labeling_rights import ANSWERS, BATCH, INPUT, ORDERS, OUTPUT, PICTURES, of
from cloud_side.infrastructure.unit import Unit, acknowledge
from cloud_side.installation import INSTALLATION_VARIABLE
from cloud_side.labeling.workflow import NAME

_NAME: Final = f"{NAME}-page"
_PORT: Final = 8620
_UID: Final = "10001"  # of the Dockerfile
_NAG: Final = "AwsSolutions::AwsSolutions"


class LabelingPage(Construct):
    """The service with all that it needs.

    Attributes:
        door: What people reach.
        login: Who may.
    """

    def __init__(self, unit: Unit, page: Page, catalog: Catalog, machine: str) -> None:
        """Make it.

        Args:
            unit: The stack.
            page: Where people find it, and which container runs.
            catalog: Where the work is.
            machine: ARN of the state machine whose tasks wait for answers.
        """
        super().__init__(unit, "Page")
        self._unit = unit
        self._log = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/{unit.environment_.installation}/labeling-page",
            retention=LOGS_KEPT,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self._repository = ecr.Repository(
            self,
            "Repository",
            repository_name=unit.named(_NAME),
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        self._tag = cdk.CfnParameter(
            unit,
            "ImageTag",
            default=page.image_tag or "",
            description="Of the labeling page's container; a pipeline sets it. Without one no task runs",
        )
        self._has_tag = cdk.CfnCondition(
            unit, "HasImageTag", expression=cdk.Fn.condition_not(cdk.Fn.condition_equals(self._tag.value_as_string, ""))
        )
        self.door = Door(self, unit, _PORT)
        self.login = Login(self, unit, unit.named(_NAME), page.domain)
        service = self._service(self._task(catalog, machine))
        self.door.open(page, self.login, service)
        unit.publish("labeling-page", self.door.balancer.load_balancer_dns_name)
        unit.publish("labeling-page-people", self.login.people.user_pool_id)
        unit.publish("labeling-page-repository", self._repository.repository_uri)

    def _task(self, catalog: Catalog, machine: str) -> ecs.FargateTaskDefinition:
        unit = self._unit
        task = ecs.FargateTaskDefinition(
            self,
            "Task",
            cpu=256,
            memory_limit_mib=512,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.X86_64, operating_system_family=ecs.OperatingSystemFamily.LINUX
            ),
            task_role=role(
                unit,
                "page-role",
                "ecs-tasks",
                _of_page(unit, catalog, machine),
                description="What the labeling page may do",
            ),
            execution_role=role(
                unit, "page-start-role", "ecs-tasks", self._of_start(), description="Brings the page's container up"
            ),
        )
        tag = cdk.Token.as_string(self._if_tagged(self._tag.value_as_string, "none"))
        limits = ecs.LinuxParameters(self, "Limits", init_process_enabled=True)
        limits.drop_capabilities(ecs.Capability.ALL)
        task.add_container(
            "page",
            image=ecs.ContainerImage.from_registry(f"{self._repository.repository_uri}:{tag}"),
            command=[
                "--alb-arn",
                self.door.balancer.load_balancer_arn,
                "--alb-client",
                self.login.client.user_pool_client_id,
            ],
            environment={
                "AWS_DEFAULT_REGION": unit.region,
                "EDGE_INSPECTOR_BUCKET": catalog.bucket_name(unit),
                INSTALLATION_VARIABLE: unit.environment_.installation,
            },
            user=_UID,
            readonly_root_filesystem=True,
            linux_parameters=limits,
            port_mappings=[ecs.PortMapping(container_port=_PORT)],
            logging=ecs.LogDriver.aws_logs(stream_prefix="page", log_group=self._log),
        )
        acknowledge(task, f"{_NAG}-ECS2", "names of a bucket and a region are no secrets; the page has none")
        return task

    def _of_start(self) -> tuple[Grant, ...]:
        """Return what brings the container up: the image of one repository, and a log."""
        return (*pull(self._repository.repository_arn), log_to(self._log))

    def _service(self, task: ecs.FargateTaskDefinition) -> ecs.FargateService:
        cluster = ecs.Cluster(self, "Cluster", vpc=self.door.network, enable_fargate_capacity_providers=False)
        acknowledge(cluster, f"{_NAG}-ECS4", "the load balancer measures one small task, and its log says the rest")
        service = ecs.FargateService(
            self,
            "Service",
            cluster=cluster,
            task_definition=task,
            desired_count=1,
            assign_public_ip=True,
            security_groups=[self.door.behind],
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            min_healthy_percent=100,
            health_check_grace_period=cdk.Duration.seconds(60),
            propagate_tags=ecs.PropagatedTagSource.SERVICE,  # by which the budget finds what it costs
        )
        if task.execution_role is not None:
            service.node.add_dependency(task.execution_role)  # with its policy, or the first pull is denied
        made = service.node.default_child
        assert isinstance(made, ecs.CfnService)  # noqa: S101 - for the types
        made.desired_count = cdk.Token.as_number(self._if_tagged(1, 0))
        return service

    def _if_tagged(self, yes: str | int, no: str | int) -> cdk.IResolvable:
        return cdk.Fn.condition_if(self._has_tag.logical_id, yes, no)


def _of_page(unit: Unit, catalog: Catalog, machine: str) -> tuple[Grant, ...]:
    """Return what the page may do: work on open orders, and tell the executions that wait for them.

    A token is one of a task of the state machine, which is what a policy can say of it.
    """
    bucket = catalog.bucket_arn(unit)
    work = (of("round-*/leases/*"), ANSWERS, OUTPUT)
    return (
        find(bucket, BATCH, ORDERS, PICTURES),
        read(bucket, of("settings.json"), INPUT, *work, ORDERS, PICTURES),
        write(bucket, *work, ORDERS),
        delete(bucket, ORDERS),
        use_key(catalog.key.key_arn),
        Grant(("states:SendTaskSuccess", "states:SendTaskHeartbeat"), (machine,)),
    )
