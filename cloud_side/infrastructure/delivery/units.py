"""What is delivered by itself, as values: each unit with its stack, its container and the files that it is made of."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from cloud_side.deployment.workflow import ROLLOUT
from cloud_side.infrastructure.delivery.imports import needed
from cloud_side.infrastructure.delivery.paths import patterns_for, starts
from cloud_side.infrastructure.environments import Environment
from cloud_side.infrastructure.packages import ROOT
from cloud_side.labeling.workflow import LABELING
from cloud_side.training.workflow import RETRAIN
from cloud_side.workflows import Workflow

COMPONENT: Final = "component"
ENDPOINT: Final = "endpoint"
_WHEELS: Final = ("{pyproject.toml,LICENSE}", "cloud_side/pyproject.toml")  # what a container's wheels are built of
_STEPS: Final = ROOT / "cloud_side" / "training" / "steps"


@dataclass(frozen=True)
class Image:
    """A container.

    Attributes:
        repository: In ECR, as the product calls it.
        dockerfile: In the repository, in whose root it is built.
        arguments: For the build, `NAME=VALUE`.
    """

    repository: str
    dockerfile: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeliveredUnit:
    """A unit of the workflows that has a pipeline.

    Attributes:
        name: Of the pipeline, and of its stack where it has one.
        modules: Where its code begins: handlers, and what its container runs.
        own: Patterns of paths that are its own, whatever they import.
        tests: What must pass before it is built.
        image: Its container; None: it has none.
        has_stack: Whether a stack of an installation is updated.
    """

    name: str
    modules: tuple[str, ...]
    own: tuple[str, ...]
    tests: str
    image: Image | None = None
    has_stack: bool = True

    def patterns(self) -> tuple[str, ...]:
        """Return the patterns of paths by which a push starts its pipeline.

        Raises:
            ConfigError: If a module is not there.
        """
        return patterns_for(needed(self.modules), self.own)

    def is_in(self, environment: Environment) -> bool:
        """Return whether an installation has it."""
        return self.name != ENDPOINT or environment.endpoint is not None

    def has_image_in(self, environment: Environment) -> bool:
        """Return whether an installation has the repository of its container."""
        return self.image is not None and (self.name != "labeling" or environment.page is not None)


def _handlers(workflow: Workflow) -> Iterable[str]:
    return (function.handler.rpartition(".")[0] for function in workflow.functions)


def _steps() -> Iterable[str]:
    return (f"cloud_side.training.steps.{path.stem}" for path in sorted(_STEPS.glob("[a-z]*.py")))


UNITS: Final = (
    DeliveredUnit(
        "labeling",
        ("cloud_side.labeling.workflow", *_handlers(LABELING), "cloud_side.cli", "cloud_side.labeling.cli"),
        ("cloud_side/labeling/**", "requirements/{build,page}.txt", *_WHEELS),
        "tests/cloud/labeling",
        Image("edge-inspector-labeling-page", "cloud_side/labeling/page/Dockerfile"),
    ),
    DeliveredUnit(
        "training",
        ("cloud_side.training.workflow", *_handlers(RETRAIN), *_steps()),
        ("cloud_side/training/**", "container/**", "requirements/{build,train}.txt", *_WHEELS),
        "tests/cloud/training",
        Image("edge-inspector-training", "container/Dockerfile"),
    ),
    DeliveredUnit(
        "deployment",
        ("cloud_side.deployment.workflow", *_handlers(ROLLOUT)),
        ("cloud_side/deployment/*", "cloud_side/deployment/runtime/*", "component/model/**"),
        "tests/cloud/deployment",
    ),
    DeliveredUnit(
        ENDPOINT,
        ("cloud_side.deployment.endpoint.server",),
        ("cloud_side/deployment/endpoint/**", "requirements/{build,edge}.txt", *_WHEELS),
        "tests/cloud/deployment",
        # https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html: it is run as root there
        Image("edge-inspector-endpoint", "cloud_side/deployment/endpoint/container/Dockerfile", ("RUN_AS=0",)),
    ),
    DeliveredUnit(
        COMPONENT,
        ("edge_inspector.__main__", "component.build"),
        (
            "src/edge_inspector/**",
            "component/*",
            "component/rules/*",
            "recipes/**",
            "{recipe.json,gdk-config.json,pyproject.toml,LICENSE}",
            "requirements/edge.txt",
        ),
        "tests/component",
        has_stack=False,
    ),
)


@cache
def infrastructure_patterns() -> tuple[str, ...]:
    """Return the patterns of paths by which a push starts the pipeline of the infrastructure.

    They are what the stacks are made by, without what is a unit's own: that starts the unit's pipeline, which updates
    the unit's stack.

    Raises:
        ConfigError: If a module is not there.
    """
    made_by = needed(_modules("cloud_side/infrastructure"), elsewhere=("cloud_side.local", "cloud_side.loop"))
    units = [pattern for unit in UNITS for pattern in unit.patterns()]
    rest = (path for path in made_by if not starts(units, path))
    own = (
        "cloud_side/{infrastructure,lifecycle}/**",
        "requirements/{infra,functions}.txt",
        "{Makefile,installations.json}",
    )
    return patterns_for(rest, own)


def _modules(folder: str) -> Iterable[str]:
    paths = (path.relative_to(ROOT) for path in sorted((ROOT / folder).rglob("*.py")))
    return (".".join(Path(path).with_suffix("").parts).removesuffix(".__init__") for path in paths)
