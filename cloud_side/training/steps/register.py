"""Registers a model that passed the gate, to be approved by a person."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from cloud_side.installation import installation
from cloud_side.objects import Bucket, Client
from cloud_side.session import session
from cloud_side.training import places
from cloud_side.training.registry.registering import Made, Origin, register
from cloud_side.training.steps.entry import say, told


def run(made: Made, origin: Origin, bucket: Bucket, client: Client, out: Path) -> dict[str, object]:
    """Register a model and write `registered.json`; run again, it finds what it made.

    Args:
        made: Folders of the steps before.
        origin: Where the model comes from.
        bucket: Of the product.
        client: Of SageMaker.
        out: The output folder, made if missing.

    Raises:
        InspectorError: If it cannot be registered; names the file.
    """
    document = register(made, origin, bucket, client)
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, indent=2, sort_keys=True)
    (out / places.REGISTERED_FILE).write_text(f"{text}\n", encoding="utf-8")
    return document


def parser() -> argparse.ArgumentParser:
    """Return the parser of the job's arguments."""
    made = argparse.ArgumentParser(prog="register", description=__doc__)
    made.add_argument("--bucket", required=True, help="of the product")
    made.add_argument("--run", required=True, help="id of the training run")
    made.add_argument("--group", default=installation(), help="model package group (default: %(default)s)")
    made.add_argument("--image", required=True, help="address of the container")
    made.add_argument("--weights", metavar="URI", help="address of the training job's archive")
    made.add_argument("--training-job", metavar="NAME", help="name or ARN of the training job")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the step as the program of a processing job."""
    options = parser().parse_args(arguments)

    def step() -> None:
        cloud = session()
        names = (places.PACKAGE, places.EVALUATION, places.OPTIMIZATION, places.GATE, places.PACKAGES)
        made = Made(*map(places.input_folder, names))
        origin = Origin(options.group, options.run, options.image, options.weights, options.training_job)
        bucket, out = Bucket(cloud.client("s3"), options.bucket), places.output_folder(places.REGISTERED)
        document = run(made, origin, bucket, cloud.client("sagemaker"), out)
        say(f"registered: {document['name']}@{document['version']}, {document['package']}: waits for approval")

    return told(step)


if __name__ == "__main__":
    sys.exit(main())
