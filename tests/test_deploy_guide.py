import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.alarms import ALARM_NAMES
from edge_inspector.commands import Command, CommandName, read_command
from edge_inspector.component import overlay
from edge_inspector.errors import ConfigError
from edge_inspector.events import EventKind
from edge_inspector.sample_keys import SampleKey, Suffix
from edge_inspector.settings import S3Target, Settings, parse
from edge_inspector.topics import CATALOGUE, Channel, TopicTree
from tests.nucleus.configuration import ConfigurationTree

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples" / "greengrass"
GUIDE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
INSPECTOR, MODEL = "com.edgeinspector.Inspector", "com.edgeinspector.Model"
THING, ACCOUNT, REGION = "station-3", "123456789012", "eu-central-1"
TOPICS = TopicTree("edge-inspector", "augsburg", "line-1", THING, "top")
OTHERS = TopicTree("edge-inspector", "augsburg", "line-1", "station-30", "top")

PLACEHOLDER = re.compile(r"\w+_(BUCKET|ENDPOINT|VERSION|NAME|SUFFIX)\b|\b(ACCOUNT|REGION|SITE|LINE)\b")

# What takes long, and has tests of its own in tests/component.
BUILDING = ("make component ", ".venv/bin/python -m component.model.build ", "(cd greengrass-build && sha256sum ")

# Which have no resource, says the Service Authorization Reference; the last four: AWS's own policy for core devices.
WITHOUT_A_RESOURCE = {
    *("greengrass:CreateDeployment", "greengrass:ListDeployments", "greengrass:ListCoreDevices"),
    *("greengrass:GetComponentVersionArtifact", "greengrass:ResolveComponentCandidates"),
    *("greengrass:GetDeploymentConfiguration", "greengrass:ListThingGroupsForCoreDevice"),
}

# CreateDeployment of greengrassv2, as far as we use it; texts and numbers as patterns.
SHAPE: dict[str, Any] = {
    "targetArn": rf"arn:aws:iot:{REGION}:{ACCOUNT}:thinggroup/edge-inspector-\w+",
    "deploymentName": r".{1,256}",
    "components": {".+": {"componentVersion": r"\d+\.\d+\.\d+", "configurationUpdate": {"merge": r"\{.*\}"}}},
    "deploymentPolicies": {
        "failureHandlingPolicy": "ROLLBACK",
        "componentUpdatePolicy": {"action": "NOTIFY_COMPONENTS", "timeoutInSeconds": r"\d+"},
        "configurationValidationPolicy": {"timeoutInSeconds": r"\d+"},
    },
    "iotJobConfiguration": {
        "jobExecutionsRolloutConfig": {"maximumPerMinute": r"\d{1,3}"},
        "abortConfig": {
            "criteriaList": [
                {
                    "failureType": "FAILED|REJECTED|TIMED_OUT|ALL",
                    "action": "CANCEL",
                    "thresholdPercentage": r"\d{1,2}",
                    "minNumberOfExecutedThings": r"[1-9]\d*",
                }
            ]
        },
        "timeoutConfig": {"inProgressTimeoutInMinutes": r"\d+"},
    },
}


