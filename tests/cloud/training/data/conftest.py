"""A bucket on a local engine, as the tests of datasets have it."""

from tests.cloud.catalog.datasets.conftest import engine, s3, sample, session, shelf

__all__ = ["engine", "s3", "sample", "session", "shelf"]
