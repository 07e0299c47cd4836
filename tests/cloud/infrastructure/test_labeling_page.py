"""The labeling page as a service: nobody reaches it without a login or without TLS, and it may do its work alone."""

import re
from pathlib import Path
from typing import Any, cast

import boto3
import pytest

from cloud_side.infrastructure.environments import Environment, Page
from cloud_side.infrastructure.packages import Packages
from cloud_side.labeling.page.login import keys_url
from tests.cloud.infrastructure.conftest import Synthesized, Template
from tests.cloud.infrastructure.policies import ACCOUNT, Role, roles
from tests.cloud.infrastructure.test_labeling import BUCKET, ORDER, labeling_of, only
from tests.cloud.labeling.orders import cloud, output_of, put_items, put_order, served
from tests.cloud.labeling.page.asking import Asker
from tests.mosquitto import eventually

pytestmark = pytest.mark.thorough

STACK = "edge-inspector-prod-labeling"
DOCKERFILE = Path("cloud_side/labeling/page/Dockerfile")
CERTIFICATE = f"arn:aws:acm:eu-central-1:{ACCOUNT}:certificate/00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def template(synthesized: Synthesized) -> Template:
    return synthesized.templates[STACK]


@pytest.fixture(scope="module")
def page(template: Template) -> Role:
    (found,) = [each for each in roles(STACK, template) if each.described == "What the labeling page may do"]
    return found


def of_kind(template: Template, kind: str) -> list[dict[str, Any]]:
    return [each["Properties"] for each in template["Resources"].values() if each["Type"] == kind]


def container(template: Template) -> dict[str, Any]:
    (found,) = only(template, "AWS::ECS::TaskDefinition")["Properties"]["ContainerDefinitions"]
    return dict(found)


def test_an_installation_without_a_page_has_nothing_of_it(synthesized: Synthesized) -> None:
    kinds = {each["Type"] for each in synthesized.templates["edge-inspector-dev-labeling"]["Resources"].values()}
    assert not [kind for kind in kinds if kind.startswith(("AWS::EC2", "AWS::ECS", "AWS::ECR", "AWS::Cognito"))]


def test_every_way_to_the_page_asks_for_a_login_first(template: Template) -> None:
    rules = sorted(of_kind(template, "AWS::ElasticLoadBalancingV2::ListenerRule"), key=lambda each: each["Priority"])
    for rule in rules:
        assert [action["Type"] for action in rule["Actions"]] == ["authenticate-cognito", "forward"]
        assert [action["Order"] for action in rule["Actions"]] == [1, 2]
        assert {"Field": "host-header", "HostHeaderConfig": {"Values": ["labels.example.com"]}} in rule["Conditions"]
    otherwise = [rule["Actions"][0]["AuthenticateCognitoConfig"]["OnUnauthenticatedRequest"] for rule in rules]
    assert otherwise == ["deny", "authenticate"]  # a script gets a plain 401
    assert rules[0]["Conditions"][1]["PathPatternConfig"] == {"Values": ["/api/*"]}


def test_the_one_listener_is_tls_and_leads_nowhere_by_itself(template: Template) -> None:
    (listener,) = of_kind(template, "AWS::ElasticLoadBalancingV2::Listener")
    assert (listener["Port"], listener["Protocol"]) == (443, "HTTPS")
    assert re.fullmatch(r"ELBSecurityPolicy-TLS13-1-2-.*", listener["SslPolicy"])
    assert [action["Type"] for action in listener["DefaultActions"]] == ["fixed-response"]
    attributes = {each["Key"]: each["Value"] for each in listener["ListenerAttributes"]}
    assert attributes["routing.http.response.strict_transport_security.header_value"] == "max-age=31536000"


def test_the_groups_are_closed_but_for_443_and_for_the_load_balancer(template: Template) -> None:
    groups = of_kind(template, "AWS::EC2::SecurityGroup")
    inward = [rule for group in groups for rule in group.get("SecurityGroupIngress", ())]
    assert [(rule["CidrIp"], rule["FromPort"], rule["ToPort"]) for rule in inward] == [("0.0.0.0/0", 443, 443)]
    (behind,) = of_kind(template, "AWS::EC2::SecurityGroupIngress")
    assert "SourceSecurityGroupId" in behind
    assert (behind["FromPort"], behind["ToPort"]) == (8620, 8620)
    outward = [rule for group in groups for rule in group["SecurityGroupEgress"]]
    assert {(rule["FromPort"], rule["ToPort"]) for rule in outward} == {(443, 443)}


