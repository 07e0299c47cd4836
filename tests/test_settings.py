import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_inspector.errors import ConfigError
from edge_inspector.settings import RESERVED_CAMERA_NAMES, DirectorySource, Settings, SimulatedSource, parse

SHA256 = "0" * 64
SECTIONS = sorted(Settings.model_fields)
KEYS = sorted({key for field in (Settings(), Settings().station, Settings().flow) for key in type(field).model_fields})

_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_keys = st.sampled_from([*SECTIONS, *KEYS, "type", "path", "port", "password", "tls", "override", "classes"]) | st.text(
    max_size=8
)
_json = st.recursive(
    _scalars | st.sampled_from(["simulated", "directory", "part", "5", "1e400", "nan", "\ud800"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=4),
    max_leaves=20,
)
_configurations = st.dictionaries(_keys, _json, max_size=6)


def problems(configuration: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as error:
        parse(configuration, name="station.toml")
    return str(error.value).splitlines()


@given(_configurations)
@example({"flow": {"queue_size": 10**400}})
@example({"flow": {"deadline_ms": 10**400}})
@example({"policy": {"roi": [[[0, 0], [1, 1], [0, float("inf")]]]}})
@example({"\ud800": {"\ud800": "\ud800"}})
@example({"station": {"lot": "\ud800", "product": "\x00", "site": "\ud800"}})
@example({"source": {"type": None}})
def test_any_json_gives_settings_or_one_clear_error(configuration: dict[str, Any]) -> None:
    try:
        settings = parse(configuration)
    except ConfigError as error:
        lines = str(error).splitlines()
        assert lines
        assert all(line.startswith("configuration: ") for line in lines)
    else:
        assert isinstance(settings, Settings)


@given(_configurations)
def test_what_was_accepted_once_is_accepted_again_and_means_the_same(configuration: dict[str, Any]) -> None:
    try:
        settings = parse(configuration)
    except ConfigError:
        return
    assert parse(json.loads(settings.model_dump_json())) == settings


def test_an_empty_configuration_is_the_demo() -> None:
    settings = parse({})
    assert settings == Settings()
    assert settings.source == SimulatedSource()
    assert settings.mqtt is None
    assert settings.model.path is None


def test_every_problem_is_reported_together_each_with_its_path() -> None:
    found = problems(
        {
            "station": {"site": "a#b", "camera": "status"},
            "source": {"type": "simulated", "rate_hz": 0, "image_wh": [10, 300]},
            "flow": {"queue_size": "many", "dead_line_ms": 5},
            "policy": {"override": {"classes": {"dent": {"review_at": 0.9, "reject_at": 0.1}}}},
            "mqtt": {"port": 0},
            "sink": {},
        }
    )
    expected = {
        "station.site: 'a#b' cannot be a topic level",
        "station.camera: 'status' is reserved",
        "source.rate_hz: Input should be greater than 0; found 0",
        "source.image_wh: expected sides of 64 to 8192 pixels, found [10, 300]",
        "flow.queue_size: Input should be a valid integer",
        "flow.dead_line_ms: unknown key",
        "policy.override.model_sha256: missing",
        "policy.override.classes.dent: review_at 0.9 is above reject_at 0.1",
        "mqtt.port: Input should be greater than or equal to 1; found 0",
        "sink: unknown key",
    }
    assert len(found) == len(expected)
    for start in expected:
        assert any(line.startswith(f"station.toml: {start}") for line in found), (start, found)


@pytest.mark.parametrize(
    ("source", "found"), [({}, "nothing"), ({"rate_hz": 1}, "nothing"), ({"type": "camera"}, "'camera'")]
)
def test_a_source_of_no_known_type_is_told_with_the_known_ones(source: dict[str, Any], found: str) -> None:
    known = "'simulated', 'simulated_web', 'directory', 'video', 'usb', 'network', 'picamera', 'genicam' or 'pylon'"
    assert problems({"source": source}) == [f"station.toml: source.type: expected {known}, found {found}"]


def test_numbers_and_switches_may_be_written_as_text() -> None:
    settings = parse(
        {
            "source": {"type": "directory", "path": "/parts", "loop": "true", "rate_hz": "2.5"},
            "flow": {"queue_size": "7", "deadline_ms": "150"},
            "policy": {"min_area_px": {"dent": "12"}},
            "mqtt": {"port": "8883"},
        }
    )
    assert settings.source == DirectorySource(type="directory", path=Path("/parts"), loop=True, rate_hz=2.5)
    assert (settings.flow.queue_size, settings.flow.deadline_ms) == (7, 150.0)
    assert settings.policy.min_area_px == {"dent": 12.0}
    assert settings.mqtt is not None
    assert settings.mqtt.port == 8883


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), "nan", "inf", "Infinity", "1e999"])
@pytest.mark.parametrize(
    "path",
    [
        "flow.deadline_ms",
        "flow.staleness_ms",
        "flow.max_results_hz",
        "flow.stats_interval_s",
        "mqtt.reconnect_max_s",
        "policy.min_area_px.dent",
        "source.rate_hz",
        "source.defect_rate",
    ],
)
def test_what_is_no_finite_number_is_refused(path: str, number: object) -> None:
    configuration: dict[str, Any] = {"source": {"type": "simulated"}}
    *sections, key = path.split(".")
    section = configuration
    for name in sections:
        section = section.setdefault(name, {})
    section[key] = number
    (problem,) = problems(configuration)
    assert problem.startswith(f"station.toml: {path}: ")


