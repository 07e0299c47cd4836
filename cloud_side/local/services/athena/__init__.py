"""Athena on one machine: a query is a row, and SQLite runs it over what lies in S3.

StartQueryExecution writes the row. The engine's chore runs it; where no engine runs, GetQueryExecution does so before
it answers. Whoever holds the query's lock runs it, so that a process that is killed leaves it to the next. First the
JSON lines of the tables that it names are brought into SQLite, where they stay until their object changes; then the
statement runs over these as they were at that moment, and its result is written to S3 under the query's id.

SQLite is not Trino: what both understand, and understand alike, is what statements of the product are made of. Where
nulls are sorted it is said where they go, and names in quotes are names that are there.
"""

from cloud_side.local.services.athena import rows, service
from cloud_side.local.wiring import Service

ATHENA = Service("athena", reads=service.READS, writes=service.WRITES, slow=service.SLOW, tables=rows.TABLES)

__all__ = ["ATHENA"]