def test_nobody_signs_up_by_themselves_and_everybody_has_two_factors(template: Template) -> None:
    pool = only(template, "AWS::Cognito::UserPool")
    assert (pool["DeletionPolicy"], pool["Properties"]["DeletionProtection"]) == ("Retain", "ACTIVE")
    assert pool["Properties"]["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert pool["Properties"]["MfaConfiguration"] == "ON"
    assert pool["Properties"]["EnabledMfas"] == ["SOFTWARE_TOKEN_MFA"]
    assert pool["Properties"]["Policies"]["PasswordPolicy"]["MinimumLength"] >= 12


def test_a_login_comes_back_to_the_page_alone_and_no_template_knows_its_secret(template: Template) -> None:
    (client,) = of_kind(template, "AWS::Cognito::UserPoolClient")
    assert client["CallbackURLs"] == ["https://labels.example.com/oauth2/idpresponse"]
    assert client["AllowedOAuthFlows"] == ["code"]
    assert client["GenerateSecret"] is True
    assert "ClientSecret" not in str(template)


def test_the_container_is_nobody_in_particular_and_writes_nothing(template: Template) -> None:
    made = container(template)
    user = re.search(r"^USER (\d+)$", DOCKERFILE.read_text(), re.MULTILINE)
    assert user is not None
    assert made["User"] == user[1] != "0"
    assert made["ReadonlyRootFilesystem"] is True
    assert made["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert "Privileged" not in made


def test_the_container_gets_what_the_page_takes(template: Template) -> None:
    made, balancer = container(template), "PageDoorBalancer"
    entry = re.search(r'ENTRYPOINT \[.*"--port", "(\d+)"\]', DOCKERFILE.read_text())
    assert entry is not None
    assert made["PortMappings"][0]["ContainerPort"] == int(entry[1])
    assert made["Command"][0::2] == ["--alb-arn", "--alb-client"]
    assert made["Command"][1]["Ref"].startswith(balancer)
    assert keys_url(f"arn:aws:elasticloadbalancing:eu-central-1:{ACCOUNT}:loadbalancer/app/{balancer}/0a1b")
    names = {each["Name"] for each in made["Environment"]}
    assert names == {"AWS_DEFAULT_REGION", "EDGE_INSPECTOR_BUCKET", "EDGE_INSPECTOR_INSTALLATION"}


def test_no_task_runs_until_there_is_an_image(template: Template) -> None:
    assert template["Parameters"]["ImageTag"]["Default"] == ""
    assert only(template, "AWS::ECS::Service")["Properties"]["DesiredCount"] == {"Fn::If": ["HasImageTag", 1, 0]}
    assert template["Conditions"]["HasImageTag"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "ImageTag"}, ""]}]}


def test_the_tag_of_an_environment_is_that_of_the_container(tmp_path: Path, packages: Packages) -> None:
    page = Page(domain="labels.example.org", certificate_arn=CERTIFICATE, image_tag="7")
    made = labeling_of(Environment(name="tagged", page=page), tmp_path, packages)
    assert made["Parameters"]["ImageTag"]["Default"] == "7"


def test_images_of_the_container_are_kept_scanned_and_never_replaced(template: Template) -> None:
    repository = only(template, "AWS::ECR::Repository")
    assert repository["DeletionPolicy"] == "RetainExceptOnCreate"
    assert repository["Properties"]["ImageTagMutability"] == "IMMUTABLE"
    assert repository["Properties"]["ImageScanningConfiguration"] == {"ScanOnPush": True}


