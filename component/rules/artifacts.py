"""Artifacts: plain files, addressed as gdk fills them in, and just those that were built."""

import re
from collections.abc import Collection, Iterator

from component.rules.finding import Finding, Json, Path, artifact_name, key_findings, list_at, manifests_of, object_at

_TO_BE_FILLED = re.compile(r"s3://BUCKET_NAME/COMPONENT_NAME/COMPONENT_VERSION/[^/\s]+")
_PUBLISHED = re.compile(r"s3://[a-z0-9][a-z0-9.-]+/(?!.*COMPONENT_)\S*[^/\s]")


def artifact_findings(recipe: Json, built: Collection[str] | None) -> Iterator[Finding]:
    """Yield what is wrong with the artifacts.

    Args:
        recipe: The recipe.
        built: Names of the files that there are; None where that is not known.
    """
    named = set[str]()
    for path, manifest in manifests_of(recipe):
        for number, artifact in enumerate(list_at(manifest, "Artifacts")):
            where = f"{path}.Artifacts[{number}]"
            if not isinstance(artifact, dict):
                yield Finding(where, repr(artifact), "an object")
                continue
            yield from _one(where, artifact)
            name = artifact_name(artifact)
            named.add(name)
            if built is not None and name not in built:
                yield Finding(f"{where}.Uri", f"{name!r}, which was not built", f"one of {', '.join(sorted(built))}")
    for name in sorted(set(built or ()) - named):
        yield Finding("Manifests", f"{name!r} among the artifacts, in no manifest", "no file that no device gets")


def _one(path: Path, artifact: Json) -> Iterator[Finding]:
    yield from key_findings(path, artifact, ("Uri", "Unarchive", "Permission", "Digest", "Algorithm"))
    uri = str(artifact.get("Uri"))
    if not _TO_BE_FILLED.fullmatch(uri) and not _PUBLISHED.fullmatch(uri):
        yield Finding(f"{path}.Uri", repr(uri), "'s3://BUCKET_NAME/COMPONENT_NAME/COMPONENT_VERSION/file'")
    if artifact.get("Unarchive", "NONE") != "NONE":
        found = repr(artifact["Unarchive"])
        yield Finding(f"{path}.Unarchive", found, "a plain file: Lite unpacks nothing in a local deployment")
    permission = object_at(artifact, "Permission")
    yield from key_findings(f"{path}.Permission", permission, ("Read", "Execute"))
    for key, value in permission.items():
        if value not in {"NONE", "OWNER", "ALL"}:
            yield Finding(f"{path}.Permission.{key}", repr(value), "'NONE', 'OWNER' or 'ALL'")
