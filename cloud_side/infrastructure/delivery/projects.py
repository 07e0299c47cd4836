"""All projects of CodeBuild: what each does, and may do."""

from collections.abc import Iterable
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from constructs import Construct

from cloud_side.infrastructure.delivery import buildspecs
from cloud_side.infrastructure.delivery.project import DEBIAN, Project, make_project
from cloud_side.infrastructure.delivery.rights import (
    account_of,
    bootstrap,
    connect,
    pull,
    push,
    receiver,
    take,
)
from cloud_side.infrastructure.delivery.stages import image_of_delivery, ordered
from cloud_side.infrastructure.delivery.store import Store
from cloud_side.infrastructure.delivery.units import COMPONENT, ENDPOINT, UNITS, DeliveredUnit
from cloud_side.infrastructure.environments import Delivery, Environment, Environments
from cloud_side.infrastructure.grants import Grant

_LARGE: Final = "BUILD_GENERAL1_LARGE"
_KEPT_IMAGES: Final = 20


class Projects(Construct):
    """All of them, by their short names: `check`, `deploy-dev`.

    Attributes:
        delivery: From where.
        store: Where they keep things.
        names: As CodeBuild knows them.
    """

    def __init__(self, stack: cdk.Stack, delivery: Delivery, environments: Environments, store: Store) -> None:
        """Make them."""
        super().__init__(stack, "Projects")
        self._stack, self.delivery, self.store = stack, delivery, store
        self._first = ordered(environments.environments)
        self.names: dict[str, str] = {}
        source = (connect(delivery),)
        self._make(
            Project("check", "Runs the tests", buildspecs.CHECK, source, machine=DEBIAN, compute=_LARGE, minutes=180)
        )
        self._make(Project("synth", "Makes the templates", buildspecs.SYNTH, source, gives=True))
        self._make(Project(COMPONENT, "Builds the component of Greengrass", buildspecs.COMPONENT, source, gives=True))
        repositories = [self._image(unit) for unit in UNITS if unit.image is not None]
        own = bootstrap(stack, delivery.account, delivery.region, "deploy", "file-publishing")
        self._make(Project("update", "Updates the pipelines", buildspecs.UPDATE, (own,)))
        for environment in self._first:
            self._for(environment, repositories)

    def arn(self, name: str) -> str:
        """Return the ARN of a project by its short name."""
        stack = self._stack
        return f"arn:{stack.partition}:codebuild:{stack.region}:{stack.account}:project/{self.names[name]}"

    def _for(self, environment: Environment, repositories: Iterable[ecr.Repository]) -> None:
        stack, name = self._stack, environment.name
        number, region = account_of(stack, environment.account), environment.region
        there = (stack, environment.account, region)
        to = {
            "ENVIRONMENT": name,
            "INSTALLATION": environment.installation,
            "TARGET_ACCOUNT": number,
            "TARGET_REGION": region,
        }
        registries = {
            "REGISTRY": _registry(stack, stack.account, stack.region),
            "TARGET_REGISTRY": _registry(stack, number, region),
            "RECEIVER": receiver(stack, environment, "images"),
        }
        self._make(
            Project(
                f"deploy-{name}",
                f"Deploys to {environment.installation}",
                buildspecs.DEPLOY,
                (
                    bootstrap(*there, "deploy", "file-publishing"),
                    take(receiver(stack, environment, "images")),
                    *pull(*(each.repository_arn for each in repositories)),
                ),
                variables={**to, **registries},
                minutes=120,
            )
        )
        self._make(
            Project(
                f"publish-{name}",
                f"Publishes the component for {environment.installation}",
                buildspecs.PUBLISH,
                (take(receiver(stack, environment, COMPONENT)),),
                variables={
                    **to,
                    "BUCKET": component_bucket(stack, environment, self._first),
                    "PARTITION": stack.partition,
                    "RECEIVER": receiver(stack, environment, COMPONENT),
                },
            )
        )
        if environment.endpoint is not None:
            self._make(
                Project(
                    f"serve-{name}",
                    f"Brings the newest model to the endpoint of {environment.installation}",
                    buildspecs.SERVE,
                    (connect(self.delivery), take(receiver(stack, environment, ENDPOINT))),
                    variables={**to, "RECEIVER": receiver(stack, environment, ENDPOINT)},
                    minutes=120,
                )
            )
        if environment.is_production:
            self._make(
                Project(
                    f"changes-{name}",
                    f"Shows what a deployment to {environment.installation} would change",
                    buildspecs.CHANGES,
                    (bootstrap(*there, "lookup"),),
                    variables=to,
                )
            )

    def _image(self, unit: DeliveredUnit) -> ecr.Repository:
        assert unit.image is not None  # noqa: S101 - for the types
        repository = ecr.Repository(
            self,
            f"Repository-{unit.name}",
            repository_name=image_of_delivery(unit),
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            encryption=ecr.RepositoryEncryption.KMS,
            encryption_key=self.store.key,
            lifecycle_rules=[ecr.LifecycleRule(description="newest", max_image_count=_KEPT_IMAGES)],
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        secret = self.delivery.registry_secret_arn
        asks = () if secret is None else (Grant(("secretsmanager:GetSecretValue",), (secret,)),)
        self._make(
            Project(
                f"image-{unit.name}",
                f"Builds the container of {unit.name}",
                buildspecs.image(secret),
                (connect(self.delivery), *push(repository.repository_arn), *asks),
                variables={
                    "ARGUMENTS": " ".join(unit.image.arguments),
                    "DOCKERFILE": unit.image.dockerfile,
                    "REGISTRY": _registry(self._stack, self._stack.account, self._stack.region),
                    "REPOSITORY": repository.repository_name,
                },
                docker=True,
            )
        )
        return repository

    def _make(self, project: Project) -> None:
        self.names[project.name] = make_project(self, self._stack, self.store, project)


def component_bucket(stack: cdk.Stack, environment: Environment, environments: Iterable[Environment]) -> str:
    """Return the bucket that has a component's artifacts: that of the first installation of an account and region.

    A version of a component is one for all installations of an account and region, so that its artifacts are, too.
    """
    first = owner_of_components(environment, environments)
    return f"{first.installation}-{account_of(stack, first.account)}-{first.region}"


def owner_of_components(environment: Environment, environments: Iterable[Environment]) -> Environment:
    """Return the installation whose bucket has the artifacts: the first one of the account and region."""
    place = (environment.account, environment.region)
    return next(each for each in environments if (each.account, each.region) == place)


def _registry(stack: cdk.Stack, account: str, region: str) -> str:
    return f"{account}.dkr.ecr.{region}.{stack.url_suffix}"
