"""What holds for all tests."""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# A busy machine is no fault. In CI hypothesis loads a profile of its own that also draws the same examples every time.
if not os.environ.get("CI"):
    settings.register_profile("patient", deadline=None)
    settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    """Let a law that does not say itself how often it is tried be tried less every day than in a night."""
    if "not nightly" in config.option.markexpr:
        settings.register_profile("everyday", settings(), max_examples=40)
        settings.load_profile("everyday")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let files begin first whose tests may take longest: with several workers none of them is left over at the end."""
    longest: dict[object, float] = {}
    for item in items:
        mark = item.get_closest_marker("timeout")
        longest[item.path] = max(longest.get(item.path, 0.0), mark.args[0] if mark is not None and mark.args else 0.0)
    items.sort(key=lambda item: -longest[item.path])


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Look for garbage once all tests are there, and never again among them: a quarter of the time it took to collect.

    What the modules of all tests hold stays until the end, and each search for garbage would go through all of it.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()
