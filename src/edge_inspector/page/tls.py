"""TLS: what the page proves itself with."""

import ssl

from edge_inspector.errors import ConfigError
from edge_inspector.settings import TlsFiles


def tls_context(files: TlsFiles) -> ssl.SSLContext:
    """Return a context with certificate and key; TLS 1.2 at least.

    Raises:
        ConfigError: If a file cannot be read, or the two do not belong together.
    """
    for name, file in (("certificate", files.certificate), ("key", files.key)):
        try:
            file.read_bytes()
        except OSError as error:
            msg = f"page.tls.{name}: {file}: cannot be read: {error.strerror}"
            raise ConfigError(msg) from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # A key that asks for a password would otherwise ask on a terminal that nobody sits at.
        context.load_cert_chain(files.certificate, files.key, password=lambda: "")
    except (ssl.SSLError, OSError, ValueError) as error:
        msg = (
            f"page.tls: {files.certificate} and {files.key}: expected a certificate and its key without a password, "
            f"both PEM: {error}"
        )
        raise ConfigError(msg) from error
    return context
