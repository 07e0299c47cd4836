"""Ways through a workflow: what was asked on one, whether they go over every transition, and who else takes it."""

import copy
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from sfnx import testing

from tests.cloud.local.states.corpus import Json, Script
from tests.cloud.local.states.oracle import Outcome, run_on_sfnx

_VALIDATOR = Path(__file__).parents[2] / "asl_validator" / "verdicts.js"


def asked(outcome: Outcome, state: str) -> list[Json]:
    """Return what a state asked for, call by call; of a function its payload."""
    found = [call.arguments for call in outcome.calls if call.state == state]
    return [each.get("Payload", each) for each in found]


def signposted(machine: Json) -> tuple[Json, set[str]]:
    """Return a definition with a state of its own on each transition, and the names of these."""
    machine, posts = copy.deepcopy(machine), {}
    for name, told in machine["States"].items():
        ways = [(told, "Next", ""), (told, "Default", "")]
        ways += [
            (way, "Next", f" {part} {n}") for part in ("Choices", "Catch") for n, way in enumerate(told.get(part, []))
        ]
        for way, key, place in ways:
            if key in way:
                posts[f"{name}{place} {key}"] = {"Type": "Pass", "Next": way[key]}
                way[key] = f"{name}{place} {key}"
    machine["States"] |= posts
    return machine, set(posts)


def untrodden(machine: Json, ways: Iterable[Mapping[str, Json]]) -> set[str]:
    """Return the states and transitions over which none of some ways goes, each told by what its tasks answer."""
    posted, posts = signposted(machine)
    testing.check(posted)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(testing, "check", lambda _: None)  # once is enough
        been = {name for answers in ways for name in run_on_sfnx(posted, {}, Script(answers)).entered}
    return (posts | machine["States"].keys()) - been


def problems_by_toolkits(text: str) -> list[Json]:
    """Return what the validator of AWS Toolkits has against a definition."""
    run = [str(Path(sys.prefix) / "bin" / "node"), str(_VALIDATOR)]
    with tempfile.NamedTemporaryFile("w", suffix=".asl.json", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        said = json.loads(subprocess.run(run, input=file.name, check=True, capture_output=True, text=True).stdout)
    return [] if said["accepted"] else [said]