def blocks() -> list[tuple[str, str]]:
    found = re.findall(r"^```sh\n# ([^\n]+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    assert len(found) == len(re.findall(r"^```sh", GUIDE, re.MULTILINE))
    return found


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the guide's own commands make, one after the other."""
    folder = tmp_path_factory.mktemp("guide")
    for name in ("component", "examples", "recipes"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    lines = [line for where, block in blocks() if where == "here" for line in block.splitlines()]
    quick = [line for line in lines if not line.startswith(BUILDING)]
    assert len(lines) - len(quick) == len(BUILDING)
    subprocess.run(["bash", "-eu", "-c", "\n".join(quick)], cwd=folder, check=True, capture_output=True, text=True)
    return folder / "my"


def read(path: Path) -> dict[str, Any]:
    document = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def statements(policy: dict[str, Any]) -> list[tuple[set[str], set[str]]]:
    return [(texts(statement["Action"]), texts(statement["Resource"])) for statement in policy["Statement"]]


def texts(one_or_several: str | list[str]) -> set[str]:
    return {one_or_several} if isinstance(one_or_several, str) else set(one_or_several)


def allows(policy: dict[str, Any], action: str, resource: str) -> bool:
    return any(
        action in actions and re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), resource)
        for actions, patterns in statements(policy)
        for pattern in patterns
    )


def problems(document: object, shape: object, path: str = "") -> Iterator[str]:
    """Yield what is in a request that its shape does not know, or knows otherwise."""
    match document, shape:
        case dict(), dict():
            for key, value in document.items():
                known = [each for pattern, each in shape.items() if re.fullmatch(pattern, key)]
                yield from problems(value, known[0] if known else None, f"{path}/{key}")
        case list(), list():
            for value in document:
                yield from problems(value, shape[0], f"{path}[]")
        case str() | int(), str() if re.fullmatch(shape, str(document)):
            pass
        case _:
            yield f"{path}: expected {shape!r}, found {document!r}"


def configuration(deployment: Path) -> dict[str, Any]:
    """What the nucleus has of a deployment: the recipe's defaults, and the merge."""
    recipe = read(ROOT / "recipes" / f"{INSPECTOR}.json")
    merge = read(deployment)["components"][INSPECTOR]["configurationUpdate"]["merge"]
    tree = ConfigurationTree(recipe["ComponentConfiguration"]["DefaultConfiguration"])
    tree.change(json.loads(merge), reset=(), to_default=True)
    return dict(tree.get())


def settings_of(deployment: Path) -> Settings:
    return parse(overlay(configuration(deployment), thing_name=THING, models=Path("models")))


def resources(deployment: Path, service: str) -> list[str]:
    (policy,) = configuration(deployment)["accessControl"][service].values()
    return [str(resource) for resource in policy["resources"]]


def test_the_guide_names_every_file_and_every_file_that_it_names_is_there() -> None:
    links = set(re.findall(r"\]\(((?!http|#)[^)#]+)", GUIDE))
    assert {link for link in links if not (ROOT / "docs" / link).exists()} == set()
    named = {Path(link).name for link in links if link.startswith("../examples/greengrass/")}
    assert named == {path.name for path in EXAMPLES.iterdir() if path.is_file()}


def test_every_block_says_where_it_runs() -> None:
    assert {where for where, _ in blocks()} == {"here", "in AWS", "on the device"}
    used = set(re.findall(r"file://my/([\w.-]+)", GUIDE))
    assert {name for name in used if not (EXAMPLES / name).exists()} == set()


def test_what_is_built_here_has_a_target() -> None:
    assert re.search(r"^component:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_no_placeholder_is_left_and_every_json_parses(mine: Path) -> None:
    for path in mine.iterdir():
        assert not PLACEHOLDER.search(path.read_text(encoding="utf-8")), path.name
        if path.suffix == ".json":
            read(path)
    assert "interpolateComponentConfiguration: true" in (mine / "nucleus-java.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [path.name for path in EXAMPLES.glob("*-*.json") if '"Resource"' in path.read_text()])
def test_a_policy_grants_nothing_on_all_resources_where_fewer_can_be_named(mine: Path, name: str) -> None:
    for actions, patterns in statements(read(mine / name)):
        assert not any("*" in action for action in actions)
        if "*" in patterns:
            assert actions <= WITHOUT_A_RESOURCE
        assert all(pattern == "*" or pattern.startswith("arn:aws:") for pattern in patterns)


def test_the_role_is_for_one_alias_of_one_account(mine: Path) -> None:
    (statement,) = read(mine / "token-exchange-trust.json")["Statement"]
    assert statement["Principal"] == {"Service": "credentials.iot.amazonaws.com"}
    alias = f"arn:aws:iot:{REGION}:{ACCOUNT}:rolealias/EdgeInspectorRoleAlias"
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": alias},
    }
    assert allows(read(mine / "iot-policy.json"), "iot:AssumeRoleWithCertificate", alias)


def test_a_device_may_do_what_the_catalogue_says_on_its_own_topics_alone(mine: Path) -> None:
    policy = read(mine / f"iot-policy-{THING}.json")  # as AWS IoT sees it, with the name in place of the variable
    arn = f"arn:aws:iot:{REGION}:{ACCOUNT}"
    for channel, delivery in CATALOGUE.items():
        for topics, is_its_own in ((TOPICS, True), (OTHERS, False)):
            topic = topics.topic(channel, name="self-test")
            assert allows(policy, "iot:Publish", f"{arn}:topic/{topic}") is is_its_own
            assert allows(policy, "iot:RetainPublish", f"{arn}:topic/{topic}") is is_its_own or not delivery.retain
    for topics, is_its_own in ((TOPICS, True), (OTHERS, False)):
        assert allows(policy, "iot:Subscribe", f"{arn}:topicfilter/{topics.commands}") is is_its_own
        assert allows(policy, "iot:Receive", f"{arn}:topic/{topics.commands[:-1]}self-test") is is_its_own
        assert not allows(policy, "iot:Receive", f"{arn}:topic/{topics.topic(Channel.RESULT)}")
        jobs = f"$aws/things/{topics.station}/jobs/notify-namespace-aws-gg-deployment"
        assert allows(policy, "iot:Subscribe", f"{arn}:topicfilter/{jobs}") is is_its_own
        health = f"$aws/things/{topics.station}/greengrassv2/health/json"
        assert allows(policy, "iot:Publish", f"{arn}:topic/{health}") is is_its_own
    for client, is_its_own in ((THING, True), (f"{THING}#2", True), (f"{THING}0", False)):
        assert allows(policy, "iot:Connect", f"{arn}:client/{client}") is is_its_own


def test_the_policy_fits_in_the_2048_characters_of_aws_iot() -> None:
    text = (EXAMPLES / "iot-policy.json").read_text(encoding="utf-8").replace("REGION", "ap-southeast-1")
    text = re.sub(r"\s", "", text.replace("ACCOUNT", ACCOUNT))
    longest_thing = text.replace("${iot:Connection.Thing.ThingName}", "x" * 48)
    assert max(len(text), len(longest_thing)) <= 2048


def test_a_device_may_write_samples_under_its_own_key_alone(mine: Path) -> None:
    text = (mine / "token-exchange-permissions.json").read_text(encoding="utf-8")
    policy = json.loads(text.replace("${credentials-iot:ThingName}", THING))
    target = settings_of(mine / "deployment-camera.json").samples.upload.target
    assert isinstance(target, S3Target)
    for station, is_its_own in ((THING, True), ("station-30", False)):
        key = SampleKey(
            "samples", "augsburg", "line-1", station, date(2026, 3, 1), "01KJMMA2G0HBA0CAVB2M3SWTSS", 0, Suffix.JPG
        )
        for each in (key, key.sidecar):
            resource = f"arn:aws:s3:::{target.bucket}/{each}"
            assert allows(policy, "s3:PutObject", resource) is is_its_own
            assert not allows(policy, "s3:GetObject", resource)


@pytest.mark.parametrize("component", [INSPECTOR, MODEL])
def test_what_the_publisher_uploads_a_device_may_download(mine: Path, component: str) -> None:
    bucket = f"edge-inspector-components-{REGION}-{ACCOUNT}"
    artifact = f"arn:aws:s3:::{bucket}/{component}/1.0.0/install.sh"
    assert allows(read(mine / "publisher-permissions.json"), "s3:PutObject", artifact)
    assert allows(read(mine / "token-exchange-permissions.json"), "s3:GetObject", artifact)
    assert not allows(read(mine / "token-exchange-permissions.json"), "s3:PutObject", artifact)


@pytest.mark.parametrize("name", ["", "-camera", "-prefix", "-java", "-secret", "-page"])
def test_every_deployment_is_a_request_that_aws_takes_and_configures_the_station(mine: Path, name: str) -> None:
    deployment = mine / f"deployment{name}.json"
    assert list(problems(read(deployment), SHAPE)) == []
    versions = {name: entry["componentVersion"] for name, entry in read(deployment)["components"].items()}
    assert versions[INSPECTOR] == read(ROOT / "gdk-config.json")["component"][INSPECTOR]["version"]
    assert versions[MODEL] == "1.0.0"  # what gdk makes of NEXT_PATCH the first time
    station = settings_of(deployment).station
    assert (station.site, station.line, station.station, station.camera) == ("augsburg", "line-1", THING, "top")


def test_the_merges_do_what_they_are_named_after(mine: Path) -> None:
    assert settings_of(mine / "deployment-camera.json").source.type == "usb"
    page = settings_of(mine / "deployment-page.json").page
    assert page is not None
    assert (page.host, page.users["otto"].role) == ("127.0.0.1", "operator")
    prefix = mine / "deployment-prefix.json"
    assert settings_of(prefix).station.topic_prefix == "plant"
    assert resources(prefix, "aws.greengrass.ipc.pubsub") == ["plant/*"]
    assert resources(prefix, "aws.greengrass.ipc.mqttproxy") == ["plant/+/+/{iot:thingName}/#"]
    assert "edge-inspector/" not in (mine / "iot-policy-prefix.json").read_text(encoding="utf-8")
    java = read(mine / "deployment-java.json")["components"]["aws.greengrass.Nucleus"]["configurationUpdate"]["merge"]
    assert json.loads(java) == {"interpolateComponentConfiguration": True}


def test_the_secret_is_the_same_for_the_role_the_secret_manager_and_the_station(mine: Path) -> None:
    deployment = mine / "deployment-secret.json"
    mqtt = settings_of(deployment).mqtt
    assert mqtt is not None
    assert mqtt.password_secret is not None
    assert resources(deployment, "aws.greengrass.SecretManager") == [mqtt.password_secret]
    fetched = read(deployment)["components"]["aws.greengrass.SecretManager"]["configurationUpdate"]["merge"]
    assert json.loads(fetched) == {"cloudSecrets": [{"arn": mqtt.password_secret}]}
    assert allows(read(mine / "broker-secret-permissions.json"), "secretsmanager:GetSecretValue", mqtt.password_secret)


def test_a_component_that_the_deployment_lacks_needs_a_version() -> None:
    arguments = [EXAMPLES / "deployment.json", "aws.greengrass.Cli", EXAMPLES / "merge-java-nucleus.json"]
    done = subprocess.run(
        [sys.executable, EXAMPLES / "configure.py", *arguments], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "aws.greengrass.Cli: not in the deployment; expected aws.greengrass.Cli=VERSION\n"


def test_the_alarms_and_keys_of_the_guide_exist() -> None:
    assert {name for name in re.findall(r"alarm `([a-z-]+)`", GUIDE) if name not in ALARM_NAMES} == set()
    names = re.findall(rf"`((?:{'|'.join(Settings.model_fields)})\.[\w.]+)`", GUIDE)
    keys = {name for name in names if not name.endswith((".toml", ".log"))} - set(EventKind)
    assert {"greengrass.iot_core", "model.updates.shadow_parts"} < keys
    assert {key for key in keys if is_unknown(key)} == set()


def is_unknown(key: str) -> bool:
    document: Any = "not what it should be"
    for name in reversed(key.split(".")):
        document = {name: document}
    try:
        parse(document)
    except ConfigError as error:
        return "unknown key" in str(error)
    return False


def test_the_command_of_the_guide_is_one() -> None:
    (payload,) = re.findall(r"^```json\n(.+)\n```$", GUIDE, re.MULTILINE)
    command = read_command(
        f"{TOPICS.commands[:-1]}model-rollback",
        payload.encode(),
        topics=TOPICS,
        allowed=tuple(CommandName),
        now=datetime(2026, 3, 1, 12, tzinfo=UTC),
    )
    assert isinstance(command, Command)
