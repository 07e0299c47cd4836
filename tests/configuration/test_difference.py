import json
from collections.abc import Iterable
from typing import Any

from hypothesis import given

from edge_inspector.configuration.difference import ABSENT, Change, difference
from edge_inspector.configuration.effects import Effect
from edge_inspector.configuration.plain import plain
from edge_inspector.settings import Settings, parse
from tests.configuration.kinds import KEYS, settings


def applied(document: Any, changes: Iterable[Change]) -> Any:
    """Return a document with the changes made, in plain sight of what a change says."""
    for change in changes:
        *above, name = change.key.split(".")
        section = document
        for level in above:
            section = section[level]
        assert section.get(name, ABSENT) == change.old
        if change.new is ABSENT:
            del section[name]
        else:
            section[name] = change.new
    return document


def is_value(key: str) -> bool:
    """Return whether a key is a value, or a section with a name of its own, as of a class."""
    return KEYS[key if key in KEYS else key.rpartition(".")[0]]


@given(settings, settings)
def test_a_configuration_with_its_difference_to_another_applied_is_the_other(old: Settings, new: Settings) -> None:
    changes = difference(old, new)
    assert parse(applied(plain(old), changes)) == new
    assert bool(changes) == (old != new)
    assert len({change.key for change in changes}) == len(changes)
    assert all(is_value(change.key) for change in changes)


@given(settings)
def test_a_configuration_made_plain_is_read_again_as_it_was(some: Settings) -> None:
    assert parse(json.loads(json.dumps(plain(some)))) == some


@given(settings, settings)
def test_no_secret_is_in_any_text_of_a_difference(old: Settings, new: Settings) -> None:
    text = "\n".join(f"{change} {change!r}" for change in difference(old, new))
    assert "hunter2" not in text
    assert "s3cret" not in text


def lines(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [str(change) for change in difference(parse(old), parse(new))]


def test_each_line_has_the_key_both_values_and_the_effect() -> None:
    old = {"policy": {"fail_safe": "reject"}, "flow": {"queue_size": 8}, "source": {"type": "usb"}}
    new = {
        "policy": {"fail_safe": "review", "min_area_px": {"scratch": 40}},
        "flow": {"queue_size": 16},
        "source": {"type": "usb", "device": "/dev/video1"},
    }
    assert lines(old, new) == [
        "source.device: '/dev/video0' -> '/dev/video1' (source)",
        "policy.min_area_px: {} -> {'scratch': 40.0} (live)",
        "policy.fail_safe: 'reject' -> 'review' (live)",
        "flow.queue_size: 8 -> 16 (restart)",
    ]
    assert lines(old, old) == []


def test_another_kind_of_source_says_which_keys_come_and_go() -> None:
    found = lines({"source": {"type": "simulated"}}, {"source": {"type": "directory", "path": "/images"}})
    assert "source.type: 'simulated' -> 'directory' (restart)" in found
    assert "source.seed: 0 -> absent (source)" in found
    assert "source.path: absent -> '/images' (source)" in found


def test_a_section_that_was_absent_is_one_change_without_its_secrets() -> None:
    (line,) = lines({}, {"mqtt": {"host": "broker", "username": "u", "password": "hunter2"}})
    assert line.startswith("mqtt: None -> {'host': 'broker', ")
    assert "'password': '[redacted]'" in line
    assert line.endswith("(restart)")


def test_a_secret_that_changed_is_told_as_such() -> None:
    old, new = ({"mqtt": {"password": word}} for word in ("hunter2", "s3cret"))
    assert lines(old, new) == ["mqtt.password: [redacted] -> [redacted] (restart)"]
    assert lines({"mqtt": {}}, new) == ["mqtt.password: None -> [redacted] (restart)"]


def test_where_a_secret_is_kept_is_none() -> None:
    old, new = ({"mqtt": {"username": "u", "password_file": path}} for path in ("/etc/a", "/etc/b"))
    assert lines(old, new) == ["mqtt.password_file: '/etc/a' -> '/etc/b' (restart)"]


def test_a_change_of_one_key_asks_for_no_more_than_it_needs() -> None:
    (change,) = difference(parse({}), parse({"log": {"level": "debug"}}))
    assert (change.key, change.old, change.new, change.effect) == ("log.level", "info", "debug", Effect.LIVE)


def test_of_products_each_key_that_differs_is_one_change() -> None:
    source, station = {"type": "simulated"}, {"product": "a"}
    kept = {"a": {}, "b.1": {"policy": {"fail_safe": "reject"}}}
    old = parse({"source": source, "station": station, "products": kept})
    changed = {"a": {}, "b.1": {"policy": {"fail_safe": "review"}}, "c": {}}
    new = parse({"source": source, "station": station, "products": changed})
    told = [str(change) for change in difference(old, new)]
    assert told[0] == "products.b.1.policy.fail_safe: 'reject' -> 'review' (restart)"
    assert [line.split(":")[0] for line in told[1:]] == ["products.c"]


def test_other_thresholds_take_no_restart_whether_they_come_go_or_change_and_whatever_the_product_is_called() -> None:
    def settings_with(reject_at: float | None) -> Settings:
        classes = {"dent": {"review_at": 0.1, "reject_at": reject_at}}
        override = None if reject_at is None else {"model_sha256": "0" * 64, "classes": classes}
        products = {code: {"policy": {"override": override}} for code in ("a", "b.policy.roi")}
        return parse({"station": {"product": "a"}, "policy": {"override": override}, "products": products})

    for old, new in ((None, 0.5), (0.5, 0.6), (0.6, None)):
        changes = difference(settings_with(old), settings_with(new))
        assert [change.effect for change in changes] == [Effect.LIVE] * 3
        assert {change.key.partition(".override")[0] for change in changes} == {
            "policy",
            "products.a.policy",
            "products.b.policy.roi.policy",
        }


def test_a_product_that_is_called_like_a_key_that_is_live_is_not() -> None:
    station = {"station": {"product": "a"}}
    old, new = (
        parse({**station, "products": {"a": {}}}),
        parse({**station, "products": {"a": {}, "x.policy.override": {}}}),
    )
    assert [change.effect for change in difference(old, new)] == [Effect.RESTART]
