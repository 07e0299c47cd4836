"""Which components a device shall have, in which versions and in which order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cloud_side.local.devices.failures import DeploymentFailure
from cloud_side.local.services.greengrass.deployments import BUILT_IN
from cloud_side.local.services.greengrass.platforms import manifest_for
from cloud_side.local.services.greengrass.recipe import Recipe
from cloud_side.local.services.greengrass.versions import Version, is_met

Roots = Mapping[str, Mapping[str, str]]
Offers = Callable[[str], Sequence[Recipe]]
_ROUNDS = 100  # more than components on a device


@dataclass(frozen=True)
class Wanted:
    """A component that a device shall have.

    Attributes:
        recipe: None for one that every device has.
        is_root: A deployment names it; else it is there because another one needs it.
    """

    name: str
    version: str
    recipe: Recipe | None
    is_root: bool


def resolve(roots: Roots, offers: Offers, device: Mapping[str, str]) -> list[Wanted]:
    """Return the components of all targets of a device with what they need, each after what it needs.

    Args:
        roots: Versions of components, by target (`thing/…`, `thinggroup/…`).
        offers: The deployable recipes of a component.
        device: Attributes of the device.

    Raises:
        DeploymentFailure: If no version of one of them is right for all that need it, or they need each other.
    """
    chosen: dict[str, Wanted] = {}
    for _ in range(_ROUNDS):
        demands = _demands_of(roots, chosen)
        again = {name: _choose(name, by, offers, device) for name, by in demands.items()}
        if again == chosen:
            return _ordered(chosen)
        chosen = again
    msg = f"The components of {', '.join(roots)} need each other's versions in a circle"
    raise DeploymentFailure(msg, "COMPONENT_CIRCULAR_DEPENDENCY_ERROR")


def _demands_of(roots: Roots, chosen: Mapping[str, Wanted]) -> dict[str, dict[str, str]]:
    """Return for each component who demands which version of it."""
    demands: dict[str, dict[str, str]] = {}
    for target, components in roots.items():
        for name, version in components.items():
            demands.setdefault(name, {})[target] = f"={version}"
    for needing in chosen.values():
        for name, requirement in _needs(needing).items():
            demands.setdefault(name, {})[needing.name] = requirement
    return demands


def _needs(wanted: Wanted) -> dict[str, str]:
    dependencies = {} if wanted.recipe is None else wanted.recipe.dependencies
    return {name: requirement for name, requirement in dependencies.items() if not name.startswith(BUILT_IN)}


def _choose(name: str, demands: Mapping[str, str], offers: Offers, device: Mapping[str, str]) -> Wanted:
    exact = [requirement.removeprefix("=") for requirement in demands.values() if requirement.startswith("=")]
    is_root = any("/" in demanding for demanding in demands)
    if name.startswith(BUILT_IN):
        return Wanted(name, exact[0], None, is_root)
    fitting = [
        recipe
        for recipe in offers(name)
        if all(is_met(requirement, Version.parse(recipe.version)) for requirement in demands.values())
        and manifest_for(recipe, device) is not None
    ]
    if not fitting:
        told = ", ".join(f"{demanding}={requirement}" for demanding, requirement in sorted(demands.items()))
        msg = (
            f"Failed to negotiate component '{name}' version with cloud and no local applicable version satisfying "
            f"requirement '{{{told}}}'."
        )
        raise DeploymentFailure(msg, "NO_AVAILABLE_COMPONENT_VERSION", "COMPONENT_VERSION_REQUIREMENTS_NOT_MET")
    best = max(fitting, key=lambda recipe: Version.parse(recipe.version))
    return Wanted(name, best.version, best, is_root)


def _ordered(chosen: Mapping[str, Wanted]) -> list[Wanted]:
    ordered: dict[str, Wanted] = {}

    def place(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            msg = f"Circular dependency detected for component {name}: {' -> '.join((*above, name))}"
            raise DeploymentFailure(msg, "COMPONENT_CIRCULAR_DEPENDENCY_ERROR")
        for needed in sorted(_needs(chosen[name])):
            place(needed, (*above, name))
        ordered.setdefault(name, chosen[name])

    for name in sorted(chosen):
        place(name, ())
    return list(ordered.values())
