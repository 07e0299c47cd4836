"""Which installations there are, as values: everything that differs between one site or stage and another."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cloud_side.installation import PRODUCT
from edge_inspector.errors import ConfigError

_NAMED: Final = r"^[a-z](-?[a-z0-9])*$"
_MOST_LETTERS: Final = 15  # the names of buckets and functions have room for no more
_DELIVERY: Final = "delivery"
_BUILT_IN: Final = Path(__file__).with_name("environments.json")


class Stage(StrEnum):
    """What is at stake: whether stacks are protected from deletion, and how long logs are kept."""

    DEV = "dev"
    PROD = "prod"


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Page(_Value):
    """The labeling page as a service: a container behind a load balancer that asks who somebody is.

    Attributes:
        domain: Under which people find it, `labels.example.com`.
        certificate_arn: Of ACM, for the domain, in the installation's region.
        image_tag: Of the container in the installation's repository; None: the service has no task yet.
    """

    domain: Annotated[str, Field(pattern=r"^[a-z0-9.-]+\.[a-z]{2,}$")]
    certificate_arn: Annotated[str, Field(pattern=r"^arn:aws[\w-]*:acm:")]
    image_tag: str | None = None


class Limits(_Value):
    """What is still normal on the worst station; beyond it people are told.

    Attributes:
        most_rejected_percent: Of its parts.
        most_without_verdict_percent: Of its parts.
        most_latency_ms: 95th percentile of an inspection.
        most_waiting_events: That the station holds for the cloud.
    """

    most_rejected_percent: Annotated[float, Field(gt=0, lt=100)] = 30
    most_without_verdict_percent: Annotated[float, Field(gt=0, lt=100)] = 5
    most_latency_ms: Annotated[float, Field(gt=0)] = 1000
    most_waiting_events: Annotated[int, Field(gt=0)] = 5000


class Endpoint(_Value):
    """A model behind HTTP: what its stack prepares; `edge-inspector-cloud endpoint deploy` brings a model to it.

    Attributes:
        most_latency_ms: 95th percentile of an answer, beyond which an update is rolled back.
        image_tag: Of the container that answers, in the installation's repository.
    """

    most_latency_ms: Annotated[float, Field(gt=0)] = 1000
    image_tag: str = "1"


class SimulatedDevice(_Value):
    """A machine of EC2 that is a station: Greengrass with a simulated line.

    Attributes:
        instance_type: Of EC2.
    """

    instance_type: str = "t3.small"


class Environment(_Value):
    """An installation: one site, line or plant, at one stage, in one account and region.

    Attributes:
        name: `dev` makes `edge-inspector-dev`, with which all its names begin.
        account: Of AWS, 12 digits; None: that of the credentials.
        topic_prefix: The first level of its stations' topics; None: the installation's name.
        permissions_boundary: Name of the managed policy that bounds all its roles; None: none.
        notify: Addresses of mail that alarms and workflows go to.
        monthly_budget_usd: What it may cost a month, by its tag, before somebody is told; None: nobody is.
        silent_after_minutes: How long a station may say nothing.
        limits: What is still normal on a station.
        expire_events_days: How long what stations said is kept in the bucket.
        training_image_tag: Of the container that trains, in the installation's repository.
        training_instance: Type of the machines that train.
        workteam_arn: Of SageMaker Ground Truth, for accounts that have it; None: people label on the page.
        page: None: people label on a page of one machine.
        endpoint: None: no stack of its own.
        simulated_device: None: none.
        tags: On everything, beside the product's own.
    """

    name: Annotated[str, Field(pattern=_NAMED, max_length=_MOST_LETTERS)]
    stage: Stage = Stage.DEV
    account: Annotated[str, Field(pattern=r"^\d{12}$")] | None = None
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] = "eu-central-1"
    topic_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")] | None = None
    permissions_boundary: str | None = None
    notify: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...] = ()
    monthly_budget_usd: Annotated[float, Field(gt=0)] | None = None
    silent_after_minutes: Annotated[int, Field(ge=5, le=1440)] = 15
    limits: Limits = Limits()
    expire_events_days: Annotated[int, Field(ge=31, le=3650)] = 400
    training_image_tag: str = "1"
    training_instance: Annotated[str, Field(pattern=r"^ml\.[a-z0-9]+\.[a-z0-9]+$")] = "ml.m5.xlarge"
    workteam_arn: Annotated[str, Field(pattern=r"^arn:aws[\w-]*:sagemaker:")] | None = None
    page: Page | None = None
    endpoint: Endpoint | None = None
    simulated_device: SimulatedDevice | None = None
    tags: dict[str, str] = Field(default_factory=dict)

    @property
    def installation(self) -> str:
        """How all its names begin."""
        return f"{PRODUCT}-{self.name}"

    @property
    def topics(self) -> str:
        """The first level of its stations' topics."""
        return self.topic_prefix or self.installation

    @property
    def image_tags(self) -> dict[str, str]:
        """The tags of containers that somebody has said, by unit; pipelines say those of the others."""
        said = {}
        if self.page is not None and self.page.image_tag is not None:
            said["labeling"] = self.page.image_tag
        if "training_image_tag" in self.model_fields_set:
            said["training"] = self.training_image_tag
        if self.endpoint is not None and "image_tag" in self.endpoint.model_fields_set:
            said["endpoint"] = self.endpoint.image_tag
        return said

    @property
    def is_production(self) -> bool:
        """Whether deletion needs another word."""
        return self.stage is Stage.PROD


