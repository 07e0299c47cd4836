"""A small network of its own for one machine that calls out and is called by nobody."""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

from cloud_side.infrastructure.functions import LOGS_KEPT, log_to
from cloud_side.infrastructure.grants import Grant, role
from cloud_side.infrastructure.unit import Unit

_ADDRESSES: Final = "10.0.0.0/28"
_ANYWHERE: Final = "0.0.0.0/0"
_PORTS: Final = {443: "AWS, packages", 8443: "Greengrass", 8883: "MQTT"}


class Network(Construct):
    """A public subnet, from which one goes out by an internet gateway; nothing comes in.

    Attributes:
        subnet_id: Of the subnet.
        security_group_id: With ports for what a station calls, and no rule for what comes in.
        way_out: What must be there before a machine calls out.
    """

    def __init__(self, unit: Unit) -> None:
        """Make it."""
        super().__init__(unit, "Network")
        network = ec2.CfnVPC(self, "Vpc", cidr_block=_ADDRESSES, enable_dns_support=True, enable_dns_hostnames=True)
        subnet = ec2.CfnSubnet(self, "Subnet", vpc_id=network.ref, cidr_block=_ADDRESSES)
        gateway = ec2.CfnInternetGateway(self, "Gateway")
        attached = ec2.CfnVPCGatewayAttachment(
            self, "GatewayAttachment", vpc_id=network.ref, internet_gateway_id=gateway.ref
        )
        table = ec2.CfnRouteTable(self, "Routes", vpc_id=network.ref)
        route = ec2.CfnRoute(
            self, "Out", route_table_id=table.ref, destination_cidr_block=_ANYWHERE, gateway_id=gateway.ref
        )
        route.add_resource_dependency(attached)
        associated = ec2.CfnSubnetRouteTableAssociation(
            self, "RoutesOfSubnet", route_table_id=table.ref, subnet_id=subnet.ref
        )
        group = ec2.CfnSecurityGroup(
            self,
            "SecurityGroup",
            vpc_id=network.ref,
            group_description="A station calls out, and nobody calls it",
            security_group_egress=[
                ec2.CfnSecurityGroup.EgressProperty(
                    ip_protocol="tcp", from_port=port, to_port=port, cidr_ip=_ANYWHERE, description=what
                )
                for port, what in _PORTS.items()
            ],
        )
        self.subnet_id, self.security_group_id = subnet.ref, group.attr_group_id
        self.way_out = (route, associated)
        self._flow_log(unit, network)

    def _flow_log(self, unit: Unit, network: ec2.CfnVPC) -> None:
        log = logs.LogGroup(
            self,
            "flow-log",
            log_group_name=f"/aws/vpc/{unit.named('edge-inspector-simulated')}",
            retention=LOGS_KEPT,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        grants = (
            log_to(log),
            Grant(("logs:DescribeLogStreams",), (log.log_group_arn,), "streams have the names of network interfaces"),
        )
        writer = role(unit, "flow-log-role", "vpc-flow-logs", grants, description="Writes who was called")
        ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_id=network.ref,
            resource_type="VPC",
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_group_name=log.log_group_name,
            deliver_logs_permission_arn=writer.role_arn,
        )
