import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.alarms import OVERRIDE_LAPSED
from edge_inspector.app import topic_tree
from edge_inspector.commands import LONGEST_COMMAND_NAME
from edge_inspector.decision import NoVerdictCause
from edge_inspector.errors import ConfigError
from edge_inspector.settings import Settings, parse
from edge_inspector.topics import CATALOGUE, LONGEST_LEVEL, Channel, Priority, TopicTree, catalogue_table, level_problem

TREE = TopicTree("edge-inspector", "berlin", "line-1", "press-3", "top")
LEVELS = ("topic_prefix", "site", "line", "station", "camera")
# AWS IoT Core: https://docs.aws.amazon.com/general/latest/gr/iot-core.html#limits_iot
MOST_SLASHES, MOST_BYTES = 7, 256
ALARM_NAMES = [OVERRIDE_LAPSED, *(f"no-verdict-{cause.replace('_', '-')}" for cause in NoVerdictCause)]

_level = st.text(st.sampled_from('aZ7-_."\\ß部😀'), min_size=1, max_size=LONGEST_LEVEL)


def topics_of(tree: TopicTree) -> list[str]:
    return [tree.topic(channel, name=name) for channel in Channel for name in ALARM_NAMES]


@pytest.mark.parametrize(
    ("channel", "topic"),
    [
        (Channel.STATUS, "edge-inspector/berlin/line-1/press-3/status"),
        (Channel.STATE, "edge-inspector/berlin/line-1/press-3/state"),
        (Channel.STATS, "edge-inspector/berlin/line-1/press-3/stats"),
        (Channel.MODEL, "edge-inspector/berlin/line-1/press-3/model"),
        (Channel.DISPOSITION, "edge-inspector/berlin/line-1/press-3/disposition"),
        (Channel.CAMERA_STATUS, "edge-inspector/berlin/line-1/press-3/top/status"),
        (Channel.RESULT, "edge-inspector/berlin/line-1/press-3/top/result"),
        (Channel.DEFECT, "edge-inspector/berlin/line-1/press-3/top/defect"),
        (Channel.SAMPLES, "edge-inspector/berlin/line-1/press-3/top/samples"),
    ],
)
def test_topics_of_a_station(channel: Channel, topic: str) -> None:
    assert TREE.topic(channel) == topic


def test_an_alarm_has_a_topic_of_its_own() -> None:
    assert TREE.topic(Channel.ALARM, name="disk-full") == "edge-inspector/berlin/line-1/press-3/alarm/disk-full"


def test_a_command_comes_on_a_topic_of_its_name_and_is_answered_below_it() -> None:
    assert TREE.commands == "edge-inspector/berlin/line-1/press-3/cmd/+"
    assert TREE.command("reload") == "edge-inspector/berlin/line-1/press-3/cmd/reload"
    assert TREE.topic(Channel.REPLY, name="reload") == "edge-inspector/berlin/line-1/press-3/cmd/reload/reply"


@pytest.mark.parametrize(
    "level", ["", "a b", "a+", "#", "a/b", "$aws", "tab\t", "line\n", "\x00", "\x7f", "nb\u00a0sp", "\ud800"]
)
def test_what_cannot_be_a_level_is_told_with_the_reason(level: str) -> None:
    problem = level_problem(level)
    assert problem is not None
    assert repr(level) in problem
    assert "expected" in problem


@pytest.mark.parametrize("level", ["a", "press-3", "Prüfstand_7", "部品", "a:b.c", "x" * LONGEST_LEVEL])
def test_what_can_be_a_level(level: str) -> None:
    assert level_problem(level) is None


@pytest.mark.parametrize("level", ["x" * (LONGEST_LEVEL + 1), "部" * (LONGEST_LEVEL // 3 + 1)])
def test_a_level_is_measured_in_bytes(level: str) -> None:
    assert f"at most {LONGEST_LEVEL} bytes" in (level_problem(level) or "")


@given(st.tuples(*[_level] * len(LEVELS)))
def test_no_topic_of_any_settings_goes_beyond_the_limits_of_iot_core(levels: tuple[str, ...]) -> None:
    try:
        settings = parse({"station": dict(zip(LEVELS, levels, strict=True))})
    except ConfigError:
        return
    for topic in topics_of(topic_tree(settings)):
        assert topic.count("/") <= MOST_SLASHES
        assert len(topic.encode()) <= MOST_BYTES


def test_the_longest_settings_that_are_accepted_stay_within_the_limits_of_iot_core() -> None:
    accepted: Settings | None = None
    for length in range(1, 4 * LONGEST_LEVEL):
        levels = ["x" * min(LONGEST_LEVEL, max(1, length - LONGEST_LEVEL * number)) for number in range(len(LEVELS))]
        try:
            accepted = parse({"station": dict(zip(LEVELS, levels, strict=True))})
        except ConfigError as error:
            assert f"expected at most {MOST_BYTES}" in str(error)  # noqa: PT017 - where it begins is not the point
            break
    else:
        pytest.fail("no length was refused")
    assert accepted is not None
    longest = max(len(topic.encode()) for topic in topics_of(topic_tree(accepted)))
    command = topic_tree(accepted).topic(Channel.REPLY, name="n" * LONGEST_COMMAND_NAME)
    assert longest <= MOST_BYTES
    assert len(command.encode()) <= MOST_BYTES
    assert command.count("/") <= MOST_SLASHES


def test_topics_of_different_cameras_and_channels_never_meet() -> None:
    topics = [TREE.topic(channel, name="x") for channel in Channel]
    assert len(set(topics)) == len(topics)


def test_every_channel_is_in_the_catalogue() -> None:
    assert set(CATALOGUE) == set(Channel)


def test_alerts_are_never_given_up_before_results_and_stats() -> None:
    given_up_first = {channel for channel, delivery in CATALOGUE.items() if delivery.priority is not Priority.ALERT}
    assert given_up_first == {Channel.RESULT, Channel.STATS}


def test_what_carries_the_present_is_retained_and_what_happened_is_not() -> None:
    retained = {channel for channel, delivery in CATALOGUE.items() if delivery.retain}
    assert retained == {Channel.STATUS, Channel.STATE, Channel.STATS, Channel.ALARM, Channel.CAMERA_STATUS}


def test_the_catalogue_as_a_table_for_people() -> None:
    lines = catalogue_table(TREE).splitlines()
    assert lines[0].split() == ["TOPIC", "RETAIN", "QOS", "CONTENT"]
    assert len(lines) == 1 + len(Channel)
    assert lines[7].split()[:3] == ["edge-inspector/berlin/line-1/press-3/alarm/{name}", "yes", "1"]
    columns = [
        line.index(content) for line, content in zip(lines[1:], (d.content for d in CATALOGUE.values()), strict=True)
    ]
    assert set(columns) == {lines[0].index("CONTENT")}
