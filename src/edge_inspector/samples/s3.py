"""A bucket as target, by the S3 client of awscrt: checksums, large files in parts, credentials of the default chain.

The chain looks into the environment, the shared files, the Greengrass token exchange (a container endpoint) and EC2.
The client itself tries a request a few times within some seconds; what fails then is left to the uploader, whose pauses
can be watched. Only stations with a bucket import this module: awscrt takes 10 MB.
"""

import re
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit

from awscrt.auth import AwsCredentialsProvider
from awscrt.exceptions import AwsCrtError
from awscrt.http import HttpHeaders, HttpRequest
from awscrt.io import ClientBootstrap, DefaultHostResolver, EventLoopGroup
from awscrt.s3 import (
    S3ChecksumAlgorithm,
    S3ChecksumConfig,
    S3ChecksumLocation,
    S3Client,
    S3Request,
    S3RequestTlsMode,
    S3RequestType,
    S3ResponseError,
    create_default_s3_signing_config,
)

from edge_inspector.samples.target import RefusedError, UnavailableError, UnusableError
from edge_inspector.settings.keeping import S3Target

_MEBIBYTE = 1 << 20
_PART_BYTES, _MULTIPART_FROM_BYTES = 5 * _MEBIBYTE, 8 * _MEBIBYTE
_MODEST_GBPS = 0.1  # the client would else take buffers and connections for a data center
_CONNECTIONS = 2
_PATIENCE_S, _SLOWEST_BYTES_S = 60.0, 8000.0  # an upload may take so long, and longer at this rate
_CODE = re.compile(rb"<Code>(\w+)</Code>")

_TRY_AGAIN = frozenset(
    (
        *("BadDigest", "ExpiredToken", "IncompleteBody", "InternalError", "InvalidToken", "OperationAborted"),
        *("RequestTimeout", "ServiceUnavailable", "SlowDown", "Throttling", "TokenRefreshRequired"),
    )
)
_WHAT_TO_CHECK = {
    "AccessDenied": "check that the device's role may s3:PutObject there, and use the bucket's key",
    "AuthorizationHeaderMalformed": "check samples.upload.target.region",
    "InvalidAccessKeyId": "check the access key of the device",
    "NoSuchBucket": "check samples.upload.target.bucket, and that it was not deleted",
    "PermanentRedirect": "check samples.upload.target.region: the bucket is in another one",
    "RequestTimeTooSkewed": "check the clock of this machine",
    "SignatureDoesNotMatch": "check the secret key of the device",
}
_CHECK_ALL = "check samples.upload.target and what the device's role may do"
_REFUSALS = {301, 401, 403, 404, 405}
_TRANSIENT = {408, 409, 429}


@dataclass(frozen=True, slots=True)
class Address:
    """Where the objects of a bucket are.

    Attributes:
        host: With its port, where that is not the usual one.
        folder: Path before the key, ends with a slash.
        tls: Whether by https.
    """

    host: str
    folder: str
    tls: bool


def address_of(target: S3Target) -> Address:
    """Return where the objects of a bucket are.

    Buckets of AWS have a host of their own; where dots in its name would not fit AWS' certificate, and on other
    servers, the bucket is part of the path.
    """
    bucket = quote(target.bucket)
    if target.endpoint is not None:
        endpoint = urlsplit(target.endpoint)
        return Address(endpoint.netloc, f"/{bucket}/", endpoint.scheme == "https")
    domain = "amazonaws.com.cn" if target.region.startswith("cn-") else "amazonaws.com"
    if "." in target.bucket:
        return Address(f"s3.{target.region}.{domain}", f"/{bucket}/", tls=True)
    return Address(f"{bucket}.s3.{target.region}.{domain}", "/", tls=True)


