import json
from pathlib import Path

import pytest

from edge_inspector.component import ConfigurationFile
from edge_inspector.configuration.reading import read_settings
from edge_inspector.errors import ConfigError, StuckError
from edge_inspector.greengrass import following
from tests.greengrass.line import nucleus_at, on_both
from tests.mosquitto import eventually
from tests.nucleus.fake import FakeNucleus

THING = "station-2"


@pytest.fixture
def file(tmp_path: Path) -> ConfigurationFile:
    return ConfigurationFile(tmp_path / "component.json", thing_name=THING, models=None)


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        following.Follower.__init__, "__kwdefaults__", {"quiet_s": 0.05, "longest_s": 0.5, "period_s": 60.0}
    )


def written(file: ConfigurationFile) -> dict[str, object]:
    document: dict[str, object] = json.loads(file.path.read_text())
    return document


def flow_of(file: ConfigurationFile) -> object:
    return written(file).get("flow")


@on_both
def test_the_configuration_of_the_nucleus_lands_in_a_file_for_its_owner_alone(
    fake: FakeNucleus, file: ConfigurationFile
) -> None:
    fake.configure({"flow": {"queue_size": 5}})
    with nucleus_at(fake) as nucleus:
        file.begin(nucleus)
    assert written(file) == {"flow": {"queue_size": 5}, "station": {"station": THING, "thing_name": THING}}
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_what_a_yaml_recipe_makes_of_values_is_usable(tmp_path: Path, file: ConfigurationFile) -> None:
    configuration = {"flow": {"queue_size": 5, "staleness_ms": 0.5}, "health": {"image": {"enabled": False}}}
    with (
        FakeNucleus(tmp_path, flavor="lite", recipe="yaml", configuration=configuration) as fake,
        nucleus_at(fake) as nucleus,
    ):
        file.begin(nucleus)
        assert flow_of(file) == {"queue_size": "5", "staleness_ms": "0.5"}
        assert file.problem_in(nucleus.configuration()) is None
    assert read_settings(file.path).flow.queue_size == 5


def test_half_a_character_reaches_the_parser_which_refuses_it(file: ConfigurationFile) -> None:
    file.take({"station": {"product": "\ud800"}})
    with pytest.raises(ConfigError, match=r"station\.product"):
        read_settings(file.path)


@pytest.mark.usefixtures("_impatient")
def test_a_storm_of_changes_is_few_questions_and_the_last_state_is_written(
    fake: FakeNucleus, file: ConfigurationFile
) -> None:
    with nucleus_at(fake) as nucleus:
        file.begin(nucleus)
        with nucleus.following_configuration(file.follow):
            fake.wait_until(lambda: fake.requests["SubscribeToConfigurationUpdate"] == 1)
            for number in range(1, 41):
                fake.configure({"policy": {f"class-{leaf}": number for leaf in range(25)}})
            last = {f"class-{leaf}": 40 for leaf in range(25)}
            eventually(lambda: written(file).get("policy") == last, what="the last state is written")
    assert fake.requests["GetConfiguration"] <= 5


@pytest.mark.usefixtures("_impatient")
def test_a_file_that_says_it_already_is_not_touched(fake: FakeNucleus, file: ConfigurationFile) -> None:
    with nucleus_at(fake) as nucleus:
        file.begin(nucleus)
        before = file.path.stat().st_ino
        with nucleus.following_configuration(file.follow):
            fake.wait_until(lambda: fake.requests["GetConfiguration"] == 2)
        file.begin(nucleus)
    assert file.path.stat().st_ino == before


@pytest.mark.usefixtures("_impatient")
def test_what_changed_while_the_nucleus_was_away_is_found_with_the_next_connection(
    fake: FakeNucleus, file: ConfigurationFile
) -> None:
    with nucleus_at(fake) as nucleus:
        file.begin(nucleus)
        with nucleus.following_configuration(file.follow):
            fake.stop()
            fake.configure({"flow": {"queue_size": 7}})
            fake.start()
            eventually(lambda: flow_of(file) == {"queue_size": 7}, what="the change is found")


def test_a_dead_subscription_is_made_up_for_by_asking_now_and_then(
    fake: FakeNucleus, file: ConfigurationFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    often = {"quiet_s": 0.01, "longest_s": 0.1, "period_s": 0.05}
    monkeypatch.setattr(following.Follower.__init__, "__kwdefaults__", often)
    fake.silence("SubscribeToConfigurationUpdate")
    with nucleus_at(fake, timeout_s=0.2) as nucleus:
        file.begin(nucleus)
        with nucleus.following_configuration(file.follow):
            fake.configure({"flow": {"queue_size": 7}})
            eventually(lambda: flow_of(file) == {"queue_size": 7}, what="the change is found")


def test_a_start_without_a_nucleus_goes_on_with_the_file_of_the_last_time(
    fake: FakeNucleus, file: ConfigurationFile, caplog: pytest.LogCaptureFixture
) -> None:
    with nucleus_at(fake) as nucleus:
        fake.fail("GetConfiguration", "ServiceError")
        with pytest.raises(StuckError, match="no configuration: get the configuration, "):
            file.begin(nucleus)
        file.begin(nucleus)
    before = file.path.read_bytes()
    fake.stop()
    with nucleus_at(fake, connected=False) as nucleus:
        file.begin(nucleus, timeout_s=0.05)
    assert file.path.read_bytes() == before
    assert sum("the configuration of the last time" in each for each in caplog.messages) == 1
