"""Requests to SageMaker, as small as they may be."""

from typing import Any

ROLE = "arn:aws:iam::000000000000:role/edge-inspector-jobs"
IMAGE = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/edge-inspector:1"


def training(name: str = "train-1", *, command: list[str] | None = None, **more: Any) -> dict[str, Any]:
    algorithm = {"TrainingImage": IMAGE, "TrainingInputMode": "File", **more.pop("AlgorithmSpecification", {})}
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": algorithm | ({"ContainerEntrypoint": command} if command else {}),
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": "s3://bench/models/"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **more,
    }


def processing(name: str = "prepare-1", *, command: list[str] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "ProcessingJobName": name,
        "AppSpecification": {"ImageUri": IMAGE} | ({"ContainerEntrypoint": command} if command else {}),
        "RoleArn": ROLE,
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10}
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **more,
    }


def output(name: str = "out", *, mode: str = "EndOfJob") -> dict[str, Any]:
    place = {"S3Uri": f"s3://bench/made/{name}", "LocalPath": f"/opt/ml/processing/{name}", "S3UploadMode": mode}
    return {"OutputName": name, "S3Output": place}


def input_(name: str, uri: str, *, kind: str = "S3Prefix", **more: Any) -> dict[str, Any]:
    place = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/{name}", "S3DataType": kind, "S3InputMode": "File"}
    return {"InputName": name, "S3Input": place | more}


def channel(name: str, uri: str, *, kind: str = "S3Prefix", **more: Any) -> dict[str, Any]:
    return {"ChannelName": name, "DataSource": {"S3DataSource": {"S3DataType": kind, "S3Uri": uri, **more}}}


def package(group: str = "scratches", **more: Any) -> dict[str, Any]:
    container = {"Image": IMAGE, "ModelDataUrl": "s3://bench/models/train-1/output/model.tar.gz"}
    return {
        "ModelPackageGroupName": group,
        "InferenceSpecification": {
            "Containers": [container],
            "SupportedContentTypes": ["image/png"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        **more,
    }


def feature_group(name: str = "labels", **more: Any) -> dict[str, Any]:
    types = {"image": "String", "verified_at": "String", "boxes": "String", "width": "Integral", "score": "Fractional"}
    return {
        "FeatureGroupName": name,
        "RecordIdentifierFeatureName": "image",
        "EventTimeFeatureName": "verified_at",
        "FeatureDefinitions": [{"FeatureName": each, "FeatureType": kind} for each, kind in types.items()],
        "OnlineStoreConfig": {"EnableOnlineStore": True},
        "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": "s3://bench/features"}},
        "RoleArn": ROLE,
        **more,
    }


def labeling(name: str = "label-1", *, lifetime_s: int = 86_400, **more: Any) -> dict[str, Any]:
    return {
        "LabelingJobName": name,
        "LabelAttributeName": "defects",
        "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": "s3://bench/lists/input.manifest"}}},
        "OutputConfig": {"S3OutputPath": "s3://bench/labels"},
        "RoleArn": ROLE,
        "HumanTaskConfig": {
            "WorkteamArn": "arn:aws:sagemaker:eu-central-1:000000000000:workteam/private-crowd/inspectors",
            "UiConfig": {"UiTemplateS3Uri": "s3://bench/lists/template.liquid.html"},
            "TaskTitle": "Boxes",
            "TaskDescription": "Draw a box around each scratch",
            "NumberOfHumanWorkersPerDataObject": 1,
            "TaskTimeLimitInSeconds": 600,
            "TaskAvailabilityLifetimeInSeconds": lifetime_s,
        },
        **more,
    }