@pytest.mark.parametrize("key", ["topic_prefix", "site", "line", "station", "camera"])
@pytest.mark.parametrize("level", ["#", "a/b", "a b", "", "+"])
def test_a_level_that_no_topic_can_have_is_refused(key: str, level: str) -> None:
    (problem,) = problems({"station": {key: level}})
    assert problem.startswith(f"station.toml: station.{key}: {level!r} cannot be a topic level")


@pytest.mark.parametrize("camera", sorted(RESERVED_CAMERA_NAMES))
def test_a_camera_cannot_be_called_like_a_topic_of_the_station(camera: str) -> None:
    assert problems({"station": {"camera": camera}}) == [
        f"station.toml: station.camera: {camera!r} is reserved; choose another name"
    ]


def test_topics_that_are_too_long_together_are_refused_with_their_length() -> None:
    levels = dict.fromkeys(["topic_prefix", "site", "line", "station", "camera"], "x" * 48)
    assert problems({"station": levels}) == [
        "station.toml: station: its topics would take 308 bytes; expected at most 256"
    ]


@pytest.mark.parametrize("key", ["lot", "product"])
@pytest.mark.parametrize("text", ["x" * 65, "部" * 22, "two\nlines", "\x00", "\ud800"])
def test_names_that_would_not_fit_into_every_event_are_refused(key: str, text: str) -> None:
    (problem,) = problems({"station": {key: text}})
    assert problem.startswith(f"station.toml: station.{key}: expected at most 64 bytes of printable text, found ")


@pytest.mark.parametrize("password", [123456, ["hunter2"], {"a": "hunter2"}, True])
def test_a_wrong_password_is_refused_and_not_shown(password: object) -> None:
    (problem,) = problems({"mqtt": {"password": password}})
    assert problem == "station.toml: mqtt.password: Input should be a valid string"


def test_a_password_is_not_in_what_is_printed_of_the_settings() -> None:
    assert "hunter2" not in repr(parse({"mqtt": {"password": "hunter2"}}))


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        (
            {"password": "a", "password_file": "b"},
            "mqtt: password, password_file and password_secret: give one of them",
        ),
        ({"tls": {"key": "a"}}, "mqtt.tls: certificate and key belong together: give both or neither"),
        ({"reconnect_min_s": 9, "reconnect_max_s": 1}, "mqtt: reconnect_min_s 9.0 is above reconnect_max_s 1.0"),
        ({"protocol": "4"}, "mqtt.protocol: Input should be '5' or '3.1.1'; found '4'"),
    ],
)
def test_what_contradicts_itself_is_refused(section: dict[str, Any], problem: str) -> None:
    assert problems({"mqtt": section}) == [f"station.toml: {problem}"]


@pytest.mark.parametrize("key", ["roi", "ignore"])
def test_a_region_is_a_polygon_in_fractions_of_the_frame(key: str) -> None:
    triangle = [[0, 0], [1, 0], [0, 1]]
    assert len(getattr(parse({"policy": {key: [triangle]}}).policy, key)) == 1
    assert problems({"policy": {key: [triangle[:2]]}}) == [
        f"station.toml: policy.{key}: expected at least 3 points [x, y] in fractions of the frame, found 2"
    ]
    (problem,) = problems({"policy": {key: [[[0, 0], [640, 0], [0, 1]]]}})
    assert problem.startswith(f"station.toml: policy.{key}.0.1.0: Input should be less than or equal to 1")


@pytest.mark.parametrize("sha256", ["", "x", SHA256.replace("0", "A"), SHA256[1:], SHA256 + "0", SHA256 + "\n"])
def test_an_override_names_the_model_that_it_was_made_for(sha256: str) -> None:
    (problem,) = problems({"policy": {"override": {"model_sha256": sha256, "classes": {}}}})
    assert "policy.override.model_sha256: expected 64 lower-case hexadecimal digits" in problem


def test_a_very_long_wrong_value_is_not_repeated_in_full() -> None:
    (problem,) = problems({"flow": {"queue_size": "x" * 100_000}})
    assert len(problem) < 300


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        parse({}).flow.queue_size = 5  # type: ignore[misc]


def test_limits_of_brightness_that_leave_nothing_between_them_are_refused() -> None:
    assert parse({"health": {"image": {"dark_mean": 0, "bright_mean": 255}}}).health.image.bright_mean == 255
    assert problems({"health": {"image": {"dark_mean": 100, "bright_mean": 100}}}) == [
        "station.toml: health: image: dark_mean 100 is not below bright_mean 100"
    ]


def test_a_station_can_say_that_nobody_keeps_its_clock() -> None:
    assert parse({}).health.clock_synchronized
    assert not parse({"health": {"clock_synchronized": "false"}}).health.clock_synchronized
