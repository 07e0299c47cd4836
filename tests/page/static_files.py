"""Where the files of the operator page lie."""

from importlib.resources import files
from pathlib import Path

STATIC = Path(str(files("edge_inspector.page") / "static"))
