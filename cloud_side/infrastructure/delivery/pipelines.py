"""CodePipeline: stages as its declarations, with what starts them, and a role that may begin their projects alone."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_codepipeline as codepipeline
from constructs import Construct

from cloud_side.infrastructure.delivery.paths import filters
from cloud_side.infrastructure.delivery.projects import Projects
from cloud_side.infrastructure.delivery.rights import artifacts, connect
from cloud_side.infrastructure.delivery.stages import COMMIT, SOURCE, Approval, Build, Stage
from cloud_side.infrastructure.delivery.store import NAME
from cloud_side.infrastructure.grants import Grant, role, tell, use_key

_WAITS_MINUTES: Final = 2 * 24 * 60  # the older a plan, the less it is that of today
_CfnPipeline = codepipeline.CfnPipeline


class DeliveryPipeline(Construct):
    """One pipeline.

    Attributes:
        arn: Of the pipeline.
    """

    def __init__(
        self, stack: cdk.Stack, name: str, projects: Projects, stages: Sequence[Stage], patterns: Sequence[str]
    ) -> None:
        """Make it.

        Args:
            stack: In which it is.
            name: `labeling` is the pipeline `edge-inspector-delivery-labeling`.
            projects: Of its actions.
            stages: What follows the source.
            patterns: Of paths in the repository: a push that touches one of them starts it.

        Raises:
            ConfigError: If they are more patterns than CodePipeline takes.
        """
        super().__init__(stack, f"Pipeline-{name}")
        delivery, store = projects.delivery, projects.store
        self._delivery, self._store, self._projects = delivery, store, projects
        builds = [each for stage in stages for each in stage.actions if isinstance(each, Build)]
        arns = tuple(dict.fromkeys(projects.arn(each.project) for each in builds))
        runs_as = role(
            stack,
            f"pipeline-{name}-role",
            "codepipeline",
            (
                Grant(("codebuild:BatchGetBuilds", "codebuild:StartBuild"), arns),
                connect(delivery),
                tell(store.topic.topic_arn),
                use_key(store.key.key_arn),
                *artifacts(store.bucket.bucket_arn, gives=True),
            ),
            description=f"What the pipeline {name} may do",
        )
        updates_itself = any(each.project == "update" for each in builds)
        full = f"{NAME}-{name}"
        self.arn = f"arn:{stack.partition}:codepipeline:{stack.region}:{stack.account}:{full}"
        made = _CfnPipeline(
            self,
            "Pipeline",
            name=full,
            pipeline_type="V2",
            execution_mode="SUPERSEDED",  # between stages; who waits for approval holds the stage for two days
            restart_execution_on_update=updates_itself,
            role_arn=runs_as.role_arn,
            artifact_store=_CfnPipeline.ArtifactStoreProperty(
                type="S3",
                location=store.bucket.bucket_name,
                encryption_key=_CfnPipeline.EncryptionKeyProperty(type="KMS", id=store.key.key_arn),
            ),
            triggers=[self._trigger(filters(patterns, name))],
            stages=[self._source(), *(self._stage(each) for each in stages)],
        )
        made.node.add_dependency(runs_as.node.find_child("DefaultPolicy"))  # the pipeline runs at once

    def _trigger(self, alternatives: Sequence[Sequence[str]]) -> Any:  # noqa: ANN401 - CDK's
        branch = _CfnPipeline.GitBranchFilterCriteriaProperty(includes=[self._delivery.branch])
        return _CfnPipeline.PipelineTriggerDeclarationProperty(
            provider_type="CodeStarSourceConnection",
            git_configuration=_CfnPipeline.GitConfigurationProperty(
                source_action_name=SOURCE,
                push=[
                    _CfnPipeline.GitPushFilterProperty(
                        branches=branch,
                        file_paths=_CfnPipeline.GitFilePathFilterCriteriaProperty(includes=list(each)),
                    )
                    for each in alternatives
                ],
            ),
        )

    def _source(self) -> Any:  # noqa: ANN401 - CDK's
        action = _action(
            SOURCE,
            ("Source", "CodeStarSourceConnection"),
            {
                "ConnectionArn": self._delivery.connection_arn,
                "FullRepositoryId": self._delivery.repository,
                "BranchName": self._delivery.branch,
                "DetectChanges": "false",  # the trigger does
                "OutputArtifactFormat": "CODEBUILD_CLONE_REF",  # a ZIP has no symbolic link, as recipe.json is one
            },
            output_artifacts=[_CfnPipeline.OutputArtifactProperty(name=SOURCE)],
            namespace=COMMIT,
        )
        return _CfnPipeline.StageDeclarationProperty(name=SOURCE, actions=[action])

    def _stage(self, stage: Stage) -> Any:  # noqa: ANN401 - CDK's
        actions = [self._build(each) if isinstance(each, Build) else self._approval(each) for each in stage.actions]
        return _CfnPipeline.StageDeclarationProperty(name=stage.name, actions=actions)

    def _build(self, build: Build) -> Any:  # noqa: ANN401 - CDK's
        variables = [{"name": key, "value": value, "type": "PLAINTEXT"} for key, value in build.variables.items()]
        configuration = {"ProjectName": self._projects.names[build.project]}
        if variables:
            configuration["EnvironmentVariables"] = json.dumps(variables)
        given = [] if build.gives is None else [_CfnPipeline.OutputArtifactProperty(name=build.gives)]
        return _action(
            build.name,
            ("Build", "CodeBuild"),
            configuration,
            input_artifacts=[_CfnPipeline.InputArtifactProperty(name=build.takes)],
            output_artifacts=given,
            namespace=build.tells,
            run_order=build.order,
        )

    def _approval(self, approval: Approval) -> Any:  # noqa: ANN401 - CDK's
        configuration = {"CustomData": approval.asks, "NotificationArn": self._store.topic.topic_arn}
        if approval.link is not None:
            configuration["ExternalEntityLink"] = approval.link
        return _action(
            approval.name,
            ("Approval", "Manual"),
            configuration,
            run_order=approval.order,
            timeout_in_minutes=_WAITS_MINUTES,
        )


def _action(name: str, kind: tuple[str, str], configuration: Mapping[str, str], **more: Any) -> Any:  # noqa: ANN401
    category, provider = kind
    action_type = _CfnPipeline.ActionTypeIdProperty(category=category, owner="AWS", provider=provider, version="1")
    return _CfnPipeline.ActionDeclarationProperty(
        name=name, action_type_id=action_type, configuration=dict(configuration), **more
    )
