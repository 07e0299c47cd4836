"""What a command says when it cannot be done."""

from collections.abc import Iterator
from contextlib import contextmanager

from edge_inspector.errors import InspectorError


class CommandError(InspectorError):
    """What was asked for is not there, or is refused; one line for a person."""


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Make what the service refuses, and what keeps one from asking it, an error of one line."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        msg = f"{said.get('Code', 'refused')}: {said.get('Message') or error}"
        raise CommandError(" ".join(msg.split())) from error
    except BotoCoreError as error:
        msg = f"Step Functions cannot be asked: {' '.join(str(error).split())}"
        raise CommandError(msg) from error
