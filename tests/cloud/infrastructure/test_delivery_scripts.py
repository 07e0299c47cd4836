"""What CodeBuild runs: the real scripts in a real shell; stand-ins for AWS's commands write down what they are asked.

It is the order and the decisions that are tested here; what the commands do with it only an account would say.
"""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

from cloud_side.infrastructure.delivery import buildspecs
from cloud_side.infrastructure.delivery.buildspecs import Buildspec

_COMMIT = "0123456789abcdef0123456789abcdef01234567"
_EXECUTION = "fedcba98-7654-3210-fedc-ba9876543210"
_TAG = "0123456789ab-fedcba98"
_WHICH = {"COMMIT": _COMMIT, "EXECUTION": _EXECUTION}
_THERE = {
    "ENVIRONMENT": "dev",
    "INSTALLATION": "edge-inspector-dev",
    "RECEIVER": "arn:aws:iam::111122223333:role/edge-inspector-dev-receiving-images",
    "TARGET_ACCOUNT": "111122223333",
    "TARGET_REGION": "eu-central-1",
}
_REGISTRY = "444455556666.dkr.ecr.eu-central-1.amazonaws.com"
_TARGET = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
_LABELING = {"UNIT": "labeling", "FROM": "built", "TO": "theirs", "REGISTRY": _REGISTRY, "TARGET_REGISTRY": _TARGET}
# Answers a command as the file of its first two words that fit says, and writes down what it was asked.
_STAND_IN = """#!/bin/bash
name=$(basename "$0")
echo "$name $*" >> "$ASKED"
[ -z "${AWS_PROFILE:-}" ] || echo "$AWS_REGION $AWS_DEFAULT_REGION" >> "$ASKED.regions"
if [ ! -t 0 ] && [[ "$*" == *stdin* ]]; then cat > /dev/null; fi
for answer in "$ANSWERS"/*; do
  if [[ "$name $*" == *"$(basename "$answer")"* ]]; then
    cat "$answer"
    [[ "$(head -c 5 "$answer")" == Error ]] && exit 254
    exit 0
  fi
done
exit 0
"""


@dataclass(frozen=True)
class Ran:
    code: int
    said: str
    asked: list[str]
    regions: set[str]  # in which AWS was asked by the profile of an installation


Run: TypeAlias = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    bin_, answers, work = tmp_path / "bin", tmp_path / "answers", tmp_path / "work"
    for folder in (bin_, answers, work):
        folder.mkdir(exist_ok=True)
    for name in ("apt-get", "aws", "cdk", "docker", "make", "npm", "skopeo", "sleep"):
        (bin_ / name).write_text(_STAND_IN)
        (bin_ / name).chmod(0o755)

    def run_(document: Buildspec, variables: Mapping[str, str], said: Mapping[str, str] | None = None) -> Ran:
        for words, answer in (said or {}).items():
            (answers / words).write_text(answer)
        asked = tmp_path / "asked"
        (script,) = json.loads(document.text())["phases"]["build"]["commands"]
        environment = {
            "PATH": f"{bin_}:{os.environ['PATH']}",
            "ASKED": str(asked),
            "AWS_REGION": "us-east-1",  # the build's own
            "AWS_DEFAULT_REGION": "us-east-1",
            "ANSWERS": str(answers),
            "CODEBUILD_BUILD_URL": "https://console.example.com/build/7",
            **variables,
        }
        done = subprocess.run(
            ["bash", "-c", script], cwd=work, env=environment, capture_output=True, text=True, check=False, timeout=30
        )
        lines = asked.read_text().splitlines() if asked.exists() else []
        regions = asked.with_name("asked.regions")
        there = set(regions.read_text().splitlines()) if regions.exists() else set()
        return Ran(done.returncode, done.stdout + done.stderr, lines, there)

    return run_


def _of(ran: Ran, command: str) -> list[str]:
    return [line for line in ran.asked if line.startswith(command)]


def test_all_stacks_are_deployed_and_then_the_roles_that_receive_deliveries(run: Run) -> None:
    ran = run(buildspecs.DEPLOY, {**_THERE, **_WHICH, "UNIT": "", "FROM": "", "TO": ""})
    assert ran.code == 0, ran.said
    deployed = [line.split("--no-notices ")[1] for line in _of(ran, "cdk deploy")]
    assert deployed == ["--app cdk.out dev/*", "--app delivery.out dev/receiving"]
    assert all("--require-approval never --exclusively" in line for line in _of(ran, "cdk"))


def test_a_unit_without_a_container_is_its_one_stack(run: Run) -> None:
    ran = run(buildspecs.DEPLOY, {**_THERE, **_WHICH, "UNIT": "deployment", "FROM": "", "TO": ""})
    assert ran.code == 0, ran.said
    assert [line.split("--no-notices ")[1] for line in _of(ran, "cdk")] == ["--app cdk.out dev/deployment"]
    assert _of(ran, "aws") == []


