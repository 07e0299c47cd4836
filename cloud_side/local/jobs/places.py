"""Where a job has its files: in a container below /opt/ml, here below the folder of its host."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ML = "/opt/ml"
_PLACE = re.compile(rf"(?:(?<=^)|(?<==)){ML}(?=/|$)")


class PlanError(ValueError):
    """A request that no machine of this kind can do; the message says what is wrong with it."""


@dataclass(frozen=True)
class Address:
    """A place in S3: one object, or all whose keys begin with the key."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> "Address":
        """Return the address in an URI.

        Raises:
            PlanError: If it is none of S3.
        """
        match = re.fullmatch(r"s3://([^/]+)/?(.*)", uri, re.DOTALL)
        if match is None:
            msg = f"{uri!r} is no address in S3, expected s3://bucket/key"
            raise PlanError(msg)
        return cls(match[1], match[2])

    def below(self, relative: str) -> "Address":
        """Return the address of something below this one."""
        return Address(self.bucket, f"{self.key.rstrip('/')}/{relative}".lstrip("/"))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def below_ml(path: str, what: str, *, base: str = ML) -> str:
    """Return the part of a container's path below /opt/ml, without a slash at either end.

    Args:
        path: Absolute.
        what: Named in the error.
        base: Below which it must be; itself /opt/ml or below that.

    Raises:
        PlanError: If it is not below the base.
    """
    relative = path.removeprefix(f"{base}/").rstrip("/")
    if not path.startswith(f"{base}/") or any(part in ("", ".", "..") for part in relative.split("/")):
        msg = f"{what} is {path!r}, expected a path below {base}/"
        raise PlanError(msg)
    return f"{base}/{relative}".removeprefix(f"{ML}/")


def placed(value: Any, root: Path) -> Any:  # noqa: ANN401 - any JSON
    """Return a value that a program is given, with every path below /opt/ml in it as it is on this machine.

    A path is the whole of a text, or stands after an equals sign, as in `--model-dir=/opt/ml/model`.
    """
    match value:
        case str():
            return _PLACE.sub(lambda _: str(root), value)
        case list():
            return [placed(each, root) for each in value]
        case dict():
            return {key: placed(each, root) for key, each in value.items()}
        case _:
            return value