def test_the_load_balancer_says_who_came(template: Template) -> None:
    balancer = only(template, "AWS::ElasticLoadBalancingV2::LoadBalancer")["Properties"]
    attributes = {each["Key"]: each["Value"] for each in balancer["LoadBalancerAttributes"]}
    assert attributes["access_logs.s3.enabled"] == "true"
    assert attributes["routing.http.drop_invalid_header_fields.enabled"] == "true"
    log = only(template, "AWS::S3::Bucket")
    assert log["DeletionPolicy"] == "RetainExceptOnCreate"
    assert set(log["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}


def test_the_page_works_on_orders_and_touches_nothing_else(page: Role) -> None:
    bucket, work = BUCKET.format("prod"), "labeling/batches/first/round-1/label"
    for action, key in (
        ("s3:GetObject", ORDER),
        ("s3:DeleteObject", ORDER),
        ("s3:GetObject", "samples/site=a/line=b/station=c/dt=2026-03-01/x-0.jpg"),
        ("s3:GetObject", f"{work}/input.manifest"),
        ("s3:PutObject", f"{work}/leases/0a1b/0.json"),
        ("s3:PutObject", f"{work}/answers/0a1b/ana.json"),
        ("s3:PutObject", f"{work}/output.manifest"),
    ):
        assert page.may(action, f"{bucket}/{key}"), (action, key)
    for action, key in (
        ("s3:DeleteObject", f"{work}/answers/0a1b/ana.json"),
        ("s3:PutObject", f"{work}/input.manifest"),
        ("s3:PutObject", "labeling/batches/first/round-1/accepted.jsonl"),
        ("s3:PutObject", "catalog/taken/00000001.jsonl"),
        ("s3:GetObject", "models/a/model.tar.gz"),
    ):
        assert not page.may(action, f"{bucket}/{key}"), (action, key)
    assert page.may("s3:ListBucket", bucket, {"s3:prefix": "labeling/open/"})
    assert not page.may("s3:ListBucket", bucket, {"s3:prefix": ""})


class Recording:
    """A session whose clients write down what is asked of AWS."""

    def __init__(self, session: boto3.Session) -> None:
        self.calls: set[tuple[str, str]] = set()
        self._session = session

    def client(self, service: str, **more: Any) -> Any:
        """Return a client of a service."""
        made = self._session.client(service, **more)
        made.meta.events.register(f"provide-client-params.{made.meta.service_model.service_id.hyphenize()}", self._note)
        return made

    def _note(self, model: Any, params: Any, **_: Any) -> None:
        self.calls.add((model.name, str(params.get("Key", params.get("Prefix", "")))))


def test_the_page_may_do_all_that_it_asks_of_aws_while_people_work(page: Role, tmp_path: Path) -> None:
    with cloud(tmp_path) as session:
        recording = Recording(session)
        order = put_order(session, put_items(session, 2))
        with served(cast("boto3.Session", recording), tmp_path, people=("ana",)) as made:
            ana, path = Asker.of_link(made.links["ana"]), "/api/orders/batch-1/1/label"
            for _ in range(2):
                item = f"{path}/items/{ana.ask('POST', f'{path}/next').document['item']}"
                for method, what in (("GET", ""), ("GET", "/image"), ("DELETE", "/lease"), ("POST", "/lease")):
                    assert ana.ask(method, f"{item}{what}").status in {200, 204}
                assert ana.ask("PUT", f"{item}/answer", {"no_defect": True, "seconds": 1.0}).status == 200
            assert ana.ask("GET", "/api/batches/batch-1/agreement").status == 200
            eventually(lambda: output_of(session, order) and not ana.ask("GET", "/api/orders").document, what="the end")
    asked = {name for name, _ in recording.calls}
    assert {"ListObjectsV2", "GetObject", "PutObject", "DeleteObject", "SendTaskSuccess"} <= asked
    assert not [call for call in recording.calls if not is_allowed(page, *call)]


def is_allowed(page: Role, operation: str, about: str) -> bool:
    bucket = BUCKET.format("prod")
    match operation:
        case "ListObjectsV2":
            return page.may("s3:ListBucket", bucket, {"s3:prefix": about})
        case "HeadObject":
            return page.may("s3:GetObject", f"{bucket}/{about}")
        case "SendTaskSuccess" | "SendTaskHeartbeat":
            return any(f"states:{operation}" in each.actions for each in page.statements)
        case _:
            return page.may(f"s3:{operation}", f"{bucket}/{about}")


def test_the_page_alone_answers_the_tasks_of_its_workflow(synthesized: Synthesized, template: Template) -> None:
    (machine,) = [
        name for name, each in template["Resources"].items() if each["Type"] == "AWS::StepFunctions::StateMachine"
    ]
    by_name = f"arn:aws:states:eu-central-1:{ACCOUNT}:stateMachine:edge-inspector-prod-labeling"
    answering = [
        role.described
        for stack, made in synthesized.templates.items()
        if stack.startswith("edge-inspector-prod-")
        for role in roles(stack, made)
        if role.may("states:SendTaskSuccess", by_name)
        or (stack == STACK and role.may("states:SendTaskSuccess", f"<{machine}>"))
    ]
    assert answering == ["What the labeling page may do"]