def test_a_container_is_copied_and_then_named_to_the_stack(run: Run) -> None:
    said = {"describe-images": "Error (ImageNotFoundException): no such image"}
    ran = run(buildspecs.DEPLOY, {**_THERE, **_WHICH, **_LABELING}, said)
    assert ran.code == 0, ran.said
    (copied,) = _of(ran, "skopeo copy")
    assert copied.endswith(f"docker://{_REGISTRY}/built:{_TAG} docker://{_TARGET}/theirs:{_TAG}")
    (deployed,) = _of(ran, "cdk deploy")
    assert deployed.endswith(f"dev/labeling --parameters edge-inspector-dev-labeling:ImageTag={_TAG}")
    assert ran.asked.index(copied) < ran.asked.index(deployed)


def test_a_container_that_is_there_is_not_copied_again(run: Run) -> None:
    ran = run(buildspecs.DEPLOY, {**_THERE, **_WHICH, **_LABELING}, {"describe-images": "{}"})
    assert ran.code == 0, ran.said
    assert _of(ran, "skopeo") == []
    assert len(_of(ran, "cdk deploy")) == 1


def test_nothing_is_deployed_where_the_repository_cannot_be_read(run: Run) -> None:
    said = {"describe-images": "Error (AccessDeniedException): not authorized"}
    ran = run(buildspecs.DEPLOY, {**_THERE, **_WHICH, **_LABELING}, said)
    assert ran.code != 0
    assert "AccessDeniedException" in ran.said
    assert _of(ran, "cdk") == []


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("", "no permission is broadened"),
        ("Error", "PERMISSIONS ARE BROADENED, or could not be compared: read the log"),
    ],
)
def test_who_approves_is_told_whether_permissions_are_broadened(run: Run, answer: str, told: str) -> None:
    ran = run(buildspecs.CHANGES, {**_THERE, "UNIT": "training"}, {"--fail-on broadening": answer})
    assert ran.code == 0, ran.said
    assert told in ran.said
    assert all("--method template" in line and "dev/training" in line for line in _of(ran, "cdk diff"))


def test_changes_that_cannot_be_shown_end_the_pipeline_before_somebody_is_asked(run: Run) -> None:
    ran = run(buildspecs.CHANGES, {**_THERE, "UNIT": ""}, {"cdk diff": "Error"})
    assert ran.code != 0
    assert len(_of(ran, "cdk diff")) == 1


_BUILDS = {
    **_WHICH,
    "ARGUMENTS": "RUN_AS=0",
    "DOCKERFILE": "container/Dockerfile",
    "REGISTRY": _REGISTRY,
    "REPOSITORY": "built",
}


def test_a_container_is_built_under_the_commit_and_the_execution(run: Run) -> None:
    said = {"describe-images": "Error (ImageNotFoundException): no such image"}
    ran = run(buildspecs.image(None), _BUILDS, said)
    assert ran.code == 0, ran.said
    image = f"{_REGISTRY}/built:{_TAG}"
    assert _of(ran, "docker build") == [
        (
            "docker build --pull --provenance=false --output type=docker"
            f" --build-arg RUN_AS=0 -f container/Dockerfile -t {image} ."
        )
    ]
    assert _of(ran, "docker push") == [f"docker push {image}"]


def test_a_second_try_of_the_same_execution_builds_nothing(run: Run) -> None:
    ran = run(buildspecs.image(None), _BUILDS, {"describe-images": "{}"})
    assert ran.code == 0, ran.said
    assert _of(ran, "docker") == []


def test_the_password_of_docker_hub_is_no_argument_of_a_command(run: Run) -> None:
    said = {"describe-images": "Error (ImageNotFoundException): no such image"}
    ran = run(buildspecs.image("arn:secret"), {**_BUILDS, "HUB_USER": "ana", "HUB_PASSWORD": "not-told"}, said)
    assert ran.code == 0, ran.said
    assert "docker login --username ana --password-stdin" in ran.asked
    assert not any("not-told" in line for line in ran.asked)
    assert "not-told" not in ran.said


_PUBLISHES = {**_THERE, "BUCKET": "bucket", "PARTITION": "aws"}
_RECIPE = {
    "ComponentName": "com.edgeinspector.Inspector",
    "ComponentVersion": "0.1.0",
    "Manifests": [{"Artifacts": [{"Uri": "s3://BUCKET_NAME/COMPONENT_NAME/COMPONENT_VERSION/install.sh"}]}],
}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    work.mkdir(exist_ok=True)
    (work / "recipes").mkdir()
    (work / "recipes" / "recipe.json").write_text(json.dumps(_RECIPE))
    (work / "SHA256SUMS").write_text("abc  recipes/recipe.json\n")
    return work


