"""SageMaker on one machine: jobs, pipelines, the model registry, labeling jobs and the feature store."""

from typing import Final

from cloud_side.local.services.sagemaker import (
    feature_groups,
    feature_records,
    jobs,
    labeling,
    package_groups,
    packages,
)
from cloud_side.local.services.sagemaker.pipelines import executions, pipelines
from cloud_side.local.wiring import Service

_PARTS = (jobs, pipelines, executions, package_groups, packages, labeling, feature_groups)

SAGEMAKER: Final = Service(
    "sagemaker",
    reads={name: read for part in _PARTS for name, read in part.READS.items()},
    writes={name: write for part in _PARTS for name, write in part.WRITES.items()},
    tables=";".join(part.TABLES for part in _PARTS),
)
FEATURE_STORE_RUNTIME: Final = Service(
    "sagemaker-featurestore-runtime",
    reads=feature_records.READS,
    writes=feature_records.WRITES,
    tables=feature_groups.TABLES,
)
SERVICES: Final = (SAGEMAKER, FEATURE_STORE_RUNTIME)
