"""All tests of the cloud side share what is large and never changes."""

from tests.cloud import loaded

__all__ = ["loaded"]
