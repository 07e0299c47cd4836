"""Judges a trained model: writes whether it may be registered, every reason, and a report for people."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cloud_side.training import places
from cloud_side.training.exporting.files import emptied, write_json
from cloud_side.training.gate.judgement import Judgement
from cloud_side.training.gate.limits import Limits, add_limits, limits_of
from cloud_side.training.gate.page import page_of
from cloud_side.training.gate.reading import Folders, read_evidence
from cloud_side.training.gate.rules import judge
from cloud_side.training.steps.entry import say, told

PAGE_FILE = "gate.html"


def run(folders: Folders, out: Path, limits: Limits) -> Judgement:
    """Write `gate.json` and `gate.html`; that a model is refused is no error.

    Args:
        folders: Of the steps before.
        out: The output folder; what was in it before is gone.
        limits: What is asked.

    Raises:
        ConfigError: If a file is missing or another one; names the field.
    """
    emptied(out)
    evidence = read_evidence(folders)
    judgement = judge(evidence, limits)
    document = judgement.document() | {"limits": limits.model_dump()}
    (out / PAGE_FILE).write_bytes(page_of(judgement, evidence))
    write_json(out / places.GATE_FILE, document)  # last: what has it is whole
    return judgement


def parser() -> argparse.ArgumentParser:
    """Return the parser of the job's arguments: one for each limit."""
    made = argparse.ArgumentParser(prog="gate", description=__doc__)
    add_limits(made)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the step as the program of a processing job; 0 also where the model is refused."""
    options = parser().parse_args(arguments)

    def step() -> None:
        names = (places.DATA, places.CHAMPION, places.PACKAGES, places.EVALUATION, places.OPTIMIZATION)
        folders = Folders(*map(places.input_folder, names))
        judgement = run(folders, places.output_folder(places.GATE), limits_of(options))
        say(judgement.summary)
        for check in judgement.checks:
            say(f"{'passed' if check.passed else 'FAILED'}  {check.name}: {check.text}")

    return told(step)


if __name__ == "__main__":
    sys.exit(main())
