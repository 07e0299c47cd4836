"""`python -m edge_inspector`: the command line."""

import sys

from edge_inspector.cli import main

if __name__ == "__main__":
    sys.exit(main())
