"""What each of the commands `cloud …` does, in order: check, show the plan, ask, do it, say what there is."""

import argparse
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from cloud_side.commands import CommandError, one_line_errors
from cloud_side.infrastructure.environments import Environment, read_environments
from cloud_side.infrastructure.packages import ROOT
from cloud_side.lifecycle.account import Account, check_bootstrapped, open_account
from cloud_side.lifecycle.asking import agree, agree_to_lose
from cloud_side.lifecycle.emptying import delete_holdings
from cloud_side.lifecycle.holdings import STAYING, find_holdings, has_bucket
from cloud_side.lifecycle.looking import check_idle, find_parameters, look
from cloud_side.lifecycle.stacks import (
    CATALOG,
    check_unprotected,
    delete_stack,
    find_stacks,
    in_order_of_deletion,
    look_into,
)
from cloud_side.lifecycle.templates import Template, of_unit, read_templates, synthesize, synthesize_delivery
from cloud_side.lifecycle.tool import install
from cloud_side.lifecycle.words import lines_of_plan, lines_of_seen

OWN: Final = ROOT / "installations.json"  # in a copy of the repository of one's own, from which pipelines deliver

Say = Callable[[str], None]


def run(name: str, options: argparse.Namespace, say: Say) -> int:
    """Run a command and return its exit code.

    Args:
        name: Of the command.
        options: Its arguments.
        say: Takes a line for a person.

    Raises:
        CommandError: If something is refused.
        ConfigError: If the environments are wrong, or the extra `infra` is missing.
    """
    with one_line_errors():
        return _COMMANDS[name](options, say)


def cache_folder() -> Path:
    """Return where the CDK CLI, packages and templates are kept: `$XDG_CACHE_HOME`, else `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edge-inspector-cloud"


def _synth(options: argparse.Namespace, say: Say) -> int:
    known = read_environments(_file(options))
    chosen = known.environments if options.name is None else (known.named(options.name),)
    synthesize(chosen, options.out, cache_folder() / "functions", say)
    for each in chosen:
        for template in read_templates(options.out, each.name):
            say(f"{template.path}  {template.file}")
    if known.delivery is not None and options.name is None:
        pipelines = options.out.with_name("delivery.out")
        synthesize_delivery(known, pipelines)
        say(f"delivery  {pipelines}")
    return 0


def _diff(options: argparse.Namespace, say: Say) -> int:
    environment = _environment(options)
    _ready(environment)
    cdk = install(cache_folder(), say)
    out, chosen = _templates(options, environment, say)
    cdk.diff(out, [each.path for each in chosen])
    return 0


def _deploy(options: argparse.Namespace, say: Say) -> int:
    environment = _environment(options)
    account = _ready(environment)
    cdk = install(cache_folder(), say)
    out, chosen = _templates(options, environment, say)
    check_before(account, environment, chosen)
    paths = [each.path for each in chosen]
    cdk.diff(out, paths)
    place = f"account {account.number}, region {account.region}"
    agree(f"Deploy {len(paths)} stacks of {environment.installation} to {place}?", said=options.yes)
    tags = environment.image_tags
    cdk.deploy(out, paths, [f"{each.stack}:ImageTag={tags[each.unit]}" for each in chosen if each.unit in tags])
    for name, value in find_parameters(account, environment.installation):
        say(f"{name} = {value}")
    return 0


def _destroy(options: argparse.Namespace, say: Say) -> int:
    environment = _environment(options)
    account, installation = open_account(environment), environment.installation
    cloudformation = account.client("cloudformation")
    found = in_order_of_deletion(find_stacks(cloudformation, installation))
    contents = {each: look_into(cloudformation, each) for each in found}
    data = find_holdings(account, installation)
    for line in lines_of_plan(contents, data, is_data_meant=options.and_data):
        say(line)
    is_data_lost = options.and_data and any(each.kind not in STAYING for each in data)
    if not found and not is_data_lost:
        say(f"No stack of {installation} is in account {account.number}, region {account.region}.")
        return 0
    check_unprotected(found)
    check_idle(account, installation)
    if found:
        agree(f"Delete {len(found)} stacks of {installation} in account {account.number}?", said=options.yes)
    if options.and_data:
        agree_to_lose(installation, said=options.confirm_data)
    for each in found:
        say(f"deleting: {each.name}")
        delete_stack(cloudformation, each)
    if options.and_data:
        now = find_holdings(account, installation)
        for new in (holding for holding in now if holding not in data):
            say(f"left, as it was not there when you were asked: {new}")
        delete_holdings(account, [holding for holding in now if holding in data], say)
    return 0


def _status(options: argparse.Namespace, say: Say) -> int:
    environment = _environment(options)
    seen = look(open_account(environment), environment)
    if options.json:
        say(json.dumps({**asdict(seen), "is_well": seen.is_well}, indent=2))
    else:
        for line in lines_of_seen(seen):
            say(line)
    return 0


def _cdk(options: argparse.Namespace, say: Say) -> int:
    return install(cache_folder(), say).run(*options.words)


_COMMANDS: Final[Mapping[str, Callable[[argparse.Namespace, Say], int]]] = {
    "synth": _synth,
    "diff": _diff,
    "deploy": _deploy,
    "destroy": _destroy,
    "status": _status,
    "cdk": _cdk,
}


def _environment(options: argparse.Namespace) -> Environment:
    return read_environments(_file(options)).named(options.name)


def _file(options: argparse.Namespace) -> Path | None:
    """Return the file that is meant; None for the example that the product brings."""
    said: Path | None = options.environments
    return said or (OWN if OWN.is_file() else None)


def _ready(environment: Environment) -> Account:
    account = open_account(environment)
    check_bootstrapped(account)
    return account


def _templates(options: argparse.Namespace, environment: Environment, say: Say) -> tuple[Path, Sequence[Template]]:
    out: Path | None = options.templates
    if out is None:
        out = cache_folder() / "templates" / environment.installation
        shutil.rmtree(out, ignore_errors=True)
        synthesize((environment,), out, cache_folder() / "functions", say)
    found = read_templates(out, environment.name)
    places = {(each.account, each.region) for each in found}
    if places != {(environment.account, environment.region)}:
        made = ", ".join(sorted(f"account {account or 'any'}, region {region}" for account, region in places))
        msg = (
            f"{out}: expected templates for account {environment.account or 'any'}, region {environment.region}, found "
            f"those for {made}; `cloud synth` with the same file writes them"
        )
        raise CommandError(msg)
    return out, of_unit(found, options.unit)


def check_before(account: Account, environment: Environment, chosen: Sequence[Template]) -> None:
    """Check that what stacks refer to is deployed, and that the catalog finds no data that it would not own.

    Args:
        account: Where.
        environment: Whose.
        chosen: What is to be deployed.

    Raises:
        CommandError: If not.
    """
    installation = environment.installation
    found = find_stacks(account.client("cloudformation"), installation)
    deployed = {each.name for each in found if each.is_deployed}
    meant = {each.stack for each in chosen}
    if missing := {need for each in chosen for need in each.needs} - deployed - meant:
        msg = f"--unit: expected {', '.join(sorted(missing))} deployed before, found none; leave --unit out, once"
        raise CommandError(msg)
    if f"{installation}-{CATALOG}" not in deployed and has_bucket(account, installation):
        msg = (
            f"{installation}: expected no data without the stack that owns it, found a bucket that a deletion left, or "
            "a first deployment that failed; "
            'docs/first-deploy.md, "Back after a deletion", says how it is taken over'
        )
        raise CommandError(msg)
