"""The order of things in each pipeline, as values: test, build, dev, a person, prod."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from cloud_side.infrastructure.delivery.units import COMPONENT, ENDPOINT, DeliveredUnit
from cloud_side.infrastructure.environments import Environment
from cloud_side.installation import installed

SOURCE: Final = "source"
BUILT: Final = "built"
COMMIT: Final = "commit"  # namespace of what the source tells
TEMPLATES: Final = "templates"
_WHICH: Final = {"COMMIT": f"#{{{COMMIT}.CommitId}}", "EXECUTION": "#{codepipeline.PipelineExecutionId}"}


@dataclass(frozen=True)
class Build:
    """An action that CodeBuild does.

    Attributes:
        name: Of the action.
        project: Which project.
        takes: The artifact that it works on.
        gives: The artifact that it hands on.
        variables: For its script; nothing secret.
        order: Of the actions of a stage; those of the same run together.
        tells: Namespace of the variables that it exports; None: it exports none.
    """

    name: str
    project: str
    takes: str
    gives: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    order: int = 1
    tells: str | None = None


@dataclass(frozen=True)
class Approval:
    """An action that a person does.

    Attributes:
        name: Of the action.
        asks: What is to be decided, with variables of actions before.
        link: Where to look; None: nowhere.
        order: As that of `Build`.
    """

    name: str
    asks: str
    link: str | None = None
    order: int = 1


@dataclass(frozen=True)
class Stage:
    """Actions that must all succeed before the next stage begins."""

    name: str
    actions: tuple[Build | Approval, ...]


def infrastructure_stages(environments: Sequence[Environment]) -> tuple[Stage, ...]:
    """Return what follows the source in the pipeline of the infrastructure, which updates itself first."""
    return (
        Stage("test", (_check(".ci/run"),)),
        Stage("synth", (Build("synth", "synth", SOURCE, TEMPLATES),)),
        Stage("update", (Build("update", "update", TEMPLATES),)),
        *_through(environments, lambda each: (_deploy(each, {"UNIT": "", "FROM": "", "TO": ""}),), differs=""),
    )


def unit_stages(unit: DeliveredUnit, environments: Sequence[Environment]) -> tuple[Stage, ...]:
    """Return what follows the source in the pipeline of a unit."""
    test = Stage("test", (_check(f"make test thorough PYTEST_ARGS={unit.tests}"),))
    if unit.name == COMPONENT:
        build = Stage("build", (Build(COMPONENT, COMPONENT, SOURCE, BUILT),))
        return (test, build, *_through(environments, _publish, differs=None))
    having = [each for each in environments if unit.is_in(each)]
    builds = [Build("synth", "synth", SOURCE, TEMPLATES)]
    if any(unit.has_image_in(each) for each in having):
        builds.append(Build("image", f"image-{unit.name}", SOURCE, variables=_WHICH))
    return (
        test,
        Stage("build", tuple(builds)),
        *_through(having, lambda each: _bring(unit, each), differs=unit.name),
    )


def ordered(environments: Iterable[Environment]) -> Sequence[Environment]:
    """Return installations as they are delivered to: those that are no production first, else in the file's order."""
    return sorted(environments, key=lambda each: each.is_production)


def image_of_delivery(unit: DeliveredUnit) -> str:
    """Return the repository in which a unit's container is built."""
    return f"edge-inspector-delivery-{unit.name}"


def _through(
    environments: Iterable[Environment], actions: Callable[[Environment], tuple[Build, ...]], *, differs: str | None
) -> Iterator[Stage]:
    """Yield a stage for each installation, and before each production one a person who is asked.

    Args:
        environments: All that are delivered to.
        actions: What is done to one.
        differs: Which unit's changes are shown; all where it is empty, none where it is None.
    """
    for each in ordered(environments):
        if each.is_production:
            yield Stage(f"approve-{each.installation}", _ask(each, differs))
        yield Stage(each.installation, actions(each))


def _ask(environment: Environment, differs: str | None) -> tuple[Build | Approval, ...]:
    name, ask = environment.name, f"Deliver to {environment.installation}?"
    if differs is None:
        return (Approval("approve", ask),)
    told = f"changes-{name}"
    changes = Build("changes", told, TEMPLATES, variables={"UNIT": differs}, tells=told)
    return (changes, Approval("approve", f"{ask} #{{{told}.PERMISSIONS}}", f"#{{{told}.LOG}}", order=2))


def _check(command: str) -> Build:
    return Build("check", "check", SOURCE, variables={"CHECK": command})


def _deploy(environment: Environment, variables: Mapping[str, str]) -> Build:
    return Build("deploy", f"deploy-{environment.name}", TEMPLATES, variables={**_WHICH, **variables})


def _bring(unit: DeliveredUnit, environment: Environment) -> tuple[Build, ...]:
    deploy = _deploy(environment, _what(unit, environment))
    if unit.name != ENDPOINT:
        return (deploy,)
    return (deploy, Build("serve", f"serve-{environment.name}", SOURCE, order=2))


def _publish(environment: Environment) -> tuple[Build, ...]:
    return (Build("publish", f"publish-{environment.name}", BUILT),)


def _what(unit: DeliveredUnit, environment: Environment) -> Mapping[str, str]:
    if unit.image is None or not unit.has_image_in(environment):
        return {"UNIT": unit.name, "FROM": "", "TO": ""}
    repository = installed(unit.image.repository, environment.installation)
    return {"UNIT": unit.name, "FROM": image_of_delivery(unit), "TO": repository}
