"""The former place of `cloud_side.objects`."""

from cloud_side.objects import Bucket as Shelf
from cloud_side.objects import Kept, Listed, Unchanged

__all__ = ["Kept", "Listed", "Shelf", "Unchanged"]
