"""Behind a load balancer people are who it has signed that they are, and nobody else."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cloud_side.labeling.page.guard import Turned
from cloud_side.labeling.page.login import PublicKeys, keys_url
from edge_inspector.errors import ConfigError
from tests.cloud.labeling.orders import served_behind
from tests.cloud.labeling.page.asking import Asker

ARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/labeling/50dc6c495c0c9188"
OTHER = ARN.replace("labeling", "another")
KID = "5a9d4b1e-0000-4000-8000-000000000001"


@dataclass
class Signer:
    """A load balancer: a key pair, and an endpoint that tells the public half."""

    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    asked: list[str] = field(default_factory=list)
    status: int = 200

    def public(self) -> bytes:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(serialization.Encoding.PEM, form)

    def token(self, claims: dict[str, Any] | None = None, **header: Any) -> str:
        """Return a token as the load balancer makes them: each part with its padding, which is signed as well."""
        about = {"alg": "ES256", "kid": KID, "signer": ARN, "iss": "i", "client": "c", "exp": int(time.time()) + 120}
        said = {"sub": "s-1", "email": "Ana@Plant.example"} if claims is None else claims
        head = {name: value for name, value in (about | header).items() if value is not None}
        signed = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()) for part in (head, said))
        signature = jwt.get_algorithm_by_name("ES256").sign(signed, self.private)
        return b".".join((signed, base64.urlsafe_b64encode(signature))).decode()


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture(scope="module")
def endpoint(signer: Signer) -> Iterator[str]:
    class Endpoint(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            signer.asked.append(self.path)
            self.send_response(signer.status if self.path == f"/{KID}" else 404)
            self.end_headers()
            self.wfile.write(signer.public())

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def ask(endpoint: str, session: boto3.Session, folder: Path) -> Iterator[Callable[..., Any]]:
    with served_behind(session, folder, alb_arn=ARN, alb_keys=endpoint, alb_client="c") as netloc:
        asker = Asker(netloc, "", {"X-Edge-Inspector": "1"})

        def ask_(token: str | None, **more: Any) -> Any:
            return asker.ask("GET", "/api/me", x_amzn_oidc_data=token, **more)

        yield ask_


def test_people_are_called_by_their_address(ask: Callable[..., Any], signer: Signer) -> None:
    assert ask(signer.token()).document == {"name": "ana@plant.example"}
    assert ask(signer.token({"sub": "s", "email": "a@b.c", "email_verified": "true"})).document == {"name": "a@b.c"}


@pytest.mark.parametrize("claims", [{"sub": "s-2"}, {"sub": "s-2", "email": "a@b.c", "email_verified": "false"}])
def test_who_has_no_address_of_their_own_is_called_by_the_subject(
    ask: Callable[..., Any], signer: Signer, claims: dict[str, Any]
) -> None:
    assert ask(signer.token(claims)).document == {"name": "s-2"}


def test_the_public_key_is_fetched_once(ask: Callable[..., Any], signer: Signer) -> None:
    ask(signer.token())
    before = len(signer.asked)
    assert ask(signer.token({"sub": "s-3"})).status == 200
    assert len(signer.asked) == before


@pytest.mark.parametrize(
    ("claims", "header"),
    [
        (None, {"signer": OTHER}),
        (None, {"signer": None}),
        (None, {"exp": int(time.time()) - 3600}),
        (None, {"exp": None}),
        (None, {"exp": "tomorrow"}),
        (None, {"exp": True}),
        (None, {"exp": float("nan")}),
        (None, {"client": "another-application"}),
        (None, {"alg": "HS256"}),
        (None, {"alg": "none"}),
        (None, {"kid": None}),
        (None, {"kid": "../../elsewhere"}),
        (None, {"kid": "unknown"}),
        ({"sub": "s", "exp": 1}, {}),
        ({}, {}),
        ({"sub": 7}, {}),
        ({"sub": "x" * 129}, {}),
        ({"sub": "a\nb"}, {}),
    ],
)
def test_what_the_load_balancer_does_not_say_of_now_is_turned_away(
    ask: Callable[..., Any], signer: Signer, claims: dict[str, Any] | None, header: dict[str, Any]
) -> None:
    told = ask(signer.token(claims, **header))
    assert (told.status, list(told.document)) == (401, ["error"])


_DEEP = base64.urlsafe_b64encode(b"[" * 30_000).decode()


@pytest.mark.parametrize("token", [None, "", "x", "a.b.c", "e30.e30.e30", f"{_DEEP}.e30.e30"])
def test_a_request_that_did_not_come_through_it_is_turned_away(ask: Callable[..., Any], token: str | None) -> None:
    assert ask(token).status == 401


def test_a_signature_of_another_key_is_turned_away(ask: Callable[..., Any], signer: Signer) -> None:
    assert ask(Signer().token()).status == 401
    head, _, signature = signer.token().split(".")
    claims = base64.urlsafe_b64encode(b'{"sub": "somebody-else"}').decode()
    assert ask(f"{head}.{claims}.{signature}").status == 401


def test_a_token_signed_by_the_public_key_as_if_it_were_a_secret_is_turned_away(
    ask: Callable[..., Any], signer: Signer
) -> None:
    header = {"kid": KID, "signer": ARN, "exp": int(time.time()) + 60}
    part = [base64.urlsafe_b64encode(json.dumps(each).encode()) for each in ({"alg": "HS256", **header}, {"sub": "s"})]
    signature = jwt.api_jws.get_algorithm_by_name("HS256").sign(b".".join(part), signer.public())
    assert ask(b".".join((*part, base64.urlsafe_b64encode(signature))).decode()).status == 401


def test_any_host_is_served_there_and_changes_still_come_from_the_page_alone(
    ask: Callable[..., Any], signer: Signer
) -> None:
    assert ask(signer.token(), Host="labeling.plant.example").status == 200


def test_a_key_that_is_known_waits_for_no_other(endpoint: str, signer: Signer) -> None:
    keys = PublicKeys(endpoint)
    keys.key(KID)
    with keys._fetching:  # as while another key is fetched
        assert keys.key(KID) == signer.public()


def test_keys_that_cannot_be_fetched_now_are_no_refusal(endpoint: str, signer: Signer) -> None:
    signer.status = 500
    try:
        with pytest.raises(Turned, match="cannot be fetched now") as caught:
            PublicKeys(endpoint).key(KID)
    finally:
        signer.status = 200
    assert caught.value.status == 503


def test_a_key_that_was_kept_for_an_hour_is_fetched_anew(endpoint: str, signer: Signer) -> None:
    seconds = [0.0]
    keys = PublicKeys(endpoint, clock=lambda: seconds[0])
    asked = len(signer.asked)
    for at, times in ((0.0, 1), (3600.0, 1), (3601.0, 2)):
        seconds[0] = at
        assert keys.key(KID) == signer.public()
        assert len(signer.asked) == asked + times


def test_where_the_keys_are_follows_from_the_load_balancer() -> None:
    assert keys_url(ARN) == "https://public-keys.auth.elb.eu-central-1.amazonaws.com"
    gov = ARN.replace("arn:aws:", "arn:aws-us-gov:").replace("eu-central-1", "us-gov-west-1")
    assert keys_url(gov) == "https://s3-us-gov-west-1.amazonaws.com/aws-elb-public-keys-prod-us-gov-west-1"
    for arn in ("", "labeling", ARN.replace("app/", "net/")):
        with pytest.raises(ConfigError, match="--alb-arn: expected"):
            keys_url(arn)


def test_keys_are_taken_from_the_web_alone() -> None:
    with pytest.raises(ConfigError, match="--alb-keys: expected"):
        PublicKeys("file:///etc")
