"""Puts a built model component on the things of a group: plain boto3, in AWS or on this machine.

    python examples/deploy_model.py BUILD GROUP

BUILD is what `python -m component.model.build MODEL_DIR --out BUILD` has made. Which engine: EDGE_INSPECTOR_ENGINE.
"""

import sys
import time
from pathlib import Path

from cloud_side.session import session

NAME, VERSION, BUCKET = "com.edgeinspector.Model", "1.0.0", "edge-inspector-components"


def main(built: Path, group: str) -> None:
    """Upload the artifacts, make the component version, wait until it may be deployed, and deploy it."""
    cloud = session()
    s3, iot, greengrass = (cloud.client(service) for service in ("s3", "iot", "greengrassv2"))
    if BUCKET not in (bucket["Name"] for bucket in s3.list_buckets()["Buckets"]):
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": cloud.region_name})
    for file in (built / "artifacts" / NAME / "NEXT_PATCH").iterdir():
        s3.upload_file(str(file), BUCKET, f"{NAME}/{VERSION}/{file.name}")
    recipe = (built / "recipes" / f"{NAME}.json").read_text()
    named = {"BUCKET_NAME": BUCKET, "COMPONENT_NAME": NAME, "COMPONENT_VERSION": VERSION, "NEXT_PATCH": VERSION}
    for placeholder, value in named.items():
        recipe = recipe.replace(placeholder, value)
    arn = greengrass.create_component_version(inlineRecipe=recipe)["arn"]
    while greengrass.describe_component(arn=arn)["status"]["componentState"] == "REQUESTED":
        time.sleep(0.1)
    target = iot.describe_thing_group(thingGroupName=group)["thingGroupArn"]
    greengrass.create_deployment(targetArn=target, components={NAME: {"componentVersion": VERSION}})


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
