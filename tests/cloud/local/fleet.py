"""A cloud with core devices on this machine: components are published and deployed, and the chores take their turns."""

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3

from cloud_side.local import outbox, wiring
from cloud_side.local.database import Database
from cloud_side.local.devices.chore import CoreDevices
from cloud_side.local.devices.registering import CoreDevice, register
from cloud_side.local.home import ACCOUNT, REGION, Home
from cloud_side.local.services.greengrass import GREENGRASS
from cloud_side.local.services.greengrass.chore import GreengrassCloud
from cloud_side.local.services.iot import IOT
from cloud_side.local.services.s3 import S3
from cloud_side.local.wiring import Service
from tests.cloud.local.shapes import validate_answers

SERVICES = (S3, IOT, GREENGRASS)
BUCKET = "edge-inspector-components"
PATIENCE_S = 60.0
OPEN = {"QUEUED", "IN_PROGRESS"}


def open_cloud(home: Home, services: Sequence[Service]) -> tuple[Database, boto3.Session]:
    """Open services in a home; what they answer is held against AWS' own shapes."""
    database = Database(home.database, [wiring.TABLES, outbox.TABLES, *(service.tables for service in services)])
    session = wiring.local_session(home, database, services)
    validate_answers(session)
    return database, session


def forget(database: Database) -> None:
    """Empty every table."""
    with database.transaction() as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            connection.execute(f"DELETE FROM {table}")


class Clock:
    """Tells the time, and can be set ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def go_on(self, **much: float) -> None:
        self.ahead += timedelta(**much)


class Fleet:
    """The cloud as a rollout sees it, and the devices as they are."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        self.home.make()
        self.database, session = open_cloud(self.home, SERVICES)
        self.s3, self.iot = session.client("s3"), session.client("iot")
        self.greengrass = session.client("greengrassv2")
        self.clear()

    def clear(self) -> None:
        """Forget everything, in the database and in the folders."""
        forget(self.database)
        for folder in (self.home.devices, self.home.buckets):
            shutil.rmtree(folder)
        self.home.make()
        self.clock = Clock()
        self.cloud = GreengrassCloud(self.home, self.database, clock=self.clock)
        self.devices = CoreDevices(self.home, self.database, clock=self.clock, retry_s=0.0)
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})

    def add_device(self, thing: str, *groups: str, folder: Path, configuration: Path | None = None) -> CoreDevice:
        device = CoreDevice(thing, folder / thing / "updates", configuration)
        register(self.database, device, groups)
        return device

    def publish(self, recipe: Mapping[str, Any], **files: bytes | str) -> str:
        """Put a component's artifacts to S3 and create its version; return its ARN."""
        for name, content in files.items():
            self.s3.put_object(Bucket=BUCKET, Key=key_of(recipe, name.replace("_", ".")), Body=content)
        answer = self.greengrass.create_component_version(inlineRecipe=json.dumps(recipe))
        return str(answer["arn"])

    def deploy(self, target: str, components: Mapping[str, str], **options: Any) -> str:
        """Deploy versions of components to a group, or to a `thing/…`; return the deployment's id."""
        kind, _, name = target.rpartition("/")
        specified = {
            component: {"componentVersion": version, **options.pop(component, {})}
            for component, version in components.items()
        }
        answer = self.greengrass.create_deployment(
            targetArn=f"arn:aws:iot:{REGION}:{ACCOUNT}:{kind or 'thinggroup'}/{name}", components=specified, **options
        )
        return str(answer["deploymentId"])

    def settle(self) -> None:
        """Let the chores take turns until no component is looked at and no deployment goes on that can."""
        self.run_until(lambda: False, is_over=lambda delays: min(delays) > 0.2)

    def run_until(
        self, predicate: Callable[[], object], *, is_over: Callable[[Sequence[float]], bool] | None = None
    ) -> None:
        """Let the chores take turns until something is true."""
        ends_s = time.monotonic() + PATIENCE_S
        while not predicate():
            delays = [self.cloud.turn(), self.devices.turn()]
            if is_over is not None and is_over(delays):
                return
            assert time.monotonic() < ends_s, "it never came true"
            time.sleep(min(*delays, 0.005))

    def effective(self, thing: str, deployment: str) -> dict[str, Any]:
        """Return what a device tells of a deployment."""
        listed = self.greengrass.list_effective_deployments(coreDeviceThingName=thing)["effectiveDeployments"]
        return next(each for each in listed if each["deploymentId"] == deployment)

    def status(self, thing: str, deployment: str) -> str:
        return str(self.effective(thing, deployment)["coreDeviceExecutionStatus"])

    def statuses(self, deployment: str) -> dict[str, str]:
        """Return how far each device is that has got a deployment."""
        rows = self.database.connection().execute(
            "SELECT thing, status FROM greengrass_executions WHERE deployment = ?", (deployment,)
        )
        return {row["thing"]: row["status"] for row in rows}

    def installed(self, thing: str) -> dict[str, tuple[str, str]]:
        """Return version and state of every component on a device."""
        listed = self.greengrass.list_installed_components(coreDeviceThingName=thing, topologyFilter="ALL")
        return {
            each["componentName"]: (each["componentVersion"], each["lifecycleState"])
            for each in listed["installedComponents"]
        }

    def health(self, thing: str) -> str:
        return str(self.greengrass.get_core_device(coreDeviceThingName=thing)["status"])

    def close(self) -> None:
        self.database.close()


def recipe_of(  # noqa: PLR0913 - what a recipe may say
    name: str = "com.example.Part",
    version: str = "1.0.0",
    *,
    lifecycle: Mapping[str, Any] | None = None,
    artifacts: Sequence[str] = (),
    defaults: Mapping[str, Any] | None = None,
    needs: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return a recipe for this platform; by default its install script says what it is in a file of its work folder."""
    recipe: dict[str, Any] = {
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": name,
        "ComponentVersion": version,
        "ComponentPublisher": "Example",
        "ComponentDescription": "A part.",
        "ComponentConfiguration": {"DefaultConfiguration": dict(defaults or {})},
        "ComponentDependencies": {
            needed: {"VersionRequirement": requirement, "DependencyType": "SOFT"}
            for needed, requirement in (needs or {}).items()
        },
        "Manifests": [
            {
                "Platform": {"os": "linux", "runtime": "*"},
                "Lifecycle": dict(lifecycle or {"install": {"Script": f"echo {version} >{{work:path}}/version"}}),
            }
        ],
    }
    manifest = recipe["Manifests"][0]
    manifest["Artifacts"] = [{"Uri": f"s3://{BUCKET}/{key_of(recipe, artifact)}"} for artifact in artifacts]
    return recipe


def is_alive(pid: str) -> bool:
    """Return whether a process is there that has not ended; it may go while it is looked at."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def key_of(recipe: Mapping[str, Any], artifact: str) -> str:
    return f"{recipe['ComponentName']}/{recipe['ComponentVersion']}/{artifact}"
