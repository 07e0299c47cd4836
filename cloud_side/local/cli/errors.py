"""What a command says when it cannot be done."""

from collections.abc import Iterator
from contextlib import contextmanager

from cloud_side.engines import AWS, ENGINE_VARIABLE
from edge_inspector.errors import InspectorError


class CommandError(InspectorError):
    """What was asked for is not there, or is refused; one line for a person."""


@contextmanager
def one_line_errors(engine: str) -> Iterator[None]:
    """Make what the service refuses, and what keeps one from asking it, an error of one line.

    Args:
        engine: Which one is asked: `aws`, or the folder of a local one.
    """
    import sqlite3

    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        msg = f"{said.get('Code', 'refused')}: {said.get('Message') or error}"
        raise CommandError(" ".join(msg.split())) from error
    except BotoCoreError as error:
        other = f" `workflows` asks AWS unless {ENGINE_VARIABLE}=local:FOLDER" if engine == AWS else ""
        msg = f"Step Functions cannot be asked: {' '.join(str(error).split())}{other}"
        raise CommandError(msg) from error
    except BrokenPipeError:
        raise  # of whoever reads what is printed
    except (OSError, sqlite3.Error) as error:
        msg = f"{engine}: the engine's folder cannot be read or written: {error}"
        raise CommandError(msg) from error
