"""From a person's approval to the stations: the rollout begins by itself, and is looked at from outside."""

from functools import partial
from pathlib import Path
from typing import Final

from cloud_side.deployment.keeping import records
from cloud_side.deployment.records import Outcome, Record
from cloud_side.loop import registry
from cloud_side.loop.listening import Heard
from cloud_side.loop.measurements import pictures_of
from cloud_side.loop.premises import Site
from cloud_side.loop.programs import LoopError, until
from cloud_side.loop.settings import CANARY, LINE
from cloud_side.loop.telling import Page
from cloud_side.training.registry.packages import Registered
from cloud_side.training.registry.requests import Approval

WHO: Final = "quality"
_LOOK_S: Final = 0.5
_OPEN: Final = (Outcome.WAITING, Outcome.RUNNING)


def plan(site: Site) -> None:
    """Say what a rollout bears here: a model that finds what the one before missed rejects far more parts."""
    site.programs.cloud("rollout", "plan", "--set", "limits.reject_rate_change=0.5")


def approve(site: Site, package: Registered, why: str, page: Page) -> None:
    """Approve a model, as a person does who has read its reports."""
    site.programs.cloud("model", "approve", package.version, "--who", WHO, "--why", why)
    page.tell(f"{package.title}: approved by {WHO}: {why}")


def rolled_out(site: Site, package: Registered, page: Page) -> Record:
    """Wait until the rollout that an approval begins by itself is over, and return its record.

    Raises:
        LoopError: If none begins, or it does not end.
    """

    def ended() -> Record | None:
        site.check()
        found = [each for each in records(site.bucket) if each.package == package.arn and each.outcome not in _OPEN]
        return found[0] if found else None

    record = until(ended, site.size.patience_s, f"the end of the rollout of {package.title}", every_s=_LOOK_S)
    for wave in record.waves:
        page.tell(
            f"{wave.group}: {wave.stage.value}; {wave.counts.ok} ok, {wave.seen.proved} proved, {wave.seen.bad} bad"
        )
    _draw(site, record, page)
    return record


def check_swapped(site: Site, package: Registered, record: Record, page: Page) -> None:
    """Let it pass that every station runs the model and trusts it.

    Raises:
        LoopError: If not.
    """
    if record.outcome is not Outcome.DONE:
        told = "; ".join(f"{wave.group}: {wave.stage.value}: {wave.told}" for wave in record.waves)
        msg = f"rollout {record.id}: expected it done, found {record.outcome.value}: {record.reason} ({told})"
        raise LoopError(msg)
    for each in site.all:
        first = until(partial(_first, site, each.thing, package.version), 30, f"{each.thing} by the new model")
        said = site.listener.events(each.thing, "model.proved")
        proved = [one for one in said if one["model"]["version"] == package.version]
        if not proved:
            msg = f"{each.thing}: expected that it trusts {package.title}, heard nothing of that"
            raise LoopError(msg)
        parts = proved[-1]["parts"]
        took_over = f"{each.thing}: {package.version} took over with {first.result['part_id']}"
        page.tell(f"{took_over}, and was trusted after {parts} parts")


def _first(site: Site, thing: str, version: str) -> Heard | None:
    """Return the first result of a station by a model; None where there is none yet."""
    site.check()
    return next((each for each in site.listener.results(thing) if each.model == version), None)


def check_taken_back(site: Site, package: Registered, record: Record, page: Page) -> None:
    """Let it pass that the canary alone has tried the model, and that all is as it was before.

    Raises:
        LoopError: If not; says what is otherwise.
    """
    refused = site.listener.events(CANARY.thing, "model.rejected")
    versions = {each.thing: {one.model for one in site.listener.results(each.thing)} for each in site.all}
    now = registry.read_again(site, package)
    expected = {
        "the rollout failed": record.outcome is Outcome.FAILED,
        "the canary took the model over": package.version in versions[CANARY.thing],
        "the canary refused it": any(each["candidate"].endswith(package.version) for each in refused),
        "the canary runs what it ran": site.listener.results(CANARY.thing)[-1].model != package.version,
        "the line never saw it": package.version not in versions[LINE.thing],
        "its package is rejected": now.approval is Approval.REJECTED,
        "with the reason": bool(now.why),
    }
    if wrong := [name for name, is_true in expected.items() if not is_true]:
        msg = f"expected that {', '.join(wrong)}; found otherwise: {record.outcome.value}: {record.reason}"
        raise LoopError(msg)
    tried = [each for each in site.listener.results(CANARY.thing) if each.model == package.version]
    page.pictures += pictures_of(site, tried)
    page.tell(f"the canary: {refused[-1]['reason']}")
    page.tell(f"{package.title} is rejected: {now.why}")
    page.tell(f"{LINE.thing} never saw it")


def _draw(site: Site, record: Record, page: Page) -> None:
    name = "rollout.html"
    site.programs.cloud("workflows", "show", record.execution, "--html", str(Path(site.out, name)))
    page.links["the rollout's steps"] = name
