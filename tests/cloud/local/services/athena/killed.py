"""Asks for a query until it is over, in a process that a test kills."""

import sys
from pathlib import Path

from cloud_side.local.opening import open_local


def main(folder: str, identity: str) -> int:
    athena = open_local(Path(folder)).session.client("athena")
    athena.get_query_execution(QueryExecutionId=identity)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
