"""Whether an installation is whole is told by AWS alone, without a template."""

import json

import pytest

from cloud_side import __version__
from cloud_side.cli import main
from cloud_side.infrastructure.environments import read_environments
from cloud_side.lifecycle.looking import units_of
from tests.cloud.lifecycle.account_of_moto import INSTALLATION, NUMBER, client

pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("account")]


def deploy(unit: str, version: str = __version__) -> None:
    alarm = {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": f"{INSTALLATION}-{unit}-silent",
            "ComparisonOperator": "LessThanThreshold",
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "MetricName": "said",
            "Namespace": "n",
            "Period": 60,
            "Statistic": "Sum",
        },
    }
    parameter = {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Name": f"/{INSTALLATION}/{unit}", "Value": f"{unit}-1", "Type": "String"},
    }
    template = {
        "Resources": {"Alarm": alarm, "Parameter": parameter},
        "Outputs": {"Version": {"Value": version}},
    }
    tags = {"edge-inspector:installation": INSTALLATION, "edge-inspector:unit": unit}
    client("cloudformation").create_stack(
        StackName=f"{INSTALLATION}-{unit}",
        TemplateBody=json.dumps(template),
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )


def alarm(name: str) -> None:
    client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="nothing was said")


def test_it_tells_stacks_versions_executions_alarms_and_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    deploy("catalog")
    deploy("ingest", version="0.0.1")
    alarm(f"{INSTALLATION}-ingest-silent")
    states = client("stepfunctions")
    machine = states.create_state_machine(
        name=f"{INSTALLATION}-labeling",
        definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}),
        roleArn=f"arn:aws:iam::{NUMBER}:role/r",
    )["stateMachineArn"]
    states.start_execution(stateMachineArn=machine, name="batch-1")
    assert main(["cloud", "status", "dev"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"  {INSTALLATION}-catalog  CREATE_COMPLETE" in lines
    assert f"  {INSTALLATION}-ingest  CREATE_COMPLETE  deployed from 0.0.1, here is {__version__}" in lines
    assert lines[lines.index("Not deployed:") + 1 :][:2] == ["  labeling", "  training"]
    assert any("edge-inspector-labeling  batch-1" in line for line in lines)
    assert f"  {INSTALLATION}-ingest-silent: nothing was said" in lines
    assert f"  /{INSTALLATION}/catalog = catalog-1" in lines


def test_nothing_is_told_as_nothing_and_not_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cloud", "status", "dev", "--json"]) == 0
    seen = json.loads(capsys.readouterr().out)
    assert (seen["stacks"], seen["executions"], seen["alarms"], seen["is_well"]) == ([], [], [], False)


def test_an_alarm_alone_makes_it_not_well(capsys: pytest.CaptureFixture[str]) -> None:
    for unit in units_of(read_environments().named("dev")):
        deploy(unit)
    main(["cloud", "status", "dev", "--json"])
    assert json.loads(capsys.readouterr().out)["is_well"]
    alarm(f"{INSTALLATION}-training-silent")
    main(["cloud", "status", "dev", "--json"])
    assert not json.loads(capsys.readouterr().out)["is_well"]
