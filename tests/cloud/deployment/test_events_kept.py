"""Stations' events as they are kept in the bucket: read by their own times, whatever else lies there."""

from datetime import timedelta

from cloud_side.deployment.evidence import cameras_of, read_events
from tests.cloud.deployment.site import Site


def test_only_what_a_station_said_since_counts_each_thing_once_and_in_its_order(site: Site) -> None:
    since = site.clock()
    site.say("press-1", "model.rejected", at=since - timedelta(seconds=1), reason="before")
    site.say("press-1", "alarm.raised", at=since + timedelta(seconds=2), name="later")
    site.say("press-1", "model.proved", at=since)
    site.say("press-10", "model.rejected", at=since, reason="of another station")
    (first, *_) = [each.key for each in site.bucket.listed("events/model/press-1/")]
    for name, content in (("none", b"no JSON"), ("list", b"[]"), ("text", b'{"time": 1}'), ("empty", b"")):
        site.bucket.write(f"events/model/press-1/{name}.json", content)
    kept = site.bucket.read(first)
    assert kept is not None
    site.bucket.write("events/model/press-1/sent-twice.json", kept.content)
    for each in [each.key for each in site.bucket.listed("events/alarm/press-1/")]:
        again = site.bucket.read(each)
        assert again is not None
        site.bucket.write("events/alarm/press-1/sent-twice.json", again.content)
    found = read_events(site.bucket, "press-1", since)
    assert [each.type for each in found] == ["com.edgeinspector.model.proved.v1", "com.edgeinspector.alarm.raised.v1"]


def test_a_station_has_the_cameras_that_spoke_of_models_lately(site: Site) -> None:
    before = site.clock()
    for camera, days in (("top", 20), ("side", 1), ("top", 0)):
        site.say("press-1", "model.changed", camera, at=before - timedelta(days=days))
    site.say("press-10", "model.changed", "rear")
    site.bucket.write("events/model/press-1/none.json", b"no JSON")
    assert cameras_of(site.bucket, "press-1", before) == ("side", "top")
    assert cameras_of(site.bucket, "press-1", before + timedelta(days=31)) == ()
    assert cameras_of(site.bucket, "press-2", before) == ()
