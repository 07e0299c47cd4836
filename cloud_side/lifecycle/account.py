"""Whose account it is: credentials, account and region as an environment expects them, and ready for CDK."""

import os
from dataclasses import dataclass
from typing import Final

import boto3
from botocore.exceptions import NoCredentialsError

from cloud_side.clients import PATIENT
from cloud_side.commands import CommandError
from cloud_side.engines import ENGINE_VARIABLE, engine_folder
from cloud_side.infrastructure.environments import Environment
from cloud_side.objects import Client

# https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-customizing.html, "The bootstrap template's contract"
BOOTSTRAP_PARAMETER: Final = "/cdk-bootstrap/hnb659fds/version"


@dataclass(frozen=True)
class Account:
    """An account and region, as somebody's credentials open them.

    Attributes:
        number: Of 12 digits.
        region: Of the installation.
        session: Opens clients.
    """

    number: str
    region: str
    session: boto3.Session

    def client(self, service: str) -> Client:
        """Return a client of a service in the installation's region."""
        made: Client = self.session.client(service, region_name=self.region, config=PATIENT)
        return made


def open_account(environment: Environment) -> Account:
    """Return the account that the credentials open, where it is the environment's.

    Raises:
        CommandError: If a local engine is meant, there are no credentials, or account or region are others.
        ClientError: If AWS refuses the credentials.
    """
    if engine_folder() is not None:
        msg = f"cloud: expected AWS, found the engine of this machine that {ENGINE_VARIABLE} names; unset it"
        raise CommandError(msg)
    session = boto3.Session()
    for source, region in (("AWS_REGION", os.environ.get("AWS_REGION")), ("the configuration", session.region_name)):
        if region and region != environment.region:
            msg = (
                f"environment {environment.name}: expected the region {environment.region}, found {region} of {source} "
                f"of AWS; say AWS_REGION={environment.region} AWS_DEFAULT_REGION={environment.region}"
            )
            raise CommandError(msg)
    sts = session.client("sts", region_name=environment.region, config=PATIENT)
    try:
        number = str(sts.get_caller_identity()["Account"])
    except NoCredentialsError as error:
        msg = (
            f"environment {environment.name}: expected credentials of AWS, found none; sign in (`aws sso login`), "
            "or set AWS_PROFILE"
        )
        raise CommandError(msg) from error
    if environment.account not in {None, number}:
        msg = (
            f"environment {environment.name}: expected the account {environment.account}, found credentials of "
            f"{number}; say AWS_PROFILE=another"
        )
        raise CommandError(msg)
    return Account(number, environment.region, session)


def check_bootstrapped(account: Account) -> None:
    """Check that CDK has what it deploys with.

    Raises:
        CommandError: If not.
    """
    ssm = account.client("ssm")
    try:
        ssm.get_parameter(Name=BOOTSTRAP_PARAMETER)
    except ssm.exceptions.ParameterNotFound as error:
        place = f"aws://{account.number}/{account.region}"
        msg = (
            f"{place}: expected CDK's bootstrap, found no parameter {BOOTSTRAP_PARAMETER}; once an account and region: "
            f"edge-inspector-cloud cloud cdk bootstrap {place}, with the options of docs/first-deploy.md"
        )
        raise CommandError(msg) from error
