"""A product with stations on this machine, and rollouts by the definition that AWS gets, on a clock that can be moved.

Handlers, services, component, install scripts and devices are the real ones. Waiting takes no time, and stations say
what a test has them say.
"""

import hashlib
import importlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloud_side.deployment.keeping import read_record
from cloud_side.deployment.planning import Plan
from cloud_side.deployment.records import Record
from cloud_side.deployment.runtime import clock
from cloud_side.deployment.workflow import NAME, ROLLOUT
from cloud_side.engines import ENGINE_VARIABLE, local_engine
from cloud_side.local.devices.chore import CoreDevices
from cloud_side.local.devices.inspector import INSPECTOR, MODEL
from cloud_side.local.devices.registering import CoreDevice, register
from cloud_side.local.home import REGION
from cloud_side.local.opening import LocalCloud
from cloud_side.local.services.greengrass.chore import GreengrassCloud
from cloud_side.objects import Bucket
from cloud_side.training.registry.archive import pack
from cloud_side.training.registry.requests import Approval, judge_request
from edge_inspector.errors import InspectorError
from tests.cloud.local.engines import opened
from tests.cloud.local.fleet import Clock, forget, recipe_of
from tests.cloud.local.states.corpus import TaskFailed
from tests.cloud.local.states.oracle import Outcome
from tests.cloud.local.states.ours import Ours
from tests.onnx_models import write_package

BUCKET = "edge-inspector"
CANARY, ALL, HALL = "edge-inspector-canary", "edge-inspector-all", "hall"
STATIONS = {"press-1": CANARY, "press-2": ALL, "press-3": HALL}
TEXT = ROLLOUT.filled({name: f"the-{name}" for name in ROLLOUT.placeholders()} | {"Bucket": BUCKET})
HANDLERS = {f"the-{each.name}": each.handler for each in ROLLOUT.functions}
POLICIES = {
    "failureHandlingPolicy": "DO_NOTHING",
    "componentUpdatePolicy": {"timeoutInSeconds": 30, "action": "SKIP_NOTIFY_COMPONENTS"},
    "configurationValidationPolicy": {"timeoutInSeconds": 20},
}
_TURNS = 20_000
_ATTEMPTS = 100
Hook = Callable[[str], None]


class Killed(BaseException):
    """The process that ran a step is gone."""