def test_a_new_version_of_the_component_is_published_with_its_artifacts(run: Run, built: Path) -> None:
    said = {"Inspector:versions:0.1.0 --query": "DEPLOYABLE", "describe-component": "Error (ResourceNotFoundException)"}
    ran = run(buildspecs.PUBLISH, _PUBLISHES, said)
    assert ran.code == 0, ran.said
    place = "s3://bucket/components/com.edgeinspector.Inspector/0.1.0"
    copied = [line.removeprefix("aws s3 cp --quiet ") for line in _of(ran, "aws s3 cp")]
    assert copied == [
        f"--recursive artifacts/com.edgeinspector.Inspector/0.1.0 {place}",
        f"SHA256SUMS {place}/SHA256SUMS",
    ]
    filled = json.loads((built / "recipe.filled.json").read_text())
    assert filled["Manifests"] == [{"Artifacts": [{"Uri": f"{place}/install.sh"}]}]
    assert _of(ran, "aws greengrassv2 create")
    assert ran.asked[-1].endswith("--name /edge-inspector-dev/inspector-version --value 0.1.0")


@pytest.mark.usefixtures("built")
def test_a_version_that_is_published_with_the_same_content_is_only_named(run: Run) -> None:
    said = {
        "Inspector:versions:0.1.0 --query": "DEPLOYABLE",
        "describe-component": "{}",
        "SHA256SUMS -": "abc  recipes/recipe.json\n",
    }
    ran = run(buildspecs.PUBLISH, _PUBLISHES, said)
    assert ran.code == 0, ran.said
    assert _of(ran, "aws greengrassv2 create") == []
    assert "put-parameter" in ran.asked[-1]


@pytest.mark.usefixtures("built")
def test_other_content_under_a_version_that_is_published_is_refused(run: Run) -> None:
    ran = run(buildspecs.PUBLISH, _PUBLISHES, {"describe-component": "{}", "SHA256SUMS -": "def  recipes\n"})
    assert ran.code == 1
    assert "com.edgeinspector.Inspector 0.1.0 is published, with other content" in ran.said
    assert not any("put-parameter" in line or "create-component" in line for line in ran.asked)


@pytest.mark.usefixtures("built")
def test_a_version_that_greengrass_does_not_take_is_not_named(run: Run) -> None:
    said = {"Inspector:versions:0.1.0 --query": "FAILED", "describe-component": "Error (ResourceNotFoundException)"}
    ran = run(buildspecs.PUBLISH, _PUBLISHES, said)
    assert ran.code == 1
    assert "expected the state DEPLOYABLE, found FAILED" in ran.said
    assert not any("put-parameter" in line for line in ran.asked)


def test_an_endpoint_that_stands_gets_the_approved_model_and_is_rolled_back_by_its_alarms(
    run: Run, tmp_path: Path
) -> None:
    command = tmp_path / "work" / ".venv" / "bin" / "edge-inspector-cloud"
    command.parent.mkdir(parents=True)
    command.write_text(_STAND_IN)
    command.chmod(0o755)
    said = {"describe-endpoint": "{}", "endpoint-image": "URI:7", "endpoint-role": "ARN", "endpoint-alarms": "a,b"}
    said = {f"{words} --query" if words.startswith("endpoint-") else words: each for words, each in said.items()}
    ran = run(buildspecs.SERVE, _THERE, said)
    assert ran.code == 0, ran.said
    assert ran.asked[-1] == (
        "edge-inspector-cloud endpoint deploy champion --name edge-inspector-dev --image URI:7 --role ARN "
        "--alarm a --alarm b --wait"
    )


def test_no_endpoint_is_made_where_none_stands(run: Run) -> None:
    said = {"describe-endpoint": 'Error (ValidationException): Could not find endpoint "arn"'}
    ran = run(buildspecs.SERVE, _THERE, said)
    assert ran.code == 0, ran.said
    assert "no endpoint edge-inspector-dev stands: nothing to do" in ran.said
    assert not any("ssm" in line for line in ran.asked)


def test_an_endpoint_that_cannot_be_looked_at_ends_the_pipeline(run: Run) -> None:
    ran = run(buildspecs.SERVE, _THERE, {"describe-endpoint": "Error (AccessDeniedException)"})
    assert ran.code != 0
    assert "AccessDeniedException" in ran.said


def test_a_document_names_secrets_and_never_has_one() -> None:
    document = json.loads(buildspecs.image("arn:aws:secretsmanager:eu-central-1:1:secret:hub").text())
    assert document["env"]["secrets-manager"] == {
        "HUB_USER": "arn:aws:secretsmanager:eu-central-1:1:secret:hub:username",
        "HUB_PASSWORD": "arn:aws:secretsmanager:eu-central-1:1:secret:hub:password",
    }
    assert "secrets-manager" not in json.loads(buildspecs.image(None).text())["env"]


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("document", [buildspecs.PUBLISH, buildspecs.SERVE], ids=["publish", "serve"])
def test_an_installation_is_asked_in_its_own_region_and_not_in_that_of_the_build(run: Run, document: Buildspec) -> None:
    said = {"describe-endpoint": "Error Could not find endpoint", "describe-component": "{}", "SHA256SUMS -": "abc"}
    ran = run(document, {**_PUBLISHES, "TARGET_REGION": "eu-west-1"}, said)
    assert ran.regions == {"eu-west-1 eu-west-1"}
