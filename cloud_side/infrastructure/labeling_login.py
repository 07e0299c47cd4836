"""Who may come to the labeling page: a user pool, where nobody signs up by themselves, and all have two factors."""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_elasticloadbalancingv2 as balancing
from aws_cdk import aws_elasticloadbalancingv2_actions as actions
from constructs import Construct

from cloud_side.infrastructure.unit import Unit

_SIGNED_IN: Final = cdk.Duration.hours(12)  # a shift


class Login(Construct):
    """A user pool, and what a load balancer signs people in with.

    Another provider, of a company, is added to the pool, and to the client's providers.

    Attributes:
        people: The user pool.
        client: The load balancer gets its secret from the user pool; nobody else has it.
    """

    def __init__(self, scope: Construct, unit: Unit, name: str, domain: str) -> None:
        """Make it.

        Args:
            scope: What people come to.
            unit: The stack.
            name: Of the pool and the client.
            domain: Under which a browser comes back.
        """
        super().__init__(scope, "Login")
        self.people = self._people(name)
        self._domain = self.people.add_domain(
            "Domain",
            cognito_domain=cognito.CognitoDomainOptions(  # no two of a region are the same, in any account
                domain_prefix=f"{unit.environment_.installation}-{unit.account}"
            ),
        )
        self.client = self._client(name, domain)

    def before(
        self, then: balancing.ListenerAction, otherwise: balancing.UnauthenticatedAction
    ) -> balancing.ListenerAction:
        """Return an action for those who have signed in.

        Args:
            then: For them.
            otherwise: For the others.
        """
        return actions.AuthenticateCognitoAction(
            user_pool=self.people,
            user_pool_client=self.client,
            user_pool_domain=self._domain,
            scope="openid email",
            session_timeout=_SIGNED_IN,
            on_unauthenticated_request=otherwise,
            allow_https_outbound=False,  # the load balancer's security group says it
            next=then,
        )

    def _people(self, name: str) -> cognito.UserPool:
        return cognito.UserPool(
            self,
            "People",
            user_pool_name=name,
            self_sign_up_enabled=False,
            sign_in_aliases=cognito.SignInAliases(email=True),
            auto_verify=cognito.AutoVerifiedAttrs(email=True),
            keep_original=cognito.KeepOriginalAttrs(email=True),  # one is called by an address once it is theirs
            mfa=cognito.Mfa.REQUIRED,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            password_policy=cognito.PasswordPolicy(
                min_length=14,
                require_digits=True,
                require_lowercase=True,
                require_uppercase=True,
                require_symbols=True,
                temp_password_validity=cdk.Duration.days(3),
            ),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            feature_plan=cognito.FeaturePlan.PLUS,
            standard_threat_protection_mode=cognito.StandardThreatProtectionMode.FULL_FUNCTION,
            deletion_protection=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )

    def _client(self, name: str, domain: str) -> cognito.UserPoolClient:
        return self.people.add_client(
            "Client",
            user_pool_client_name=name,
            generate_secret=True,
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(authorization_code_grant=True),
                scopes=[cognito.OAuthScope.OPENID, cognito.OAuthScope.EMAIL],
                callback_urls=[f"https://{domain}/oauth2/idpresponse"],
            ),
            supported_identity_providers=[cognito.UserPoolClientIdentityProvider.COGNITO],
            prevent_user_existence_errors=True,
            refresh_token_validity=_SIGNED_IN,
        )
