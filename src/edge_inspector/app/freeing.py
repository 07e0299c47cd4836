"""Memory that was freed, given back to the system."""

import ctypes


def give_memory_back() -> None:
    """Return to the system what a model has freed, when it was loaded or closed: the C library would keep it."""
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)
