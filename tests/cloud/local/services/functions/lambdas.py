"""Functions for the tests, and what is asked of them."""

import io
import json
import textwrap
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from cloud_side.local.database import Database
from cloud_side.local.home import Home
from cloud_side.local.services.functions.configuration import Function, find
from cloud_side.local.services.functions.function_log import log_file
from cloud_side.local.services.functions.pool import Outcome, Pool
from cloud_side.local.services.functions.warm import Event

ROLE = "arn:aws:iam::000000000000:role/tests"


def zipped(source: str, **others: str) -> bytes:
    """Return a zip with `handler.py`, and further modules by name."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in {"handler": source, **others}.items():
            archive.writestr(f"{name}.py", textwrap.dedent(text))
    return content.getvalue()


@dataclass
class Lambdas:
    session: Any
    client: Any
    database: Database
    home: Home
    pool: Pool
    _names: Iterator[int] = field(default_factory=count)

    def create(self, source: str, *, handler: str = "handler.handle", **more: Any) -> str:
        """Create a function of one module, and return its name: another one each time."""
        name, code = f"f{next(self._names)}", {"ZipFile": zipped(source)}
        more = {"Runtime": "python3.12", "Role": ROLE, "Handler": handler, "Code": code, "Timeout": 60, **more}
        self.client.create_function(FunctionName=name, **more)
        return name

    def ask(self, name: str, event: Any = None) -> Any:
        """Invoke a function that must not fail, and return its result."""
        answer = self.client.invoke(FunctionName=name, Payload=json.dumps(event))
        result = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, result
        return result

    def failure(self, name: str, event: Any = None) -> dict[str, Any]:
        """Invoke a function that must fail, and return what is told of it."""
        answer = self.client.invoke(FunctionName=name, Payload=json.dumps(event))
        assert answer["FunctionError"] == "Unhandled"
        return dict(json.loads(answer["Payload"].read()))

    def run(self, name: str, event: Any, **changes: Any) -> Outcome:
        """Run a function that differs from the one that is kept: AWS knows no time-out of less than a second."""
        function: Function = replace(find(self.database.connection(), name), **changes)
        return self.pool.run(function, Event("request", event))

    def log(self, name: str) -> str:
        """Return the log of a function so far."""
        file = log_file(self.home, name)
        return file.read_text() if file.exists() else ""
