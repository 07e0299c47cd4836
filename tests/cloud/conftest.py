"""All tests of the cloud side share what is large and never changes, and know nothing of who runs them."""

import pytest

from tests.cloud import loaded

__all__ = ["loaded"]


@pytest.fixture(autouse=True)
def no_credentials_of_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nobody find the credentials that a build in AWS has."""
    for name in ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        monkeypatch.delenv(name, raising=False)
