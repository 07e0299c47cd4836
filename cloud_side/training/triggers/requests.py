"""The request that starts the pipeline."""

import hashlib
from typing import Any

from cloud_side.installation import installed
from cloud_side.training.pipeline.definition import NAME
from cloud_side.training.pipeline.parameters import chosen
from cloud_side.training.triggers.records import Record
from cloud_side.training.triggers.settings import TrainingSettings


def start_request(record: Record, settings: TrainingSettings) -> dict[str, Any]:
    """Return the parameters of StartPipelineExecution; the same run asked for twice is started once.

    Raises:
        ConfigError: If the pipeline does not take something of it.
    """
    said = {
        **settings.parameters,
        **settings.hyperparameters,
        "Dataset": record.dataset,
        "DatasetVersion": record.version,
        "ModelName": record.model,
    }
    token = hashlib.sha256(f"{record.key} {record.execution}".encode()).hexdigest()
    return {
        "PipelineName": installed(NAME),
        "PipelineExecutionDescription": f"{record.kind}: {record.said}"[:3072],
        "PipelineParameters": chosen(said),
        "ClientRequestToken": token,
    }