class SampleBucket:
    """Puts files into a bucket; entering opens the client, leaving cancels what is under way."""

    def __init__(self, target: S3Target, *, patience_s: float = _PATIENCE_S) -> None:
        """Open nothing yet.

        Args:
            target: The bucket.
            patience_s: An upload that has not ended by then is given up; longer for large files.
        """
        self._target, self._address, self._patience_s = target, address_of(target), patience_s
        self._client: S3Client | None = None
        self._under_way: S3Request | None = None

    def __enter__(self) -> Self:
        threads = EventLoopGroup(1)
        bootstrap = ClientBootstrap(threads, DefaultHostResolver(threads))
        signing = create_default_s3_signing_config(
            region=self._target.region, credential_provider=AwsCredentialsProvider.new_default_chain(bootstrap)
        )
        self._client = S3Client(
            bootstrap=bootstrap,
            region=self._target.region,
            tls_mode=S3RequestTlsMode.ENABLED if self._address.tls else S3RequestTlsMode.DISABLED,
            signing_config=signing,
            part_size=_PART_BYTES,
            multipart_upload_threshold=_MULTIPART_FROM_BYTES,
            throughput_target_gbps=_MODEST_GBPS,
            max_active_connections_override=_CONNECTIONS,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client = None
        if self._under_way is not None:
            self._under_way.cancel()

    def put(self, key: str, path: Path, content_type: str) -> None:
        """Upload a file, see `Target`; confirmed by the success of the request that carried its CRC32."""
        if self._client is None:
            msg = f"{self._name}: closed"
            raise UnavailableError(msg)
        try:
            size = path.stat().st_size
            headers = HttpHeaders(
                [
                    ("host", self._address.host),
                    ("content-length", str(size)),
                    ("content-type", content_type),
                ]
            )
            request = self._client.make_request(
                type=S3RequestType.PUT_OBJECT,
                request=HttpRequest("PUT", self._address.folder + quote(key), headers),
                send_filepath=str(path),
                checksum_config=S3ChecksumConfig(
                    algorithm=S3ChecksumAlgorithm.CRC32, location=S3ChecksumLocation.HEADER
                ),
            )
        except (OSError, RuntimeError) as error:  # awscrt's word for a file that cannot be opened
            msg = f"{path}: cannot be read: {error}"
            raise UnusableError(msg) from error
        limit_s = self._patience_s + size / _SLOWEST_BYTES_S
        self._under_way = request
        try:
            request.finished_future.result(limit_s)
        except FutureTimeoutError as error:
            request.cancel()
            msg = f"{self._name}: no answer within {limit_s:.0f} s; check the network"
            raise UnavailableError(msg) from error
        except S3ResponseError as error:
            raise answered(self._name, key, error.status_code, error.body) from error
        except AwsCrtError as error:
            raise self._failure(path, error) from error
        finally:
            self._under_way = None

    @property
    def _name(self) -> str:
        return f"bucket {self._target.bucket} at {self._address.host}"

    def _failure(self, path: Path, error: AwsCrtError) -> UnavailableError | UnusableError:
        try:
            with path.open("rb") as file:  # awscrt does not always say that it was the file
                while file.read(_MEBIBYTE):
                    pass
        except OSError as reason:
            return UnusableError(f"{path}: cannot be read: {reason}")
        return UnavailableError(f"{self._name}: {error.message} ({error.name}); {_hint(error.name)}")


def _hint(name: str) -> str:
    if "CREDENTIALS" in name or "_AUTH_" in name:
        return "check the device's credentials: the token exchange of Greengrass, or AWS_ACCESS_KEY_ID"
    return "the server asks for time" if "_S3_" in name else "check the network and the endpoint"


def answered(name: str, key: str, status: int, body: bytes | None) -> UnavailableError | RefusedError | UnusableError:
    """Return the error that an answer of S3 is.

    Args:
        name: The bucket, for people.
        key: What was sent.
        status: Of the answer.
        body: XML with an error code, where there is any.
    """
    found = _CODE.search(body or b"")
    code = found[1].decode() if found else ""
    answer = f"{status} {code}".rstrip()
    if status >= 500 or status in _TRANSIENT or code in _TRY_AGAIN:
        return UnavailableError(f"{name}: answers {answer}")
    if status in _REFUSALS or code in _WHAT_TO_CHECK:
        return RefusedError(f"{name}: refuses with {answer}; {_WHAT_TO_CHECK.get(code, _CHECK_ALL)}")
    return UnusableError(f"{name}: does not take {key}: {answer}")