class Site:
    """The cloud, the stations, and rollouts over them."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.client = cache(cloud.session.client)
        self.ours = Ours()

    def clear(self, folder: Path) -> None:
        """Begin anew: stations that run an inspector, and no model."""
        forget(self.cloud.database)
        for each in (self.cloud.home.devices, self.cloud.home.buckets):
            shutil.rmtree(each)
        self.cloud.home.make()
        self.folder, self.clock = folder, Clock()
        self.greengrass = GreengrassCloud(self.cloud.home, self.cloud.database, clock=self.clock)
        self.devices = CoreDevices(self.cloud.home, self.cloud.database, clock=self.clock, retry_s=0.0)
        self.is_asleep = False  # nothing goes on in Greengrass
        self.silent: set[str] = set()
        self.hooks: list[Hook] = []
        self.told: list[str] = []
        self.killer: Callable[[str, int], None] = lambda _state, _attempt: None  # told of each attempt of a step
        self.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.bucket = Bucket(self.client("s3"), BUCKET)
        self.client("sagemaker").create_model_package_group(ModelPackageGroupName=BUCKET)
        self._make_stations()

    def _make_stations(self) -> None:
        iot = self.client("iot")
        for group in (CANARY, ALL):
            iot.create_thing_group(thingGroupName=group)
        iot.create_thing_group(thingGroupName=HALL, parentGroupName=ALL)
        for thing, group in STATIONS.items():
            register(self.cloud.database, CoreDevice(thing, self.updates(thing), None), [group])
        recipe = recipe_of(INSPECTOR, defaults={"log": {"level": "info"}}, lifecycle={"install": "true"})
        self.client("greengrassv2").create_component_version(inlineRecipe=json.dumps(recipe))
        self.settle()
        update = {"merge": '{"log":{"level":"warning"}}', "reset": ["/samples"]}
        for group in (CANARY, ALL):
            self.client("greengrassv2").create_deployment(
                targetArn=self.target(group),
                deploymentName=f"inspector to {group}",
                components={INSPECTOR: {"componentVersion": "1.0.0", "configurationUpdate": update}},
                deploymentPolicies=POLICIES,
                iotJobConfiguration={"timeoutConfig": {"inProgressTimeoutInMinutes": 7}},
            )
        self.settle()

    def updates(self, thing: str) -> Path:
        """Where a station's daemon looks for models."""
        return self.folder / thing / "updates"

    def target(self, group: str) -> str:
        return str(self.client("iot").describe_thing_group(thingGroupName=group)["thingGroupArn"])

    def current(self, thing: str) -> str | None:
        """The model that a station has been told to run."""
        with suppress(FileNotFoundError):
            return (self.updates(thing) / "current").read_text().strip()
        return None

    def plan(self, **limits: Any) -> None:
        """Set limits; `rate` and `abort` are those of the plan."""
        document = {name: limits.pop(name) for name in ("rate", "abort", "waves") if name in limits}
        plan = Plan.model_validate({**document, "limits": {"offline_after_s": 60, **limits}})
        self.bucket.write("deployment/plan.json", plan.content())

    def register(self, version: str, *, approved: bool = True) -> str:
        """Register a model, and return the ARN of its package."""
        package = write_package(self.folder / "packages" / version, f"model {version}".encode(), version=version)
        archive = self.folder / f"{version}.tar.gz"
        with archive.open("wb") as file:
            pack(package, file)
        key = f"models/bright-spot/{version}/model.tar.gz"
        self.bucket.write(key, archive.read_bytes())
        properties = {"model": "bright-spot", "version": version, "archive_sha256": sha256(archive.read_bytes())}
        made = self.client("sagemaker").create_model_package(
            ModelPackageGroupName=BUCKET,
            InferenceSpecification={
                "Containers": [{"Image": "image", "ModelDataUrl": self.bucket.address(key)}],
                "SupportedContentTypes": ["image/png"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
            CustomerMetadataProperties=properties,
        )
        arn = str(made["ModelPackageArn"])
        if approved:
            self.judge(arn, Approval.APPROVED)
        return arn

    def judge(self, arn: str, approval: Approval) -> None:
        request = judge_request(arn, approval, who="ana", why="seen the escapes", at=self.clock())
        self.client("sagemaker").update_model_package(**request)

    def approval(self, arn: str) -> tuple[str, str]:
        """What is said of a package, and by whom."""
        told = self.client("sagemaker").describe_model_package(ModelPackageName=arn)
        return told["ModelApprovalStatus"], told["CustomerMetadataProperties"]["judged_by"]

    def say(self, station: str, kind: str, camera: str = "top", at: datetime | None = None, **data: Any) -> None:
        """Have a station say something, which a topic rule keeps."""
        folder = "alarm" if kind.startswith("alarm") else "model"
        event = {
            "specversion": "1.0",
            "id": f"{uuid.uuid4()}/{kind}",
            "source": f"/edge-inspector/berlin/line-1/{station}/{camera}",
            "type": f"com.edgeinspector.{kind}.v1",
            "time": (at or self.clock()).isoformat(),
            "data": {"station": station, "camera": camera, **data},
        }
        key = f"events/{folder}/{station}/{self.clock().timestamp() * 1000:013.0f}-{uuid.uuid4()}.json"
        self.bucket.write(key, json.dumps(event).encode())

    def prove(self, station: str, version: str, **more: Any) -> None:
        self.say(station, "model.proved", model=model(version), parts=200, minutes=5.0, **more)

    def settle(self) -> None:
        """Let the chores take turns until no component is looked at and no deployment goes on that can."""
        for _ in range(_TURNS):
            if min(self.greengrass.turn(), self.devices.turn()) > 0.2:
                return
        msg = "it never settled"
        raise AssertionError(msg)

    def run(self, name: str, asked: Mapping[str, Any]) -> Outcome:
        """Run an execution to its end; each step finds Greengrass as far as it can be."""

        def answer(state: str, _: str, arguments: Any) -> Any:
            if "FunctionName" not in arguments:
                self.told.append(arguments["Subject"])
                return {"MessageId": "1"}
            return {"StatusCode": 200, "Payload": self.step(name, state, arguments)}

        return self.ours.run(TEXT, dict(asked), answer)

    def step(self, name: str, state: str, arguments: Any) -> Any:
        """Run one step of an execution."""
        for hook in self.hooks:
            hook(state)
        if not self.is_asleep:
            self.settle()
        if state == "Look at evidence":
            self._speak(name)
        for attempt in range(1, _ATTEMPTS):
            try:
                return self._attempt(name, state, arguments, attempt)
            except Killed:
                continue
        msg = f"{state}: it was killed again and again"
        raise AssertionError(msg)

    def _attempt(self, name: str, state: str, arguments: Any, attempt: int) -> Any:
        """Let a step's process run, which may be killed."""
        self.killer(state, attempt)
        module, _, function = HANDLERS[arguments["FunctionName"]].rpartition(".")
        payload = {**arguments["Payload"], "execution": name} | (
            {"arn": f"arn:aws:states:{REGION}:000000000000:execution:{NAME}:{name}"} if state == "Begin" else {}
        )
        try:
            said = getattr(importlib.import_module(module), function)(json.loads(json.dumps(payload)), None)
        except (InspectorError, ClientError) as error:
            raise TaskFailed(type(error).__name__, str(error)) from error
        if said["next"] == "wait":
            self.clock.go_on(seconds=said["pause_s"])
        return json.loads(json.dumps(said))

    def _speak(self, name: str) -> None:
        """Have each station that has the model say once that it trusts it, unless it is silent."""
        record = self.record(name)
        for station in STATIONS:
            if station not in self.silent and self.current(station) == f"bright-spot/{record.model.version}":
                self.silent.add(station)
                self.prove(station, record.model.version, reject_rate=0.03, reject_rate_before=0.02)

    def record(self, name: str) -> Record:
        kept = read_record(self.bucket, name)
        assert kept is not None
        return kept.record

    def latest(self, group: str) -> Mapping[str, Any]:
        """Return what the latest deployment of a group says."""
        greengrass = self.client("greengrassv2")
        (found,) = greengrass.list_deployments(targetArn=self.target(group))["deployments"]
        told = greengrass.get_deployment(deploymentId=found["deploymentId"])
        return {key: told[key] for key in ("components", "deploymentPolicies")}

    def deployments(self) -> int:
        pages = self.client("greengrassv2").get_paginator("list_deployments").paginate(historyFilter="ALL")
        return sum(len(page["deployments"]) for page in pages)

    def versions(self) -> list[str]:
        """Return all versions of the model's component."""
        rows = self.cloud.database.connection().execute(
            "SELECT version FROM greengrass_components WHERE name = ? ORDER BY version", (MODEL,)
        )
        return [row["version"] for row in rows]


def approved_event(arn: str) -> dict[str, Any]:
    """Return the event of an approval, as EventBridge has it."""
    return {
        "source": "aws.sagemaker",
        "detail-type": "SageMaker Model Package State Change",
        "detail": {"ModelPackageArn": arn, "ModelPackageGroupName": BUCKET, "ModelApprovalStatus": "Approved"},
    }


def ended_event(name: str, status: str) -> dict[str, Any]:
    """Return the event of an execution that has ended, as EventBridge has it."""
    machine = f"arn:aws:states:{REGION}:000000000000:stateMachine:{NAME}"
    return {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {"name": name, "status": status, "stateMachineArn": machine, "error": None, "cause": None},
    }


def by_hand(arn: str) -> dict[str, str]:
    return {"package": arn, "by": "ana", "why": "it is better"}


def model(version: str) -> dict[str, str]:
    """Return a model as events name it."""
    return {"name": "bright-spot", "version": version, "sha256": sha256(f"model {version}".encode())}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def one_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("rollouts") / "engine"
    with opened(folder) as cloud, pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENGINE_VARIABLE, local_engine(folder))
        made = Site(cloud)
        yield made
        made.ours.close()


@pytest.fixture
def site(one_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    one_site.clear(tmp_path)
    monkeypatch.setattr(clock, "now", one_site.clock)
    return one_site
