"""The site is there for all tests of rollouts."""

from tests.cloud.deployment.site import one_site, site

__all__ = ["one_site", "site"]
