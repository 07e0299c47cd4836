"""A station without hardware: a machine of EC2 with Greengrass, which inspects the product's simulated line.

It gets thing and certificate by fleet provisioning: the machine may ask for a claim, which is good for five minutes and
for one template; the template makes one thing, in the canary's group, with the policy of every station. The other way,
the installer's own `--provision true`, wants the right to make roles, policies and things on the machine that it
provisions.

Source:
    https://docs.aws.amazon.com/greengrass/v2/developerguide/fleet-provisioning.html, and for claims that a trusted user
    asks for https://docs.aws.amazon.com/iot/latest/developerguide/provision-wo-cert.html
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot
from constructs import Construct

from cloud_side.infrastructure.catalog import Catalog
from cloud_side.infrastructure.deployment import CANARY
from cloud_side.infrastructure.deployment_station import STATION
from cloud_side.infrastructure.environments import Environment, SimulatedDevice
from cloud_side.infrastructure.grants import Grant, on_all, role
from cloud_side.infrastructure.packages import Packages
from cloud_side.infrastructure.simulated_device_network import Network
from cloud_side.infrastructure.unit import Unit, acknowledge

THING: Final = "edge-inspector-simulated"
SCRIPT: Final = Path(__file__).with_name("simulated_device.sh")
_IMAGE: Final = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{}"
_DISK_GB: Final = 16  # what a station keeps of pictures and journal is 2 GB at most; the rest is the system's
_SERVICE: Final = "Service Authorization Reference"


class SimulatedStation(Unit):
    """A machine that is a station."""

    def __init__(self, scope: Construct, environment: Environment, catalog: Catalog, packages: Packages) -> None:
        """Make it; `catalog` and `packages` are there as for all stacks, and a station needs neither."""
        del catalog, packages
        super().__init__(
            scope, "simulated-device", environment, "Edge Inspector: a station without hardware, with a simulated line"
        )
        deployment = scope.node.find_child("deployment")
        assert isinstance(deployment, cdk.Stack)  # noqa: S101 - for the types
        self.add_stack_dependency(deployment)  # it makes the group, the policy and the alias, by name
        asked = environment.simulated_device or SimulatedDevice()
        self.publish("simulated-device", self._machine(asked, self._template()).ref)
        self.publish("simulated-thing", self.named(THING))

    def _template(self) -> iot.CfnProvisioningTemplate:
        thing, policy, group = self.named(THING), self.named(STATION), self.named(CANARY)
        taken = role(
            self, "provisioning-role", "iot", self._of_template(thing, policy, group), description=f"Makes {thing}"
        )
        return iot.CfnProvisioningTemplate(
            self,
            "Template",
            # It takes 36 letters at most, and an installation has up to 39: without what all of them begin with.
            template_name=f"{self.environment_.name}-simulated",
            description=f"The station without hardware of {self.environment_.installation}",
            enabled=True,
            provisioning_role_arn=taken.role_arn,
            template_body=json.dumps(template_body(thing, policy, group)),
        )

    def _of_template(self, thing: str, policy: str, group: str) -> tuple[Grant, ...]:
        """Return the part of AWS's policy for such roles that one thing needs, which may be there already.

        Source:
            https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSIoTThingsRegistration.html
        """
        thing, group = self.arn("iot", f"thing/{thing}"), self.arn("iot", f"thinggroup/{group}")
        certificates, policy = self.arn("iot", "cert/*"), self.arn("iot", f"policy/{policy}")
        on_thing = ("CreateThing", "DescribeThing", "UpdateThing", "ListThingGroupsForThing", "ListThingPrincipals")
        on_certificate = (
            *("DescribeCertificate", "UpdateCertificate", "AttachPolicy", "AttachPrincipalPolicy"),
            *("AttachThingPrincipal", "ListPrincipalThings"),
        )
        unnamed = ("RegisterThing", "ListAttachedPolicies", "ListPrincipalPolicies")
        return (
            Grant(tuple(f"iot:{verb}" for verb in on_thing), (thing,)),
            Grant(("iot:AddThingToThingGroup", "iot:DescribeThingGroup"), (thing, group)),
            Grant(tuple(f"iot:{verb}" for verb in on_certificate), (certificates,), "a certificate's id is its hash"),
            Grant(("iot:GetPolicy",), (policy,)),
            on_all(f"{_SERVICE}, AWS IoT: no resource", *(f"iot:{verb}" for verb in unnamed)),
        )

    def _machine(self, asked: SimulatedDevice, template: iot.CfnProvisioningTemplate) -> ec2.CfnInstance:
        script = SCRIPT.read_text(encoding="utf-8")
        said = {"REGION": self.region, "TEMPLATE": template.ref, "ROLE_ALIAS": self.named(STATION)}
        exports = "".join(f"export {name}='{value}'\n" for name, value in said.items())
        network = Network(self)
        is_arm = ec2.InstanceType(asked.instance_type).architecture is ec2.InstanceArchitecture.ARM_64
        image = cdk.CfnParameter(
            self,
            "Image",
            type="AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>",
            default=_IMAGE.format("arm64" if is_arm else "x86_64"),
            description="Amazon Linux 2023, the newest at each deployment; a newer one makes the machine anew",
        )
        machine = ec2.CfnInstance(
            self,
            # cloud-init runs the script once: another script is another machine.
            f"Machine{hashlib.sha256(script.encode()).hexdigest()[:8]}",
            image_id=image.value_as_string,
            instance_type=asked.instance_type,
            iam_instance_profile=self._profile(template).ref,
            metadata_options=ec2.CfnInstance.MetadataOptionsProperty(
                http_tokens="required", http_put_response_hop_limit=1
            ),
            block_device_mappings=[
                ec2.CfnInstance.BlockDeviceMappingProperty(
                    device_name="/dev/xvda",
                    ebs=ec2.CfnInstance.EbsProperty(encrypted=True, volume_size=_DISK_GB, volume_type="gp3"),
                )
            ],
            network_interfaces=[
                ec2.CfnInstance.NetworkInterfaceProperty(
                    device_index="0",
                    associate_public_ip_address=True,
                    subnet_id=network.subnet_id,
                    group_set=[network.security_group_id],
                )
            ],
            monitoring=True,
            user_data=cdk.Fn.base64(f"#!/bin/bash\n{exports}{script}"),
            tags=[cdk.CfnTag(key="Name", value=self.named(THING))],
        )
        for needed in network.way_out:
            machine.add_resource_dependency(needed)
        acknowledge(
            machine,
            "AwsSolutions::AwsSolutions-EC29",
            "it has nothing that is not made anew, and a stack cannot replace or delete a machine that is protected",
        )
        return machine

    def _profile(self, template: iot.CfnProvisioningTemplate) -> iam.CfnInstanceProfile:
        session = ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel")
        page = "https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html"
        grants = (
            Grant(("iot:CreateProvisioningClaim",), (template.attr_template_arn,)),
            on_all(f"{_SERVICE}, AWS IoT: no resource", "iot:DescribeEndpoint"),
            on_all(f"sessions have no resource: {page}", *(f"ssmmessages:{verb}" for verb in session)),
            on_all(f"as AWS's page has it: {page}", "ssm:UpdateInstanceInformation"),
        )
        taken = role(self, "machine-role", "ec2", grants, description="Becomes a station, and lets people look at it")
        return iam.CfnInstanceProfile(self, "Profile", roles=[taken.role_name])


def template_body(thing: str, policy: str, group: str) -> Mapping[str, Any]:
    """Return what is made of a claim: always the same thing, with another certificate.

    A thing that is there stays as it is, also in the group where somebody has put it.

    Args:
        thing: Name of the thing.
        policy: Name of AWS IoT's policy.
        group: Name of the thing group.

    Source:
        https://docs.aws.amazon.com/iot/latest/developerguide/provision-template.html
    """
    certificate = {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "Active"}
    return {
        "Parameters": {"AWS::IoT::Certificate::Id": {"Type": "String"}},
        "Resources": {
            "thing": {
                "Type": "AWS::IoT::Thing",
                "OverrideSettings": dict.fromkeys(("AttributePayload", "ThingTypeName", "ThingGroups"), "DO_NOTHING"),
                "Properties": {"ThingName": thing, "ThingGroups": [group]},
            },
            "certificate": {"Type": "AWS::IoT::Certificate", "Properties": certificate},
            "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": policy}},
        },
    }
