"""What holds for all tests."""

import os

from hypothesis import settings

# A busy machine is no fault. In CI hypothesis loads a profile of its own that also draws the same examples every time.
if not os.environ.get("CI"):
    settings.register_profile("patient", deadline=None)
    settings.load_profile("patient")
