"""The step before a labeling job of Ground Truth: puts what the job reads into the bucket, answers with the request."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from cloud_side.catalog.labels import strict_json
from cloud_side.labeling.ground_truth import LabelingJob, categories, template
from cloud_side.labeling.items import read_items
from cloud_side.labeling.places import WorkKind, input_key
from cloud_side.labeling.runtime.clients import open_bucket
from cloud_side.labeling.settings import parse_settings
from cloud_side.objects import Bucket


def request(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - a function's signature
    """Answer with the request for CreateLabelingJob; template and classes are in the bucket then, the same each time.

    Args:
        event: `bucket`, `batch`, `round`, `kind`, `settings`, `attempt`, `role` and `workteam`.
        context: Of the function.

    Raises:
        ConfigError: If there is no work team, no Ground Truth in the region, or no class to label.
    """
    bucket = open_bucket(event["bucket"])
    job = LabelingJob(
        bucket=bucket.name,
        batch=event["batch"],
        round=event["round"],
        kind=WorkKind(event["kind"]),
        attempt=event["attempt"],
        settings=parse_settings(event["settings"]),
        region=bucket.s3.meta.region_name,
        role=event["role"],
        workteam=event["workteam"],
    )
    said = strict_json(categories(job.kind, _class_names(bucket, job)))
    bucket.write(job.categories_key, f"{said}\n".encode())
    bucket.write(job.template_key, template(job.kind).encode(), media="text/html; charset=utf-8")
    return {"request": job.request()}


def _class_names(bucket: Bucket, job: LabelingJob) -> tuple[str, ...]:
    """Return what all items of the work look for, as the first one says."""
    first = islice(bucket.lines(input_key(job.batch, job.round, job.kind)), 1)
    return next((item.class_names for item in read_items(first)), ())
