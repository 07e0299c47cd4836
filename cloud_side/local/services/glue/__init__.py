"""Glue's data catalog on one machine: which tables lie over which objects of S3."""

from cloud_side.local.services.glue import rows, service
from cloud_side.local.wiring import Service

GLUE = Service("glue", reads=service.READS, writes=service.WRITES, tables=rows.TABLES)

__all__ = ["GLUE"]