class Delivery(_Value):
    """The account that delivers, and the repository from which it does.

    Attributes:
        connection_arn: Of CodeConnections, to GitHub or another that it knows; a person has completed it.
        repository: `owner/name` there.
        branch: What is pushed to it is delivered.
        account: Of AWS, 12 digits; None: that of the credentials.
        region: Where the pipelines are.
        permissions_boundary: Name of the managed policy that bounds all its roles; None: none.
        notify: Addresses of mail that are asked for approval, and told of failures.
        registry_secret_arn: Of a secret with `username` and `password` of Docker Hub; None: images are pulled without
            a name, for which Docker Hub has a limit.
    """

    connection_arn: Annotated[str, Field(pattern=r"^arn:aws[\w-]*:(codeconnections|codestar-connections):")]
    repository: Annotated[str, Field(pattern=r"^[\w.-]+/[\w./-]+$")]
    branch: Annotated[str, Field(pattern=r"^[\w./-]+$")] = "main"
    account: Annotated[str, Field(pattern=r"^\d{12}$")] | None = None
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] = "eu-central-1"
    permissions_boundary: str | None = None
    notify: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...] = ()
    registry_secret_arn: Annotated[str, Field(pattern=r"^arn:aws[\w-]*:secretsmanager:")] | None = None


class Environments(_Value):
    """All installations of one file.

    Attributes:
        environments: Each with another name.
        delivery: What brings the product to them; None: people do, by the command line.
    """

    environments: Annotated[tuple[Environment, ...], Field(min_length=1)]
    delivery: Delivery | None = None

    @model_validator(mode="after")
    def _apart(self) -> Self:
        seen: set[str] = set()
        for each in self.environments:
            if each.name in seen:
                msg = f"environments: expected each name once, found {each.name!r} again"
                raise ValueError(msg)
            seen.add(each.name)
        if _DELIVERY in seen:
            msg = f"environments: expected another name than {_DELIVERY!r}, by which the pipelines are called"
            raise ValueError(msg)
        for each in self.environments:
            for other in seen:
                if other.startswith(f"{each.name}-"):
                    msg = f"{other}: expected no name that begins with {each.name!r} and a dash, as all of its names do"
                    raise ValueError(msg)
        places: dict[tuple[str | None, str, str], str] = {}
        for each in self.environments:
            other = places.setdefault((each.account, each.region, each.topics), each.name)
            if other != each.name:
                msg = f"{each.name}: expected topics of its own in its account and region, found those of {other!r}"
                raise ValueError(msg)
        return self

    def named(self, name: str) -> Environment:
        """Return an installation.

        Raises:
            ConfigError: If there is none of that name.
        """
        for each in self.environments:
            if each.name == name:
                return each
        known = ", ".join(each.name for each in self.environments)
        msg = f"environment {name!r}: expected one of {known}"
        raise ConfigError(msg)


def read_environments(path: Path | None = None) -> Environments:
    """Return the installations of a file; those that the product brings as an example when None.

    Raises:
        ConfigError: If it cannot be read, or something in it is wrong: all of it at once, with its paths.
    """
    path = path or _BUILT_IN
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: cannot be read: {error}; expected environments as JSON"
        raise ConfigError(msg) from error
    try:
        return Environments.model_validate_json(text)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'file'}: {each['msg']}" for each in error.errors())
        msg = f"{path}: {wrong}"
        raise ConfigError(msg) from error
