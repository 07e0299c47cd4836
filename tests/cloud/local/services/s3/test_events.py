import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud.local.services.s3.buckets import BUCKET, REGION_SAID, Cloud

PART = b"p" * (5 << 20)


def test_a_bucket_that_tells_tells_what_aws_would(cloud: Cloud) -> None:
    cloud.tell()
    etag = cloud.put("a b/ä.jpg", b"12345")["ETag"]
    (event,) = cloud.events()
    detail = event.pop("detail")
    assert (event["source"], event["detail-type"]) == ("aws.s3", "Object Created")
    assert event["resources"] == [f"arn:aws:s3:::{BUCKET}"]
    sequencer, request = detail["object"].pop("sequencer"), detail.pop("request-id")
    assert len(sequencer) == 18
    assert int(sequencer, 16) > 0
    assert len(request) == 16
    assert detail == {
        "version": "0",
        "bucket": {"name": BUCKET},
        "object": {"key": "a b/ä.jpg", "size": 5, "etag": etag.strip('"')},
        "requester": event["account"],
        "source-ip-address": "127.0.0.1",
        "reason": "PutObject",
    }
    cloud.delete("a b/ä.jpg")
    deleted = cloud.events()[1]
    assert deleted["detail-type"] == "Object Deleted"
    assert deleted["detail"]["object"].pop("sequencer") > sequencer
    assert deleted["detail"]["object"] == {"key": "a b/ä.jpg"}
    assert deleted["detail"]["reason"] == "DeleteObject"
    assert deleted["detail"]["deletion-type"] == "Permanently Deleted"


def test_each_way_to_an_object_is_told_with_its_reason(cloud: Cloud) -> None:
    cloud.tell()
    cloud.put("put")
    cloud.s3.copy_object(Bucket=BUCKET, Key="copied", CopySource={"Bucket": BUCKET, "Key": "put"})
    upload = cloud.s3.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
    part = cloud.s3.upload_part(Bucket=BUCKET, Key="parts", UploadId=upload, PartNumber=1, Body=b"12")
    cloud.s3.complete_multipart_upload(
        Bucket=BUCKET,
        Key="parts",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    cloud.s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "put"}, {"Key": "never was"}]})
    told = [(event["detail"]["reason"], event["detail"]["object"]["key"]) for event in cloud.events()]
    assert told == [
        ("PutObject", "put"),
        ("CopyObject", "copied"),
        ("CompleteMultipartUpload", "parts"),
        ("DeleteObject", "put"),
    ]
    completed = cloud.events()[2]["detail"]["object"]
    assert (completed["size"], completed["etag"]) == (2, cloud.head("parts")["ETag"].strip('"'))


def test_what_was_refused_is_not_told(cloud: Cloud) -> None:
    cloud.put("a")
    cloud.tell()
    for more in ({"IfNoneMatch": "*"}, {"IfMatch": "other"}, {"ContentMD5": "AAAAAAAAAAAAAAAAAAAAAA=="}):
        with pytest.raises(ClientError):
            cloud.put("a", **more)
    assert cloud.events() == []


def test_a_bucket_tells_only_while_it_is_told_to(cloud: Cloud) -> None:
    cloud.put("before")
    configured = cloud.s3.get_bucket_notification_configuration
    cloud.tell()
    assert configured(Bucket=BUCKET)["EventBridgeConfiguration"] == {}
    cloud.put("while")
    cloud.tell(on=False)
    assert "EventBridgeConfiguration" not in configured(Bucket=BUCKET)
    cloud.put("after")
    assert [key for _, key in cloud.told()] == ["while"]


def test_other_ways_to_tell_are_refused(cloud: Cloud) -> None:
    topic: Any = {"TopicArn": "arn:aws:sns:eu-central-1:000000000000:t", "Events": ["s3:ObjectCreated:*"]}
    with pytest.raises(ClientError, match="TopicConfigurations: the local engine has EventBridgeConfiguration only"):
        cloud.s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"TopicConfigurations": [topic]}
        )


def test_the_event_is_there_exactly_if_the_object_is(cloud: Cloud) -> None:
    cloud.tell()
    cloud.database.connection().execute(
        "CREATE TRIGGER IF NOT EXISTS no_events BEFORE INSERT ON emitted BEGIN SELECT raise(ABORT, 'no events'); END"
    )
    try:
        with pytest.raises(Exception, match="no events"):
            cloud.put("a")
    finally:
        cloud.database.connection().execute("DROP TRIGGER no_events")
    assert (cloud.keys(), cloud.leftovers(), cloud.events()) == ([], [], [])
    with pytest.raises(cloud.s3.exceptions.NoSuchKey):
        cloud.get("a")


def test_events_are_json_and_keys_of_other_buckets_are_theirs(cloud: Cloud) -> None:
    cloud.s3.create_bucket(Bucket="silent", CreateBucketConfiguration=REGION_SAID)
    cloud.tell()
    cloud.s3.put_object(Bucket="silent", Key="a", Body=b"")
    cloud.s3.copy_object(Bucket=BUCKET, Key="from silent", CopySource="silent/a")
    assert [key for _, key in cloud.told()] == ["from silent"]
    assert json.dumps(cloud.events())
