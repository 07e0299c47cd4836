"""The pipeline as SageMaker takes it: which step reads what of which, and in which order that puts them.

    Prepare -> Train -> Export -> Evaluate -> Optimize -> Gate -> passed? -> Register, or Refused with its reason

The same document is installed in AWS and on one machine. All steps run in one image.
"""

from typing import Any, Final

from cloud_side.training import places
from cloud_side.training.pipeline.parameters import hyperparameters, limits, parameters
from cloud_side.training.pipeline.writing import (
    RETRIES,
    Json,
    channel,
    entry_point,
    joined,
    model_of,
    output_of,
    parameter,
    processing,
    run_place,
)

NAME: Final = "edge-inspector-training"
VERSION: Final = "2020-12-01"
REFUSED: Final = "Refused"
_GATE_REPORT: Final = "GateReport"
_RUN_ID: Final = {"Get": "Execution.PipelineExecutionId"}
_METRICS: Final = (
    {"Name": "loss", "Regex": r"\bloss ([0-9.]+)"},
    {"Name": "map50", "Regex": r"\bmap50 ([0-9.]+)"},
)


def definition(*, spot: bool = True) -> dict[str, Any]:
    """Return the definition.

    Args:
        spot: Train on spare machines, which are cheaper and may be taken away; training goes on from its checkpoints.
            It is no parameter: SageMaker refuses the longest wait for a spot machine where there is none to wait for.

    Source:
        SageMaker AI Developer Guide, "Pipelines": definition schema 2020-12-01, and its retry policies.
    """
    return {
        "Version": VERSION,
        "Metadata": {},
        "Parameters": [each.document() for each in parameters()],
        "Steps": [_prepare(), _train(spot=spot), _export(), _evaluate(), _optimize(), _gate(), _passed()],
    }


def _prepare() -> Json:
    said = {
        "bucket": parameter("Bucket"),
        "dataset": parameter("Dataset"),
        "version": parameter("DatasetVersion"),
        "folds": parameter("Folds"),
        "model-package-group": parameter("ModelPackageGroup"),
        "model-name": parameter("ModelName"),
        "start-from": parameter("start_from"),
    }
    return processing("Prepare", said=said, inputs={}, outputs=(places.DATA, places.CHAMPION))


def _train(*, spot: bool) -> Json:
    wait = {"MaxWaitTimeInSeconds": parameter("TrainingWaitSeconds")} if spot else {}
    return {
        "Name": "Train",
        "Type": "Training",
        "Arguments": {
            "RoleArn": parameter("Role"),
            "AlgorithmSpecification": {
                "TrainingImage": parameter("Image"),
                "TrainingInputMode": "File",
                "ContainerEntrypoint": entry_point("train"),
                "MetricDefinitions": list(_METRICS),
            },
            "HyperParameters": {each.name: parameter(each.name) for each in hyperparameters()},
            "InputDataConfig": [
                channel("train", output_of("Prepare", places.DATA, "train")),
                channel("validation", output_of("Prepare", places.DATA, "validation")),
                channel(places.CHAMPION, output_of("Prepare", places.CHAMPION)),
            ],
            "OutputDataConfig": {"S3OutputPath": run_place(places.MODEL)},
            "CheckpointConfig": {"S3Uri": run_place("checkpoints"), "LocalPath": f"{places.ML}/checkpoints"},
            "ResourceConfig": {
                "InstanceCount": parameter("TrainingInstances"),
                "InstanceType": parameter("TrainingInstance"),
                "VolumeSizeInGB": parameter("TrainingVolumeGB"),
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": parameter("TrainingSeconds"), **wait},
            "EnableManagedSpotTraining": spot,
        },
        "RetryPolicies": list(RETRIES),
    }


def _export() -> Json:
    inputs = {places.MODEL: model_of("Train"), places.DATA: _data()}
    return processing("Export", said={"name": parameter("ModelName")}, inputs=inputs, outputs=(places.PACKAGES,))


def _evaluate() -> Json:
    said = {
        "escape-cost": parameter("EscapeCost"),
        "overkill-cost": parameter("OverkillCost"),
        "review-cost": parameter("ReviewCost"),
        "defect-rate": parameter("DefectRate"),
    }
    inputs = {places.DATA: _data(), places.PACKAGES: _packages(), places.CHAMPION: _champion()}
    return processing("Evaluate", said=said, inputs=inputs, outputs=(places.EVALUATION,))


def _optimize() -> Json:
    inputs = {
        places.PACKAGES: _packages(),
        places.DATA: _data(),
        places.EVALUATION: _evaluation(),
        places.CHAMPION: _champion(),
    }
    said = {
        "int8": parameter("Int8"),
        "most-drop": parameter("most_int8_drop"),
        "most-ratio": parameter("most_int8_ratio"),
        "most-score": parameter("most_int8_score"),
    }
    return processing("Optimize", said=said, inputs=inputs, outputs=(places.PACKAGE, places.OPTIMIZATION))


def _gate() -> Json:
    said = {each.name.replace("_", "-"): parameter(each.name) for each in limits()}
    inputs = {
        places.DATA: output_of("Prepare", places.DATA, places.DATASET_FILE),
        places.PACKAGES: _packages(),
        places.EVALUATION: _evaluation(),
        places.OPTIMIZATION: output_of("Optimize", places.OPTIMIZATION),
        places.CHAMPION: output_of("Prepare", places.CHAMPION, places.CHAMPION_FILE),
    }
    report = {"PropertyFileName": _GATE_REPORT, "OutputName": places.GATE, "FilePath": places.GATE_FILE}
    return processing("Gate", said=said, inputs=inputs, outputs=(places.GATE,), property_files=(report,))


def _passed() -> Json:
    property_file = {"Get": f"Steps.Gate.PropertyFiles.{_GATE_REPORT}"}
    passed = {"Std:JsonGet": {"PropertyFile": property_file, "Path": "passed"}}
    return {
        "Name": "Passed",
        "Type": "Condition",
        "DependsOn": ["Gate"],
        "Arguments": {
            "Conditions": [{"Type": "Equals", "LeftValue": passed, "RightValue": True}],
            "IfSteps": [_register()],
            "ElseSteps": [_refused()],
        },
    }


def _register() -> Json:
    said = {
        "bucket": parameter("Bucket"),
        "group": parameter("ModelPackageGroup"),
        "run": _RUN_ID,
        "image": parameter("Image"),
        "weights": model_of("Train"),
        "training-job": {"Get": "Steps.Train.TrainingJobName"},
    }
    inputs = {
        places.PACKAGE: output_of("Optimize", places.PACKAGE, ""),  # with a slash: `packages` begins as `package` does
        places.OPTIMIZATION: output_of("Optimize", places.OPTIMIZATION),
        places.EVALUATION: _evaluation(),
        places.GATE: output_of("Gate", places.GATE),
        places.CHAMPION: output_of("Prepare", places.CHAMPION, places.CHAMPION_FILE),
        places.PACKAGES: _packages(),
    }
    return processing("Register", said=said, inputs=inputs, outputs=(places.REGISTERED,))


def _refused() -> Json:
    report = output_of("Gate", places.GATE, "gate.html")
    message = joined("The gate refused the model; the reasons are in ", report, by="")
    return {"Name": REFUSED, "Type": "Fail", "Arguments": {"ErrorMessage": message}}


def _data() -> Json:
    return output_of("Prepare", places.DATA)


def _champion() -> Json:
    return output_of("Prepare", places.CHAMPION)


def _packages() -> Json:
    return output_of("Export", places.PACKAGES)


def _evaluation() -> Json:
    return output_of("Evaluate", places.EVALUATION)
