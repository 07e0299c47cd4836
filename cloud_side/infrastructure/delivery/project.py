"""One project of CodeBuild, with a role and a log of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from cloud_side.infrastructure.delivery.buildspecs import Buildspec
from cloud_side.infrastructure.delivery.rights import artifacts, project_role
from cloud_side.infrastructure.delivery.store import NAME, Store
from cloud_side.infrastructure.grants import Grant, role, use_key
from cloud_side.infrastructure.unit import acknowledge

UBUNTU: Final = "aws/codebuild/standard:7.0"
DEBIAN: Final = "public.ecr.aws/docker/library/python:3.11-bookworm"
_CHROMIUM: Final = "the tests drive the chromium of Debian; that of Ubuntu, which CodeBuild's images are, is a snap"
_DOCKER: Final = "Docker, which builds the container, runs only so: CodeBuild User Guide, Docker in custom image sample"


@dataclass(frozen=True)
class Project:
    """What one is made of.

    Attributes:
        name: `check` is the project `edge-inspector-delivery-check`.
        description: What it does.
        document: What it runs.
        grants: What it may do, beside what all may.
        variables: For its scripts; nothing secret.
        gives: Whether it hands something on.
        docker: Whether it builds containers.
        machine: The image that it runs in.
        compute: How large its machine is.
        minutes: How long it may take.
    """

    name: str
    description: str
    document: Buildspec
    grants: tuple[Grant, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    gives: bool = False
    docker: bool = False
    machine: str = UBUNTU
    compute: str = "BUILD_GENERAL1_MEDIUM"
    minutes: int = 60


def make_project(scope: Construct, stack: cdk.Stack, store: Store, project: Project) -> str:
    """Make a project, and return its name in CodeBuild.

    Args:
        scope: Under which it is made.
        stack: In which it is.
        store: What it works on.
        project: What it is made of.
    """
    name = project.name
    full = f"{NAME}-{name}"
    log = logs.LogGroup(
        scope,
        f"{name}-log",
        log_group_name=f"/aws/codebuild/{full}",
        retention=logs.RetentionDays.THREE_MONTHS,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    runs_as = role(
        stack,
        f"{name}-role",
        "codebuild",
        (
            *project.grants,
            *artifacts(store.bucket.bucket_arn, gives=project.gives),
            use_key(store.key.key_arn),
            Grant(
                ("logs:CreateLogStream", "logs:PutLogEvents"),
                (log.log_group_arn,),  # it ends with :*
                "streams of the project's own log have names that nobody knows before",
            ),
        ),
        description=f"What the project {name} may do",
    )
    made_role = runs_as.node.default_child
    assert isinstance(made_role, iam.CfnRole)  # noqa: S101 - for the types
    made_role.role_name = project_role(name)
    made = codebuild.CfnProject(
        scope,
        name,
        name=full,
        description=project.description,
        service_role=runs_as.role_arn,
        encryption_key=store.key.key_arn,
        artifacts=codebuild.CfnProject.ArtifactsProperty(type="CODEPIPELINE"),
        source=codebuild.CfnProject.SourceProperty(type="CODEPIPELINE", build_spec=project.document.text()),
        environment=codebuild.CfnProject.EnvironmentProperty(
            type="LINUX_CONTAINER",
            image=project.machine,
            image_pull_credentials_type="CODEBUILD" if project.machine == UBUNTU else "SERVICE_ROLE",
            compute_type=project.compute,
            privileged_mode=project.docker,
            environment_variables=[
                codebuild.CfnProject.EnvironmentVariableProperty(name=key, value=value)
                for key, value in project.variables.items()
            ],
        ),
        logs_config=codebuild.CfnProject.LogsConfigProperty(
            cloud_watch_logs=codebuild.CfnProject.CloudWatchLogsConfigProperty(
                status="ENABLED", group_name=log.log_group_name
            )
        ),
        timeout_in_minutes=project.minutes,
    )
    if project.docker:
        acknowledge(made, "AwsSolutions::AwsSolutions-CB3", _DOCKER)
    if project.machine == DEBIAN:
        acknowledge(made, "AwsSolutions::AwsSolutions-CB5", _CHROMIUM)
    return full
