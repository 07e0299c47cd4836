"""Handlers of the functions that are killed over and over: what they do is counted."""

from typing import Any

from cloud_side.session import session


def record(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Do something that counts."""
    put_record(session().client("sagemaker-featurestore-runtime"), event["id"])
    return {"recorded": event["id"]}


def ask(event: dict[str, Any], _: object) -> None:
    """Leave a token where somebody finds it."""
    session().client("s3").put_object(Bucket="bucket", Key=f"tokens/{event['id']}", Body=event["token"].encode())


def put_record(client: Any, identity: str) -> None:
    """Write one row; each time that it is written it is one more."""
    values = {"id": identity, "at": "2026-03-01T00:00:00Z"}
    record_ = [{"FeatureName": name, "ValueAsString": value} for name, value in values.items()]
    client.put_record(FeatureGroupName="effects", Record=record_)
