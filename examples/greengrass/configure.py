"""Prints a deployment with one more configuration: `configure.py DEPLOYMENT COMPONENT[=VERSION] MERGE`.

A deployment carries the configuration of a component as JSON in a text; this merges a file into it as a nucleus does:
objects key by key, lists as a whole. With a version, a component that the deployment lacks is added.
"""

import json
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def merged(old: Json, new: Json) -> Json:
    """Return `old` with what `new` says."""
    inner = {
        key: merged(old[key], value) if isinstance(value, dict) and isinstance(old.get(key), dict) else value
        for key, value in new.items()
    }
    return {**old, **inner}


def configure(deployment: Json, component: str, merge: Json) -> Json:
    """Return a deployment whose component gets `merge` on top of what it gets already.

    Args:
        deployment: As `aws greengrassv2 create-deployment --cli-input-json` takes it.
        component: Its name; `name=version` for one that the deployment may lack.
        merge: What to merge.

    Raises:
        SystemExit: If the deployment lacks the component, and there is no version.
    """
    name, _, version = component.partition("=")
    entry = deployment["components"].get(name, {"componentVersion": version})
    if not entry["componentVersion"]:
        msg = f"{name}: not in the deployment; expected {name}=VERSION"
        raise SystemExit(msg)
    update = entry.get("configurationUpdate", {})
    update = {**update, "merge": json.dumps(merged(json.loads(update.get("merge", "{}")), merge))}
    return merged(deployment, {"components": {name: {**entry, "configurationUpdate": update}}})


if __name__ == "__main__":
    deployment_file, component_name, merge_file = sys.argv[1:]
    documents = [json.loads(Path(name).read_text(encoding="utf-8")) for name in (deployment_file, merge_file)]
    json.dump(configure(documents[0], component_name, documents[1]), sys.stdout, indent=2)
    sys.stdout.write("\n")
