"""The model's component as gdk publishes it: built, its files in S3, its recipe with real addresses."""

from pathlib import Path

from cloud_side.local.devices.inspector import MODEL
from tests.cloud.local.fleet import BUCKET, Fleet

ARTIFACTS = f"artifacts/{MODEL}/NEXT_PATCH"


def publish_model(fleet: Fleet, built: Path, version: str, **replaced: bytes) -> None:
    """Publish a built component and wait until it is deployable; `replaced` are other contents of its files."""
    for path in (built / ARTIFACTS).iterdir():
        content = replaced.get(path.stem, path.read_bytes())
        fleet.s3.put_object(Bucket=BUCKET, Key=f"{MODEL}/{version}/{path.name}", Body=content)
    fleet.greengrass.create_component_version(inlineRecipe=published_recipe(built, version))
    fleet.settle()


def published_recipe(built: Path, version: str) -> str:
    """Return the recipe of a build folder for a version."""
    text = (built / "recipes" / f"{MODEL}.json").read_text()
    for name, value in (("BUCKET_NAME", BUCKET), ("COMPONENT_NAME", MODEL), ("COMPONENT_VERSION", version)):
        text = text.replace(name, value)
    return text.replace("NEXT_PATCH", version)
