"""Why a deployment fails on a device, in the words and codes of the nucleus.

Source:
    Greengrass V2 developer guide, "Detailed deployment error codes"; the codes and their types are the nucleus'.
"""

from collections.abc import Sequence

_TYPES = {
    "ARTIFACT_CHECKSUM_MISMATCH": "COMPONENT_RECIPE_ERROR",
    "COMPONENT_BROKEN": "USER_COMPONENT_ERROR",
    "COMPONENT_CIRCULAR_DEPENDENCY_ERROR": "REQUEST_ERROR",
    "COMPONENT_VERSION_REQUIREMENTS_NOT_MET": "REQUEST_ERROR",
    "IO_WRITE_ERROR": "DEVICE_ERROR",
    "S3_GET_OBJECT_RESOURCE_NOT_FOUND": "REQUEST_ERROR",
}


class DeploymentFailure(Exception):  # noqa: N818 - the deployment fails, the program does not
    """A deployment cannot be done on this device.

    Attributes:
        reason: For people, as the nucleus words it.
        codes: From the least to the most specific.
    """

    def __init__(self, reason: str, *codes: str) -> None:
        """Keep the parts."""
        super().__init__(reason)
        self.reason = reason
        self.codes = ("DEPLOYMENT_FAILURE", *codes)


def types_of(codes: Sequence[str]) -> list[str]:
    """Return the kinds of error that codes stand for, each once."""
    return list(dict.fromkeys(_TYPES[code] for code in codes if code in _TYPES))
