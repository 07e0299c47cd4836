"""Checks recipes: `python -m component.lint_recipe FILE...`; one line a finding, and exit status 1 if there is any.

Several files at once know of each other which of them have no run phase. The files that were built are looked for as
`greengrass-build` has them: in `artifacts/<name>/<version>/` beside the recipe's folder.
"""

import json
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from component.rules import findings, is_install_only
from component.rules.dependencies import MODEL_COMPONENT


def main(arguments: Sequence[str]) -> int:
    """Check the files; return the exit status."""
    if not arguments:
        print("usage: python -m component.lint_recipe FILE...", file=sys.stderr)
        return 2
    try:
        texts = {Path(argument): Path(argument).read_text(encoding="utf-8") for argument in arguments}
    except (OSError, UnicodeDecodeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    install_only = {MODEL_COMPONENT, *filter(None, map(is_install_only, texts.values()))}
    found = [
        f"{path}: {finding}"
        for path, text in texts.items()
        for finding in findings(text, artifacts=_built(path, text), install_only=install_only)
    ]
    for line in found:
        print(line)
    return 1 if found else 0


def _built(path: Path, text: str) -> Collection[str] | None:
    """Return the names of the artifacts beside a recipe in a build folder; None elsewhere."""
    try:
        recipe = json.loads(text)
        folder = path.resolve().parents[1] / "artifacts" / recipe["ComponentName"] / recipe["ComponentVersion"]
        return [artifact.name for artifact in folder.iterdir()]
    except (ValueError, KeyError, TypeError, IndexError, OSError):
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
