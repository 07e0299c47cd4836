"""What a station may do in AWS, and who publishes components: examples/greengrass, with an installation's own names."""

from collections.abc import Mapping
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot

from cloud_side.deployment.building import PREFIX as COMPONENTS
from cloud_side.infrastructure.catalog import Catalog
from cloud_side.infrastructure.deployment_rights import (
    INSPECTOR,
    MODEL,
    component_versions,
    deployments_made,
    deployments_on_devices,
    deployments_told,
)
from cloud_side.infrastructure.grants import Grant, find, give, on_all, read, use_key, write
from cloud_side.infrastructure.unit import Unit

STATION: Final = "edge-inspector-station"  # the IoT policy of its certificate, and the alias of the role that it takes
PUBLISHER: Final = "edge-inspector-publisher"
_THING: Final = "${iot:Connection.Thing.ThingName}"
_OWN: Final = "a station writes below its own name alone, whatever its site and line"


def artifact_prefixes() -> tuple[str, ...]:
    """Return where artifacts of components are: gdk puts them at the top of a bucket, the rollout below a prefix."""
    return tuple(f"{above}{name}/*" for above in ("", COMPONENTS) for name in (INSPECTOR, MODEL))


def station_policy(iot_arn: str, topics: str, alias: str) -> Mapping[str, Any]:
    """Return the policy of AWS IoT for the certificate of every station, as `iot-policy.json` has it.

    Args:
        iot_arn: ARN of AWS IoT in the account and region, up to the colon before a resource.
        topics: First level of the stations' topics.
        alias: Name of the role alias.

    Source:
        https://docs.aws.amazon.com/greengrass/v2/developerguide/device-auth.html
    """
    own, things = f"{topics}/*/*/{_THING}", f"$aws/things/{_THING}"
    greengrass = (
        "GetComponentVersionArtifact",
        "ResolveComponentCandidates",
        "GetDeploymentConfiguration",
        "ListThingGroupsForCoreDevice",
    )
    allowed: tuple[tuple[list[str], list[str]], ...] = (
        (["Connect"], [f"client/{_THING}", f"client/{_THING}#*"]),
        (["Publish", "RetainPublish"], [f"topic/{own}/*"]),
        (["Subscribe"], [f"topicfilter/{own}/cmd/+"]),
        (["Receive"], [f"topic/{own}/cmd/*"]),
        (
            ["Publish", "Receive"],
            [f"topic/{things}/{each}" for each in ("greengrass*/health/json", "jobs/*", "shadow/*")],
        ),
        (["Subscribe"], [f"topicfilter/{things}/jobs/*", f"topicfilter/{things}/shadow/*"]),
        (["AssumeRoleWithCertificate"], [f"rolealias/{alias}"]),
    )
    statements = [
        {
            "Effect": "Allow",
            "Action": [f"iot:{verb}" for verb in verbs],
            "Resource": [f"{iot_arn}:{resource}" for resource in resources],
        }
        for verbs, resources in allowed
    ]
    calls = {"Effect": "Allow", "Action": [f"greengrass:{verb}" for verb in greengrass], "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [*statements, calls]}


def make_station(unit: Unit, catalog: Catalog) -> None:
    """Make what a station is given: the policy for its certificate, and the role that it takes by an alias."""
    name = unit.named(STATION)
    alias_arn = unit.arn("iot", f"rolealias/{name}")
    role = iam.Role(
        unit,
        "station-role",
        description="What stations may do with the certificate that they have",
        assumed_by=iam.ServicePrincipal(
            "credentials.iot.amazonaws.com",
            conditions={
                "StringEquals": {"aws:SourceAccount": unit.account},
                "ArnLike": {"aws:SourceArn": alias_arn},
            },
        ),
    )
    bucket = catalog.bucket_arn(unit)
    samples = f"{bucket}/samples/site=*/line=*/station=${{credentials-iot:ThingName}}/*"
    by_s3 = {"StringEquals": {"kms:ViaService": f"s3.{unit.region}.amazonaws.com"}}
    key = catalog.key.key_arn
    give(
        role,
        (
            read(bucket, *artifact_prefixes()),
            Grant(("s3:GetBucketLocation",), (bucket,)),
            Grant(("s3:PutObject", "s3:AbortMultipartUpload"), (samples,), _OWN),
            Grant(use_key(key).actions, (key,), conditions=by_s3),  # the bucket encrypts samples as artifacts
        ),
    )
    iot.CfnRoleAlias(unit, "station-alias", role_alias=name, role_arn=role.role_arn)
    policy = iot.CfnPolicy(
        unit,
        "station-policy",
        policy_name=name,
        policy_document=station_policy(unit.arn("iot", "")[:-1], unit.environment_.topics, name),
    )
    policy.apply_removal_policy(cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)  # certificates of stations have it
    unit.publish("station-policy", name)
    unit.publish("station-role-alias", name)


def make_publisher(unit: Unit, catalog: Catalog) -> None:
    """Make the policy of who publishes components with gdk, a person or a pipeline, and deploys them.

    As `publisher-permissions.json`, but that the bucket is there, and has a key.
    """
    name, bucket = unit.named(PUBLISHER), catalog.bucket_arn(unit)
    policy = iam.ManagedPolicy(
        unit, "Publisher", managed_policy_name=name, description="Publishes components, and deploys them to stations"
    )
    reads = ("ListInstalledComponents", "GetCoreDevice")
    devices, deployments = unit.arn("greengrass", "coreDevices:*"), unit.arn("greengrass", "deployments:*")
    verbs = ("CreateComponentVersion", "ListComponentVersions", "DescribeComponent", "GetComponent")
    published = (f"{INSPECTOR}/*", f"{MODEL}/*", f"{COMPONENTS}{INSPECTOR}/*")
    give(
        policy,
        (
            Grant(("s3:GetBucketLocation",), (bucket,)),
            find(bucket, *published),
            read(bucket, *published),
            write(bucket, *published),
            use_key(catalog.key.key_arn),
            component_versions(unit, (INSPECTOR, MODEL), *verbs),
            on_all("Service Authorization Reference, AWS IoT Greengrass V2: no resource", "greengrass:ListCoreDevices"),
            *deployments_told(unit),
            *deployments_made(unit),
            *deployments_on_devices(unit),
            Grant(("greengrass:CancelDeployment",), (deployments,), "Greengrass makes up the names of deployments"),
            Grant(tuple(f"greengrass:{verb}" for verb in reads), (devices,), "stations have names nobody knows before"),
        ),
    )
    unit.publish("publisher-policy", policy.managed_policy_arn)
