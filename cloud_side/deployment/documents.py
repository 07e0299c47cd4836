"""Values that are kept as JSON in S3: frozen, and read strictly."""

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from edge_inspector.errors import ConfigError


class Document(BaseModel):
    """A value with a JSON form; what it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, revalidate_instances="never")

    def content(self) -> bytes:
        """Return it as a file."""
        return f"{self.model_dump_json(indent=2, by_alias=True)}\n".encode()


_Kind = TypeVar("_Kind", bound=BaseModel)


def parsed(kind: type[_Kind], content: bytes | str, origin: str) -> _Kind:
    """Return the value that a file is.

    Args:
        kind: Of value.
        content: JSON.
        origin: Of it, for errors.

    Raises:
        ConfigError: Once, with one line a problem.
    """
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise ConfigError("\n".join(_problems(error, origin))) from error


def checked(kind: type[_Kind], document: Any, origin: str) -> _Kind:  # noqa: ANN401 - any JSON
    """Return the value that parsed JSON is.

    Raises:
        ConfigError: Once, with one line a problem.
    """
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        raise ConfigError("\n".join(_problems(error, origin))) from error


def _problems(error: ValidationError, origin: str) -> list[str]:
    return [
        f"{origin}: {'.'.join(map(str, each['loc'])) or 'all of it'}: expected: {each['msg']}, "
        f"found {each['input']!s:.80}"
        for each in error.errors(include_url=False)
    ]
