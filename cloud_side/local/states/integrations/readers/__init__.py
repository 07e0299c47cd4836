"""Brings the items of a distributed map out of S3, a window at a time.

    reader (the ItemReader) -> source: one object, a listing, or many objects joined -> form: JSON array, lines, table

Each read gives a cursor, small JSON, with which the next one goes on, in this process or in another.
"""

from cloud_side.local.states.integrations.readers.reader import read

__all__ = ["read"]
