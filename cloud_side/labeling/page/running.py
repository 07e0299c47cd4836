"""The labeling page as a whole: who may come, where it listens, and what it works on."""

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from cloud_side.labeling.page.api import Api
from cloud_side.labeling.page.application import application
from cloud_side.labeling.page.finisher import Finisher
from cloud_side.labeling.page.guard import Guard
from cloud_side.labeling.page.links import SecretLinks, keep_secrets
from cloud_side.labeling.page.login import Login, PublicKeys, keys_url
from cloud_side.labeling.page.server import Server
from cloud_side.labeling.places import OPEN_WORK
from cloud_side.labeling.work.desk import Desk
from cloud_side.objects import Bucket
from edge_inspector.errors import ConfigError

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_ANY: Final = ("0.0.0.0", "::")  # noqa: S104 - compared with
_CLIENT: Final = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 4}, max_pool_connections=32
)


@dataclass(frozen=True, slots=True)
class PageOptions:
    """How the page is to be served.

    Attributes:
        bucket: The product's.
        people: Names, where people come by secret links.
        secrets: Where those are kept.
        alb_arn: Of the load balancer, where it signs people in.
        alb_keys: Where its keys are, if not where AWS has them.
        alb_client: Id of this application at the provider, if no other may lead here.
        host, port: Where to listen.
        hosts: More names under which browsers may come.
    """

    bucket: str
    people: Sequence[str]
    secrets: Path
    alb_arn: str | None
    alb_keys: str | None
    alb_client: str | None
    host: str
    port: int
    hosts: Sequence[str]


def serve(session: boto3.Session, options: PageOptions, tell: Callable[[str], None], until: threading.Event) -> None:
    """Serve the page until the event is set.

    Args:
        session: Where S3 and Step Functions are.
        options: How.
        tell: Gets the lines that a person reads.
        until: When to end.

    Raises:
        ConfigError: If the page cannot be served so.
    """
    bucket = Bucket(session.client("s3", config=_CLIENT), options.bucket)
    _check_bucket(bucket)
    desk = Desk(bucket)
    finisher = Finisher(desk, session.client("stepfunctions", config=_CLIENT))
    api = Api(desk, finisher.wake)
    links = None if options.alb_arn else _links(options)
    with ExitStack() as stack:
        if links is None:
            app = application(api, Guard(_login(options), None), None)
        else:
            app = application(api, Guard(links, _hosts(options)), links)
        server = stack.enter_context(Server(app, options.host, options.port))
        stack.enter_context(finisher)
        for line in _told(options, links, server.port):
            tell(line)
        until.wait()


def _links(options: PageOptions) -> SecretLinks:
    return SecretLinks(keep_secrets(options.secrets, options.people), options.secrets.absolute())


def _login(options: PageOptions) -> Login:
    arn = options.alb_arn or ""
    url = keys_url(arn)
    return Login(arn, PublicKeys(options.alb_keys or url), client=options.alb_client)


def _hosts(options: PageOptions) -> frozenset[str]:
    if options.host in _ANY and not options.hosts:
        msg = f"--hosts: expected the names under which browsers reach this machine, as --host is {options.host}"
        raise ConfigError(msg)
    return frozenset(name.lower() for name in (*_LOOPBACK, options.host, *options.hosts))


def _told(options: PageOptions, links: SecretLinks | None, port: int) -> list[str]:
    is_elsewhere = options.host not in _LOOPBACK
    name = next(iter(options.hosts), options.host) if is_elsewhere else options.host
    origin = f"http://{f'[{name}]' if ':' in name else name}:{port}"
    if links is None:
        return [f"the labeling page listens on {origin}, for {options.alb_arn}"]
    width = max(map(len, options.people))
    return [
        f"the labeling page of {options.bucket} is served; each link is one person's, and secret:",
        *(f"  {person:{width}}  {origin}{links.path(person)}" for person in options.people),
    ]


def _check_bucket(bucket: Bucket) -> None:
    try:
        next(bucket.listed(OPEN_WORK), None)  # a HEAD of the bucket would need the right to list all of it
    except ClientError as error:
        if error.response["Error"].get("Code") not in {"404", "NoSuchBucket"}:
            raise
        made = "`edge-inspector-cloud local up` makes one"
        msg = f"{bucket.name}: there is no such bucket; {made}, --bucket names another"
        raise ConfigError(msg) from error
