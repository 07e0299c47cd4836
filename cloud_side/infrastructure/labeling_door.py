"""The way to the labeling page: a load balancer in a small network, which lets in who has signed in, by TLS alone."""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as balancing
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cloud_side.infrastructure.environments import Page
from cloud_side.infrastructure.functions import LOGS_KEPT, log_to
from cloud_side.infrastructure.grants import Grant, role
from cloud_side.infrastructure.labeling_login import Login
from cloud_side.infrastructure.unit import Unit, acknowledge

_HTTPS: Final = ec2.Port.tcp(443)
_NAG: Final = "AwsSolutions::AwsSolutions"
_HEADERS: Final = {
    "routing.http.response.strict_transport_security.header_value": "max-age=31536000",
    "routing.http.response.server.enabled": "false",
}


class Door(Construct):
    """A network, a load balancer, and the security group of what is behind it.

    Attributes:
        network: Public subnets alone; see `labeling_page`.
        balancer: What people reach.
        behind: Lets the load balancer in, and nobody else.
    """

    def __init__(self, scope: Construct, unit: Unit, port: int) -> None:
        """Make it.

        Args:
            scope: What people come to.
            unit: The stack.
            port: Of what is behind it.
        """
        super().__init__(scope, "Door")
        self._unit, self._port = unit, port
        self.network = self._network()
        before, self.behind = self._security_groups()
        self.balancer = balancing.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=self.network,
            internet_facing=True,
            security_group=before,
            drop_invalid_header_fields=True,
        )
        self.balancer.log_access_logs(self._access_log())

    def open(self, page: Page, login: Login, target: balancing.IApplicationLoadBalancerTarget) -> None:
        """Let people in who have signed in, under the page's name alone.

        Args:
            page: Its name, and the certificate for it.
            login: Says who somebody is.
            target: What is behind.
        """
        group = balancing.ApplicationTargetGroup(
            self,
            "Target",
            vpc=self.network,
            port=self._port,
            protocol=balancing.ApplicationProtocol.HTTP,
            targets=[target],
            deregistration_delay=cdk.Duration.seconds(30),
            health_check=balancing.HealthCheck(path="/healthz", interval=cdk.Duration.seconds(15)),
        )
        listener = self.balancer.add_listener(
            "Listener",
            port=443,
            open=False,
            certificates=[balancing.ListenerCertificate.from_arn(page.certificate_arn)],
            ssl_policy=balancing.SslPolicy.TLS13_RES,
            default_action=balancing.ListenerAction.fixed_response(
                421, content_type="text/plain", message_body="There is nothing under this name."
            ),
        )
        made = listener.node.default_child
        assert isinstance(made, balancing.CfnListener)  # noqa: S101 - for the types
        made.listener_attributes = [
            balancing.CfnListener.ListenerAttributeProperty(key=key, value=value) for key, value in _HEADERS.items()
        ]
        to = balancing.ListenerAction.forward([group])
        host = balancing.ListenerCondition.host_headers([page.domain])
        api = balancing.ListenerCondition.path_patterns(["/api/*"])
        for name, priority, conditions, otherwise in (
            ("Api", 1, [host, api], balancing.UnauthenticatedAction.DENY),  # a script cannot sign in: a plain 401
            ("Page", 2, [host], balancing.UnauthenticatedAction.AUTHENTICATE),
        ):
            balancing.ApplicationListenerRule(
                self,
                name,
                listener=listener,
                priority=priority,
                conditions=conditions,
                action=login.before(to, otherwise),
            )

    def _network(self) -> ec2.Vpc:
        vpc = ec2.Vpc(
            self,
            "Network",
            ip_addresses=ec2.IpAddresses.cidr("10.86.20.0/24"),
            max_azs=2,
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=26, map_public_ip_on_launch=False
                )
            ],
            restrict_default_security_group=False,  # it would take a function of CDK's own; nothing is in that group
        )
        log = logs.LogGroup(
            self,
            "NetworkLog",
            log_group_name=f"/{self._unit.environment_.installation}/labeling-page-network",
            retention=LOGS_KEPT,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        streams = Grant(("logs:DescribeLogStreams",), (log.log_group_arn,), "it looks for its own among them")
        writer = role(
            self._unit,
            "page-network-role",
            "vpc-flow-logs",
            (log_to(log), streams),
            description="Keeps who called whom",
        )
        ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_id=vpc.vpc_id,
            resource_type="VPC",
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_group_name=log.log_group_name,
            deliver_logs_permission_arn=writer.role_arn,
        )
        return vpc

    def _security_groups(self) -> tuple[ec2.SecurityGroup, ec2.SecurityGroup]:
        """Return that of the load balancer, and that of what is behind it."""
        to = ec2.Port.tcp(self._port)
        before = ec2.SecurityGroup(
            self,
            "Before",
            vpc=self.network,
            description="The load balancer of the labeling page",
            allow_all_outbound=False,
        )
        behind = ec2.SecurityGroup(
            self, "Behind", vpc=self.network, description="What serves the labeling page", allow_all_outbound=False
        )
        before.add_ingress_rule(ec2.Peer.any_ipv4(), _HTTPS, "People; all of them sign in")
        before.add_egress_rule(ec2.Peer.any_ipv4(), _HTTPS, "Asks the user pool who somebody is")
        before.add_egress_rule(behind, to, "The page")
        behind.add_ingress_rule(before, to, "The load balancer")
        behind.add_egress_rule(ec2.Peer.any_ipv4(), _HTTPS, "AWS, and the public keys of the load balancer")
        acknowledge(before, f"{_NAG}-EC23", "people come from anywhere, by TLS alone, and get nowhere without a login")
        return before, behind

    def _access_log(self) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "AccessLog",
            bucket_name=f"{self._unit.environment_.installation}-page-{self._unit.account}-{self._unit.region}",
            encryption=s3.BucketEncryption.S3_MANAGED,  # load balancers write to no other one
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[s3.LifecycleRule(id="old", expiration=cdk.Duration.days(90))],
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        acknowledge(bucket, f"{_NAG}-S1", "it is where access is logged to")
        return bucket
